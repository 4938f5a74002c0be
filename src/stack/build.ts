import { hostAddress } from '../core/cidr.ts';
import { UserError } from '../core/errors.ts';
import { shortHash } from '../core/hash.ts';
import { isEveryAddress, isIpv6 } from '../core/ip-address.ts';
import { secretsIn } from '../core/secret-part.ts';
import type { Settings } from '../settings/schema.ts';
import { certificatesOf } from './certificates.ts';
import { type FoundLock, heldBuild } from './image-lock.ts';
import { imagesInOrder } from './images/image.ts';
import { type Absence, leaveOut, NOTHING_ABSENT } from './images/left-out.ts';
import { usedNetworks } from './networks.ts';
import { applyOverrides, type Overrides } from './overrides.ts';
import { checkNames } from './processes/place.ts';
import type { BuildInput, HostFacts, ServiceDefinition } from './service.ts';
import { volumesFolder } from './storage.ts';
import type { AddressNeeds, Reach } from './subnets.ts';
import {
  type Blueprint,
  type ImageSpec,
  NETWORKS,
  type NetworkName,
  type SecretSource,
  type SecretSpec,
  type Service,
  type Stack,
} from './types.ts';

/** What building a stack needs besides the settings; all read beforehand. */
export interface BuildFacts extends Partial<Reach> {
  version: string;
  overrides: Overrides;
  host?: HostFacts;
  subnets: Readonly<Record<NetworkName, string>>;
  /** The engine's socket on this machine and the group that may use it; undefined where the engine is elsewhere. */
  engineSocket?: { path: string; gid: number } | undefined;
  /** Hash of all files of an image's source; the folder is relative to the package (`templates/edge/image`). */
  sourceHash(folder: string): string;
  /** Images that the engine does not have, where it was asked. */
  absence?: Absence;
  /** The packages that images are to be built with. */
  lock?: FoundLock | undefined;
  /** Told of every fixed address that is asked for or reserved. */
  onAddress?(network: NetworkName, host: number): void;
  /** The settings as services are to see them, for whom it matters what they look at. */
  watch?(settings: Settings): Settings;
}

const BASE_IMAGE = 'debian:trixie-slim';

/** Settings -> Stack: every decision is taken here and in the services; nothing later looks at settings. */
export function buildStack(asked: Settings, registry: readonly ServiceDefinition[], facts: BuildFacts): Stack {
  const { settings: effective, overrides } = applyOverrides(asked, facts.overrides, () => portalImage(asked, facts).ref);
  const settings = facts.watch?.(effective) ?? effective;
  const enabled = registry.filter((service) => isOn(service, settings));
  if (enabled.length === 0)
    throw new UserError('INVALID_SETTINGS', 'every component is switched off: nothing would run', 'switch one on under `components:`');
  const built: Blueprint[] = [];
  const input = { ...buildInput(settings, { ...facts, overrides }), built };
  const components = new Map<string, string>();
  for (const definition of enabled) {
    const blueprints = definition.build(settings[definition.key], input);
    built.push(...blueprints);
    for (const { name, component = definition.name } of blueprints) components.set(name, component);
  }
  const { kept, leftOut } = leaveOut(built, facts.absence ?? NOTHING_ABSENT);
  const services = kept.map((blueprint): Service => ({ ...blueprint, component: components.get(blueprint.name) as string }));
  checkNames(services, registry);
  checkAddresses(services, facts);
  for (const protocol of [undefined, 'udp'] as const) checkPorts(services, protocol);
  const present = new Set(services.map((service) => service.name));
  for (const service of services) {
    service.after = service.after.filter((name) => present.has(name));
    // Without its controller a group cannot hand over between members.
    if (service.member && !present.has(service.member.controller)) delete service.member;
  }
  return {
    project: settings.project,
    profile: settings.profile,
    version: facts.version,
    services,
    networks: usedNetworks(settings.project, services, facts),
    volumes: unique(services.flatMap((service) => service.mounts.flatMap((mount) => (mount.kind === 'volume' ? [mount.source] : [])))),
    ...(settings.storage.encrypt && { encryptedIn: volumesFolder(settings) }),
    secrets: collectSecrets(settings, registry, services),
    certificates: [...new Map(services.flatMap(certificatesOf).map((spec) => [spec.name, spec] as const)).values()],
    images: imagesInOrder(services.map(({ image }) => image)),
    overrides,
    urls: unique(services.flatMap((service) => service.urls)),
    leftOut,
  };
}

