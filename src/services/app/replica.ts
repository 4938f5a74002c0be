import type { BuildInput, CacheConnection, DatabaseConnection, ServiceDefinition, StoreContract } from '../../stack/service.ts';
import type { Blueprint, ImageSpec, NetworkName, Rolling } from '../../stack/types.ts';
import { cdn } from '../edge/settings/cdn.ts';
import type { edgeSettings } from '../edge/settings/edge-settings.ts';
import { monitored } from '../shared/monitoring.ts';
import { ownTracesEndpoint } from '../shared/traces.ts';
import { MEDIA_TARGET } from './media.ts';
import {
  APP_CERTIFICATE,
  type AppSettings,
  appTls,
  portalContract,
  portSuffix,
  publicPort,
  SOURCE_TARGET,
  TLS_ENVIRONMENT,
  urlHost,
} from './portal.ts';
import { FIRST_PROCESS, type Process, replicasOf, slotNames, slotsOf } from './processes/process.ts';
import { waysOfProcess } from './processes/ways.ts';
import { programOf } from './program.ts';
import { interruptionOf, releasingPart } from './releasing.ts';
import { cacheContract, databaseContract } from './stores.ts';
import { resourceAttributes } from './traces.ts';
import { keepsFolders, memoryFolders, ownVolumes } from './volumes.ts';
import { hostLines, inTheOpen, type WayOut } from './ways-out.ts';

/** Number of the container that runs `app.migrate`, in its networks. */
export const MIGRATE_HOST = 90;

/** What is the same for all containers of a process. */
export interface ProcessParts {
  process: Process;
  /** Every way out of the application. */
  ways: readonly WayOut[];
  /** The application has several processes. */
  several: boolean;
}

/** A process's containers, and with `once` one more that runs `app.migrate`. */
export interface Built {
  replicas: Blueprint[];
  /** The reference of its image. */
  image: string;
  /** A container of the same image that runs by name only. @param argv what it runs */
  once(argv: readonly string[]): Blueprint;
}

const commandOf = ({ own, beside }: Process): string[] =>
  own.command.length > 0 || !own.source || beside ? own.command : ['node', '--watch', `${SOURCE_TARGET}/src/server.js`];

/** The certificate, and how the portal takes a renewed one. Of an own image it is not known, nor would `node --watch` pass the signal on. */
function tlsPart(process: Process, tls: boolean): Pick<Blueprint, 'certificate' | 'listeners' | 'reload'> {
  if (!tls) return {};
  const { own, name } = process;
  const reloads = !own.image && commandOf(process).length === 0;
  // A key is readable by one user alone, and processes may have different ones.
  const certificate = name === FIRST_PROCESS ? APP_CERTIFICATE : { ...APP_CERTIFICATE, name: `app-${name}` };
  return {
    certificate,
    listeners: [{ port: own.port, protocol: 'tls' }],
    ...(reloads && { reload: ['/usr/local/bin/reload'] }),
  };
}

/** Series of one replica at most: what suddenly has a label for each visitor is refused, and an alert says so. */
const MOST_SERIES = 2000;

/** The name of all replicas in the network: Prometheus finds those that run. */
const namesTogether = ({ name }: Process): string => `${name}-replicas`;

/** A replica that `scale` adds is found by its address: Prometheus needs no other configuration. */
function metricsPart(process: Process, input: BuildInput, tls: boolean): Pick<Blueprint, 'metrics'> {
  const { own, name, serves } = process;
  if (!serves || !monitored(input) || !(own.metrics ?? !own.image)) return {};
  const members = slotNames(process, input.enabled('balancer') ? slotsOf(process, input) : own.replicas);
  const source = { job: name, network: 'app', port: own.port, path: own.metricsPath, most: MOST_SERIES } as const;
  return { metrics: [{ ...source, ...(tls && { tls, serverName: 'app' }), group: { name: namesTogether(process), members } }] };
}

