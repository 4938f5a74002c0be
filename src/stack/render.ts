import { parse } from 'yaml';
import { dynamicRange, hostAddress } from '../core/cidr.ts';
import { canonical, shortHash } from '../core/hash.ts';
import type { JsonObject } from '../core/json.ts';
import { mergeData } from '../core/merge.ts';
import { readPlainDocument } from '../settings/startup/plain-document.ts';
import { preparsed } from '../settings/startup/preparsed.ts';
import { certificatesOf, certificateTarget } from './certificates.ts';
import { composeText } from './compose/text.ts';
import { LABEL, volumeName } from './labels.ts';
import { nfsDriverOptions } from './nfs.ts';
import { operatorOverride } from './override/operator-override.ts';
import { proxyVariables } from './proxies.ts';
import { encryptedDriverOptions, mountsOf, outlives } from './storage.ts';
import { renderTemplate } from './template.ts';
import {
  type Mount,
  type Network,
  protocolName,
  READY_PATH,
  type Rendered,
  type RenderedFile,
  type RenderInput,
  type Service,
  type Stack,
} from './types.ts';

export const COMPOSE_FILE = 'compose.yml';

const header = (source: string) =>
  `# Written by medianest from ${source}. An edit here is noticed, not kept:\n# settings go into medianest.yml, anything else into compose.override.yml in the state folder.\n`;

/** Stack -> every file, and a fingerprint of all that makes a new container necessary. Pure and byte-identical for the same input. */
export function render(stack: Stack, input: RenderInput): Rendered {
  const base = parseBase(input.base);
  const override = operatorOverride(input.override, stack);
  const services: JsonObject = {};
  const inputs: Rendered['inputs'] = {};
  const configs: Rendered['configs'] = {};
  const files: RenderedFile[] = [];
  // The engine would refuse to isolate a network that the operator opens, or gives another driver.
  const networks = stack.networks.map(({ isolated, ...network }) => ({
    ...network,
    ...(isolated && !override.opens(network.name) && { isolated }),
  }));
  const subnets = new Map(networks.map((network) => [network.name, network]));
  for (const service of stack.services) {
    const config = [...renderConfig(service, input.templates), ...computedFiles(service), ...rulesFor(service, stack, input)];
    files.push(...config);
    if (config.length > 0) configs[service.name] = shortHash(config.map(({ path, contents }) => [path, contents]));
    const fragment = renderFragment(service, input.templates);
    const definition = mergeData(
      mergeData(base['x-service'] as JsonObject, facts(service, subnets, config.length > 0, input.hostCpus)),
      fragment,
    );
    inputs[service.name] = canonical({
      // Without the order of starting: a group that grows or shrinks is no reason to replace the services that depend on it.
      definition: shortHash({ ...definition, depends_on: null }),
      networks: shortHash(service.networks.map((name) => subnets.get(name))),
      ...(service.secrets.length > 0 &&
        !service.reloadsSecrets && { secrets: shortHash(service.secrets.map(({ name }) => [name, input.fingerprints[name] ?? ''])) }),
      ...(!service.reload && configs[service.name] && { config: configs[service.name] }),
      ...(!service.reload && service.certificate && { certificate: input.fingerprints[certificateKey(service.certificate.name)] ?? '' }),
      ...(service.restarts && { restarts: shortHash(service.restarts) }),
      ...(service.rolling && { protocol: protocolName(service.rolling.tls) }),
      // Labels of earlier versions do not name it: the usual one is left out, so that an upgrade replaces nothing for it.
      ...(service.rolling && service.rolling.readyPath !== READY_PATH && { ready: service.rolling.readyPath }),
      ...override.inputsOf(service.name),
    });
    const labels = { [LABEL.project]: stack.project, [LABEL.component]: service.component, [LABEL.inputs]: inputs[service.name] as string };
    services[service.name] = mergeData(definition, { labels });
  }
  const document = {
    name: stack.project,
    // A note, which Compose passes over: without it nothing would be written where the stack is only short of an image.
    ...(stack.leftOut.length > 0 && { 'x-left-out': Object.fromEntries(stack.leftOut.map(({ service, image }) => [service, image.ref])) }),
    services,
    networks: Object.fromEntries(networks.map((network) => [network.name, networkDefinition(network, base, stack.project)])),
    volumes: Object.fromEntries(
      stack.volumes.map((name) => [
        name,
        outlives(stack, name)
          ? { name: volumeName(stack.project, name), external: true }
          : { ...driverOf(stack, name), labels: { [LABEL.project]: stack.project } },
      ]),
    ),
  };
  const contents = header('docker-compose.base.yml, profiles and templates') + composeText(document);
  files.unshift({ path: COMPOSE_FILE, mode: 0o644, contents }, ...override.files);
  return { files, inputs, configs, added: override.added, ...(override.refused && { refused: override.refused }) };
}