const isOn = ({ name, accompanies, askedFor }: ServiceDefinition, settings: Settings): boolean =>
  (settings.components[name] ?? ((accompanies !== undefined && settings.components[accompanies]) || askedFor?.(settings))) === true;

/** Ranges that hold every fixed address there may be, to learn which are asked for. */
const ROOMY = Object.fromEntries(NETWORKS.map((name, index) => [name, `10.${index + 1}.0.0/16`])) as BuildFacts['subnets'];

/** The highest number of a fixed address in each network: of the containers, and of those that `scale` may add up to `app.maxReplicas`. */
export function addressNeeds(settings: Settings, registry: readonly ServiceDefinition[], facts: Omit<BuildFacts, 'subnets'>): AddressNeeds {
  const highest = Object.fromEntries(NETWORKS.map((name) => [name, 1])) as Record<NetworkName, number>;
  buildStack(settings, registry, {
    ...facts,
    subnets: ROOMY,
    onAddress: (network, host) => {
      highest[network] = Math.max(highest[network], host);
    },
  });
  return highest;
}

/** Whether an earlier version opened the application's network for these settings, to all addresses outside. */
export const opensApp = (settings: Settings, registry: readonly ServiceDefinition[], facts: Omit<BuildFacts, 'subnets'>): boolean =>
  buildStack(settings, registry, { ...facts, subnets: ROOMY, appClosed: false }).networks.some(
    ({ name, internal }) => name === 'app' && !internal,
  );

/** The image of a tool that runs when it is needed, such as `lego`. */
export const toolImage = (settings: Settings, facts: BuildFacts, name: string): ImageSpec => buildInput(settings, facts).image(name);

/** The reference portal's image, whatever the application is. */
export const portalImage = (settings: Settings, facts: BuildFacts): ImageSpec => buildInput(settings, facts).image('app');

function buildInput(settings: Settings, facts: BuildFacts): BuildInput {
  const base = settings.images.base ?? BASE_IMAGE;
  const { lock, snapshot } = settings.packages;
  const input: BuildInput = {
    settings,
    overrides: facts.overrides,
    host: facts.host ?? {},
    engineSocket: facts.engineSocket,
    appClosed: facts.appClosed !== false,
    built: [],
    settingsOf: (definition) => settings[definition.key] as never,
    enabled: (component) => settings.components[component] === true,
    address: (network, host) => fixedAddress(network, host, facts),
    range: (network) => facts.subnets[network],
    fits: (network, host) => hostAddress(facts.subnets[network], host) !== undefined,
    reserve: (network, host) => facts.onAddress?.(network, host),
    pulled: (name, { ref, bytes }) => {
      const own = settings.images[name];
      if (own) return { name, ref: own };
      const locked = lock ? facts.lock?.lock.images[name] : undefined;
      return { name, ref, pulled: { bytes, ...(locked?.ref === ref && locked.digest && { digest: locked.digest }) } };
    },
    lacks: (service, { ref }) => facts.absence?.refs.has(ref) === true && facts.absence.running[service] === undefined,
    image: (name, build = {}): ImageSpec => {
      const own = settings.images[name];
      const update = facts.overrides.updates?.[name];
      if (own) return { name, ref: own };
      const context = `templates/${name}/image`;
      const { after, contexts = {} } = build;
      const args: Record<string, string> = after ? { PARENT_IMAGE: after.ref } : { BASE_IMAGE: base };
      const sources = [context, ...Object.values(contexts)].map((folder) => facts.sourceHash(folder));
      const source = shortHash(sources);
      const held = lock ? heldBuild(facts.lock, name, source, snapshot) : undefined;
      const from = held && facts.lock?.lock.images[name]?.base;
      // A published base by its digest. One that was made on this machine has none, and its packages are brought to the lock's.
      if (from?.digest && from.ref === args.BASE_IMAGE) args.BASE_IMAGE = from.digest;
      const content = { args, sources, ...(held ? { packages: held.packages } : update && { update }) };
      const fresh = update !== undefined && !held;
      return {
        name,
        ref: `medianest/${name}:${shortHash(content)}`,
        build: { context, contexts, args, ...(after ? { after } : { base }), fresh, source, ...(held && { held }) },
      };
    },
  };
  return input;
}