/** The release's image of a process, else the operator's; undefined for the portal. */
const imageRef = ({ name, own, beside }: Process, { overrides }: BuildInput): string | undefined =>
  (beside?.image === undefined ? overrides.app?.ref : overrides.app?.refs?.[name]) ?? own.image;

/** A release that was deployed, else the operator's image, else the portal. */
function imageOf(process: Process, input: BuildInput): ImageSpec {
  const ref = imageRef(process, input);
  return ref ? { name: process.beside?.image === undefined ? FIRST_PROCESS : process.name, ref } : input.image('app');
}

/** The edge's settings, without the edge: it builds upon this file. */
const EDGE = { key: 'edge' } as ServiceDefinition<typeof edgeSettings>;

/** Where visitors find the application. */
function visited(input: BuildInput): { host: string; url: string } | undefined {
  if (!input.enabled('edge')) return undefined;
  const edge = input.settingsOf(EDGE);
  const [host = 'localhost'] = edge.domains;
  return { host, url: `https://${urlHost(host)}${portSuffix(publicPort(edge), 443)}` };
}

/** Where the app's pages are to load static files from, when the CDN tier has a name of its own. */
function assetsUrl(input: BuildInput): string | undefined {
  const host = input.enabled('edge') && input.enabled(cdn.name) ? input.settingsOf(cdn).host : undefined;
  if (!host) return undefined;
  return `https://${urlHost(host)}${portSuffix(publicPort(input.settingsOf(EDGE)), 443)}`;
}

const rolling = (own: AppSettings, address: string, tls: boolean): Rolling => ({
  balancer: 'balancer',
  address: `${address}:${own.port}`,
  readyPath: own.readyPath,
  tls,
  drainSeconds: own.drainSeconds,
  settleSeconds: own.settleSeconds,
  ...releasingPart(own),
});

/** What it does not speak with, it is in no network with. `out` leads to all addresses outside. */
function networksOf({ serves, needs, own, beside }: Process, ways: readonly WayOut[], input: BuildInput): NetworkName[] {
  if (!beside) return needs.database || needs.cache ? ['app', 'db'] : ['app'];
  return [
    ...(serves || ways.length > 0 || ownTracesEndpoint(input) ? (['app'] as const) : []),
    ...(needs.database || needs.cache ? (['db'] as const) : []),
    ...(own.egress === true ? (['out'] as const) : []),
  ];
}

/** What the stores are to a process: of those that it does not need it learns nothing. */
interface Stores {
  database: StoreContract<DatabaseConnection>;
  cache: StoreContract<CacheConnection>;
}

const storesOf = (input: BuildInput): Stores => ({ database: databaseContract(input), cache: cacheContract(input) });