function parseBase(text: string): JsonObject {
  const known = preparsed[shortHash(text)];
  return (known === undefined ? parse(text) : JSON.parse(known)) as JsonObject;
}

/** The key of a certificate among the fingerprints. */
export const certificateKey = (name: string): string => `certificate:${name}`;

const environmentOf = ({ environment, proxy }: Service): Record<string, string> =>
  proxy ? environment : { ...environment, ...proxyVariables(environment) };

/** What was decided about a service, in Compose's words. */
function facts(service: Service, networks: ReadonlyMap<string, Network>, hasConfig: boolean, hostCpus: number): JsonObject {
  const folder = (source: string, target: string): Mount => ({ source, target, kind: 'bind', readOnly: true });
  const mounts = [
    ...service.mounts,
    ...(hasConfig ? [folder(`./config/${service.name}`, '/etc/medianest')] : []),
    ...(service.secrets.length > 0 ? [folder(`./secrets/${service.name}`, '/run/secrets')] : []),
    ...certificatesOf(service).map((spec) => folder(`./certs/${spec.name}`, certificateTarget(service, spec))),
    ...(service.trust ? [folder('./ca/trust', '/run/trust')] : []),
  ];
  const environment = environmentOf(service);
  return {
    image: service.image.ref,
    user: `${service.uid}:${service.gid ?? service.uid}`,
    ...(service.oneOff && { profiles: ['one-off'], restart: 'no' }),
    ...(service.networks.length === 0
      ? { network_mode: service.hostNetwork ? 'host' : 'none' }
      : {
          networks: Object.fromEntries(
            service.networks.map((name) => [
              name,
              { ipv4_address: hostAddress((networks.get(name) as Network).subnet, service.host) as string },
            ]),
          ),
        }),
    mem_limit: service.memoryBytes,
    // Without this a container may swap as much again, and a leak would slow the host down before it is stopped.
    memswap_limit: service.memoryBytes,
    cpus: Math.min(service.cpus ?? 2, hostCpus),
    ...(service.pids && { pids_limit: service.pids }),
    ...(service.ports.length > 0 && {
      ports: service.ports.map((port) => ({
        host_ip: port.address,
        published: String(port.host),
        target: port.container,
        protocol: port.protocol ?? 'tcp',
      })),
    }),
    ...(mounts.length > 0 && { volumes: mounts.map(volume) }),
    ...(Object.keys(environment).length > 0 && { environment }),
    // Only the order: Docker ignores conditions when it restarts, so every entrypoint waits for what it needs.
    ...(service.after.length > 0 && {
      depends_on: Object.fromEntries(service.after.map((name) => [name, { condition: 'service_started' }])),
    }),
  };
}

const volume = (mount: Mount): JsonObject => ({
  type: mount.kind,
  source: mount.source,
  target: mount.target,
  ...(mount.readOnly && { read_only: true }),
  // A missing folder is an error to tell, not a folder for Docker to make as root.
  ...(mount.kind === 'bind' && { bind: { create_host_path: false } }),
  // Docker would copy the image's folder into an empty volume, and with it the owner: of what a server exports, or what `up` has set.
  ...((mount.nfs || mount.ofUser) && { volume: { nocopy: true } }),
});