function fixedAddress(network: NetworkName, host: number, facts: Pick<BuildFacts, 'subnets' | 'onAddress'>): string {
  facts.onAddress?.(network, host);
  const subnet = facts.subnets[network];
  const address = hostAddress(subnet, host);
  if (address) return address;
  throw new UserError(
    'INVALID_SETTINGS',
    `the network ${network} (${subnet}) is too small for so many containers`,
    `fewer replicas (\`app.replicas\`, \`app.maxReplicas\`), or a wider networks.${network}.subnet: all containers in it are replaced at once then`,
  );
}

/** Every container has an address of its own in each of its networks. @throws UserError where a network is too small */
function checkAddresses(services: readonly Service[], facts: BuildFacts): void {
  const owners = new Map<string, string>();
  for (const service of services)
    for (const network of service.networks) {
      const key = `${network} ${fixedAddress(network, service.host, facts)}`;
      const other = owners.get(key);
      if (other) {
        throw new UserError(
          'INVALID_SETTINGS',
          `${service.name} and ${other} cannot run together: both have the address ${key.split(' ')[1]} in the network ${network}`,
          `switch one of them off: \`components: { ${service.component}: false }\``,
        );
      }
      owners.set(key, service.name);
    }
}

/** Docker would find out only while it starts the second of them. */
function checkPorts(services: readonly Service[], of: 'udp' | undefined): void {
  const published = services.flatMap(({ ports, front }) => [...ports, ...(front?.ports ?? [])].filter(({ protocol }) => protocol === of));
  for (const [index, port] of published.entries()) {
    const other = published.slice(0, index).find((before) => before.host === port.host && sameAddress(before.address, port.address));
    if (!other) continue;
    if (port.setting === other.setting) {
      const [wide, one] = isEveryAddress(port.address) ? [port, other] : [other, port];
      const setting = `${port.setting.split('.')[0]}.address`;
      throw new UserError(
        'INVALID_SETTINGS',
        `${setting} names ${one.address} besides ${wide.address}, which contains it`,
        `leave one of them out of \`${setting}\``,
      );
    }
    throw new UserError(
      'INVALID_SETTINGS',
      `${port.setting} and ${other.setting} are both ${port.host}`,
      `choose another \`${port.setting}\``,
    );
  }
}

/** Docker binds IPv4 and IPv6 apart: `::` leaves every IPv4 address free. */
const sameAddress = (a: string, b: string): boolean => isIpv6(a) === isIpv6(b) && (a === b || isEveryAddress(a) || isEveryAddress(b));

/** The secrets of the services, and those that these are composed of. */
function collectSecrets(settings: Settings, registry: readonly ServiceDefinition[], services: readonly Service[]): SecretSpec[] {
  const byName = new Map(services.flatMap((service) => service.secrets).map((secret) => [secret.name, secret]));
  for (const { name, source } of [...byName.values()]) {
    const missing = composedOf(source).filter((part) => !byName.has(part));
    if (missing.length > 0) {
      throw new UserError(
        'INVALID_SETTINGS',
        `the secret ${name} is composed of ${missing.join(', ')}, which no service that is switched on provides`,
        `switch on the service that has it (of ${registry.map((entry) => entry.name).join(', ')}), or set ${settings.profile}’s components`,
      );
    }
  }
  return [...byName.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}

function composedOf(source: SecretSource): string[] {
  if ('parts' in source) return secretsIn(source.parts);
  return 'format' in source ? [...source.format.matchAll(/\{([\w-]+)\}/g)].map((match) => match[1] as string) : [];
}

const unique = (items: string[]): string[] => [...new Set(items)];