/** The containers of one process: `app`, or one that stands beside it in `services`. */
export function buildProcess({ process, ways: all, several }: ProcessParts, input: BuildInput): Built {
  const { own, beside, needs, serves, name: processName } = process;
  const ways = waysOfProcess(process, all, input);
  const contract = portalContract(own, input, {
    ...storesOf(input),
    ways,
    edge: visited(input),
    process: { beside: beside && { name: processName, env: beside.env, secrets: beside.secrets }, needs, serves },
  });
  const image = imageOf(process, input);
  const extraHosts = hostLines(ways, input);
  const tls = serves && appTls(own, input);
  const program = programOf(own, image.ref, contract.inside, tls, input);
  const assets = assetsUrl(input);
  const [uid, gid] = own.user.split(':');
  const networks = networksOf(process, ways, input);
  const open = !beside && inTheOpen(own, input);
  const stop = beside?.stop;
  const drains = beside && !serves && { seconds: beside.stop.seconds, settleSeconds: own.settleSeconds };
  const once = ({ name, host }: { name: string; host: number }, argv: readonly string[], replica: string | undefined): Blueprint => ({
    name,
    ...(beside && { component: processName, composeFrom: FIRST_PROCESS, rulesFrom: 'services' }),
    host,
    image,
    uid: Number(uid),
    ...(gid && { gid: Number(gid) }),
    networks,
    ports: [],
    mounts: [
      ...(needs.uploads
        ? [{ source: 'uploads', target: own.uploadsPath, kind: 'volume', readOnly: false, backedUp: 'files', ofUser: true } as const]
        : []),
      ...contract.media.map((mount) => (mount.kind === 'volume' && !mount.nfs && !mount.readOnly ? { ...mount, ofUser: true } : mount)),
      ...ownVolumes(own, replica),
      ...(beside ? ownVolumes(beside, replica, `${processName}_`) : []),
      ...contract.source,
      ...program.mounts,
    ],
    secrets: contract.secrets,
    ...(program.unread && { unread: program.unread }),
    environment: {
      ...(tls && TLS_ENVIRONMENT),
      ...(assets && serves && { ASSETS_URL: assets }),
      ...resourceAttributes(input, name, imageRef(process, input)),
      ...contract.environment,
      APP_REPLICA: name,
    },
    proxy: own.proxy,
    view: {
      ...program.view(argv),
      tmpfs: memoryFolders(own, Number(uid), Number(gid ?? uid)),
      hasExtraHosts: extraHosts.length > 0,
      extraHosts,
      replicasName: null,
      processName: null,
      stopSeconds: stop?.seconds ?? 30,
      stopSignal: stop?.signal ?? null,
    },
    memoryBytes: own.memory,
    cpus: own.cpus,
    egress: open,
    keeps: {
      ...(needs.uploads && { [own.uploadsPath]: 'uploads: every replica stores and serves the same files' }),
      ...(needs.media && { [MEDIA_TARGET]: 'the media library, where it is not mounted read-only' }),
      ...keepsFolders(own),
      ...(beside && keepsFolders(beside, `services.${processName}`)),
      '/tmp': 'what an application’s libraries put there; gone with the container',
    },
    after: [...contract.after, ...ways.map(({ name: way }) => way)],
    trust: contract.trust,
    interruption: interruptionOf(own),
    urls: [],
  });
  const replica = ({ name, host }: { name: string; host: number }): Blueprint => {
    const container = once({ name, host }, commandOf(process), name);
    const behind = serves && input.enabled('balancer');
    const isOpen = own.egress === true && name === replicasOf(process)[0]?.name;
    return {
      ...container,
      role: 'application',
      ...tlsPart(process, tls),
      ...metricsPart(process, input, tls),
      view: {
        ...container.view,
        ...(networks.includes('app') && serves && { replicasName: namesTogether(process) }),
        ...(networks.includes('app') && serves && beside && { processName }),
      },
      ...(several && { process: { name: processName, number: process.number, order: process.order, ...(drains && { drains }) } }),
      ...(behind && { rolling: rolling(own, input.address('app', host), tls) }),
      ...(drains && { interruption: `none for visitors: it finishes what it has in hand, within ${drains.seconds} s` }),
      ...(isOpen && {
        notes: [`${beside ? processName : 'the application'} reaches all addresses outside (${settingOf(process)}.egress)`],
      }),
    };
  };
  return {
    replicas: replicasOf(process).map(replica),
    image: image.ref,
    once: (argv) => once({ name: `${processName}-migrate`, host: MIGRATE_HOST }, argv, undefined),
  };
}

/** Where the settings of a process stand. */
const settingOf = ({ name, beside }: Pick<Process, 'name' | 'beside'>): string => (beside ? `services.${name}` : name);

/** Addresses are kept for replicas that `scale` may add. */
export function reserveSlots(process: Process, networks: readonly NetworkName[], input: BuildInput): void {
  for (const network of networks) input.reserve(network, Math.max(...slotNames(process, process.own.maxReplicas).map(({ host }) => host)));
}