/** Options of Docker's own driver for a volume that is an NFS export, or a folder that the kernel encrypts. */
function driverOf(stack: Stack, name: string): JsonObject {
  const options = encryptedDriverOptions(stack, name) ?? nfsOptions(stack, name);
  return options ? { driver: 'local', driver_opts: { ...options } } : {};
}

function nfsOptions(stack: Stack, name: string): JsonObject | undefined {
  const nfs = mountsOf(stack, name).find((mount) => mount.nfs)?.nfs;
  return nfs && nfsDriverOptions(nfs);
}

function renderFragment(service: Service, templates: ReadonlyMap<string, string>): JsonObject {
  const name = `${service.composeFrom ?? service.component}/compose.yml.hbs`;
  const source = templates.get(name);
  if (source === undefined) return {};
  const text = renderTemplate(name, source, { name: service.name, ...service.view });
  return readPlainDocument(text) ?? (parse(text) as JsonObject | null) ?? {};
}

/** The files of its configuration folder, from its own templates or from those of the services it contains. */
function renderConfig(service: Service, templates: ReadonlyMap<string, string>): RenderedFile[] {
  return (service.configFrom ?? [service.component]).flatMap((component) => {
    const folder = `${component}/config/`;
    return [...templates]
      .filter(([name]) => name.startsWith(folder))
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, source]) => {
        const file = name.slice(folder.length).replace(/\.hbs$/, '');
        const body = name.endsWith('.hbs') ? renderTemplate(name, source, { name: service.name, ...service.view }) : source;
        // JSON and scripts know no `#`; every other format used here does.
        const contents = /\.(?:json|js|html)$/.test(file) ? body : header(`templates/${name}`) + body;
        return { path: `${service.name}/${file}`, mode: 0o644, contents };
      });
  });
}

const computedFiles = ({ name, files = {} }: Service): RenderedFile[] =>
  Object.entries(files).map(([file, contents]) => ({ path: `${name}/${file}`, mode: 0o644, contents }));

/** Rules of every component of the stack, for the service that takes them. They hold braces of their own, so they are no templates. */
function rulesFor(service: Service, stack: Stack, { templates, ownRules = new Map() }: RenderInput): RenderedFile[] {
  if (!service.takesRules) return [];
  const own = [...ownRules].map(([name, contents]) => ({ path: `${service.name}/${name}`, mode: 0o644, contents }));
  const ours = [...new Set(stack.services.map(({ component, rulesFrom }) => rulesFrom ?? component))].sort().flatMap((component) => {
    const name = `${component}/rules.yml`;
    const text = templates.get(name);
    if (text === undefined) return [];
    return [{ path: `${service.name}/rules-${component}.yml`, mode: 0o644, contents: header(`templates/${name}`) + text }];
  });
  return [...ours, ...own];
}

/** Engine 28's bridge without an address of its host. IPv6 as well, for an engine that gives every network such addresses. */
const ISOLATED: JsonObject = {
  'com.docker.network.bridge.gateway_mode_ipv4': 'isolated',
  'com.docker.network.bridge.gateway_mode_ipv6': 'isolated',
};

/** What leaves keeps the container’s own address, to which no answer finds its way; answers to published ports are translated as before. */
const INBOUND_ONLY: JsonObject = { 'com.docker.network.bridge.enable_ip_masquerade': 'false' };

function networkDefinition(network: Network, base: JsonObject, project: string): JsonObject {
  const common = ((base.networks as JsonObject | undefined)?.[network.name] ?? {}) as JsonObject;
  return mergeData(common, {
    ...(network.internal && { internal: true }),
    ...(network.isolated && { driver_opts: ISOLATED }),
    ...(network.inboundOnly && { driver_opts: INBOUND_ONLY }),
    ...(network.ipv6 && { enable_ipv6: true }),
    // The first address is the host's: left alone, Docker would take one of the dynamic range.
    ipam: {
      config: [
        { subnet: network.subnet, ip_range: dynamicRange(network.subnet), gateway: hostAddress(network.subnet, 1) as string },
        ...(network.ipv6 ? [{ subnet: network.ipv6 }] : []),
      ],
    },
    labels: { [LABEL.project]: project },
  });
}
