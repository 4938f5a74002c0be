import { UserError } from '../../core/errors.ts';
import { type BuildInput, defineService, type ServiceDefinition } from '../../stack/service.ts';
import type { Blueprint, ImageSpec, Rolling } from '../../stack/types.ts';
import { cdn } from '../edge/settings/cdn.ts';
import type { edgeSettings } from '../edge/settings/edge-settings.ts';
import { monitored } from '../shared/monitoring.ts';
import { refuseOutOfReach } from './autoscale.ts';
import { MEDIA_TARGET } from './media.ts';
import {
  APP_CERTIFICATE,
  type AppSettings,
  appSettings,
  appTls,
  portalContract,
  portSuffix,
  publicPort,
  SOURCE_TARGET,
  TLS_ENVIRONMENT,
  urlHost,
} from './portal.ts';
import { programOf } from './program.ts';
import { firstSlot, hasServed, interruptionOf, refuseTwoSets, releasingPart } from './releasing.ts';
import { cacheContract, databaseContract } from './stores.ts';
import { resourceAttributes } from './traces.ts';
import { keepsFolders, memoryFolders, ownVolumes, refuseOverlaps } from './volumes.ts';
import { hostLines, inTheOpen, waysOut } from './ways-out.ts';

export const FIRST_HOST = 100;
export const MIGRATE_HOST = 90;
const NETWORKS = ['app', 'db'] as const;

const command = (own: AppSettings): string[] =>
  own.command.length > 0 || !own.source ? own.command : ['node', '--watch', `${SOURCE_TARGET}/src/server.js`];

/** The certificate, and how the portal takes a renewed one. Of an own image it is not known, nor would `node --watch` pass the signal on. */
function tlsPart(own: AppSettings, tls: boolean): Pick<Blueprint, 'certificate' | 'listeners' | 'reload'> {
  if (!tls) return {};
  const reloads = !own.image && command(own).length === 0;
  return {
    certificate: APP_CERTIFICATE,
    listeners: [{ port: own.port, protocol: 'tls' }],
    ...(reloads && { reload: ['/usr/local/bin/reload'] }),
  };
}

function refuseTooMany(own: AppSettings): void {
  if (own.replicas <= own.maxReplicas) return;
  throw new UserError(
    'INVALID_SETTINGS',
    `app.replicas is ${own.replicas}, and the balancer keeps ${own.maxReplicas} slots; nothing was changed`,
    own.replicas <= 100 ? `set \`app.maxReplicas: ${own.replicas}\`, or choose fewer replicas` : 'choose 100 replicas at most',
  );
}

/** Series of one replica at most: what suddenly has a label for each visitor is refused, and an alert says so. */
const MOST_SERIES = 2000;
/** The name of all replicas in the network: Prometheus finds those that run. */
const REPLICAS_NAME = 'app-replicas';

/** A replica that `scale` adds is found by its address: Prometheus needs no other configuration. */
function metricsPart(own: AppSettings, input: BuildInput, tls: boolean): Pick<Blueprint, 'metrics'> {
  if (!monitored(input) || !(own.metrics ?? !own.image)) return {};
  const slots = input.enabled('balancer') ? Math.max(own.maxReplicas, own.replicas) : own.replicas;
  const members = Array.from({ length: slots }, (_, index) => ({ name: `app-${index + 1}`, host: FIRST_HOST + index }));
  const source = { job: 'app', network: 'app', port: own.port, path: own.metricsPath, most: MOST_SERIES } as const;
  return { metrics: [{ ...source, ...(tls && { tls, serverName: 'app' }), group: { name: REPLICAS_NAME, members } }] };
}

/** @param first number of the first of them */
export const appReplicas = (own: Pick<AppSettings, 'replicas'>, first = 1) =>
  Array.from({ length: own.replicas }, (_, i) => ({ name: `app-${first + i}`, host: FIRST_HOST + first - 1 + i }));

const imageRef = (own: AppSettings, input: BuildInput): string | undefined => input.overrides.app?.ref ?? own.image;

/** A release that was deployed, else the operator's image, else the portal. */
function appImage(own: AppSettings, input: BuildInput): ImageSpec {
  const ref = imageRef(own, input);
  return ref ? { name: 'app', ref } : input.image('app');
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

export const app = defineService({
  name: 'app',
  key: 'app',
  summary: 'the portal, or your own application',
  settings: appSettings,
  build: (own, input) => {
    if (input.enabled('balancer')) {
      refuseTooMany(own);
      refuseOutOfReach(own);
      refuseTwoSets(own);
      for (const network of NETWORKS) input.reserve(network, FIRST_HOST + own.maxReplicas - 1);
    }
    refuseOverlaps(own);
    const ways = waysOut(own, input);
    const contract = portalContract(own, input, {
      database: databaseContract(input),
      cache: cacheContract(input),
      ways,
      edge: visited(input),
    });
    const image = appImage(own, input);
    const extraHosts = hostLines(ways, input);
    const tls = appTls(own, input);
    const program = programOf(own, image.ref, contract.inside, tls, input);
    const assets = assetsUrl(input);
    const [uid, gid] = own.user.split(':');
    const replicas = appReplicas(own, firstSlot(input));
    const replica = ({ name, host }: { name: string; host: number }): Blueprint => ({
      name,
      role: 'application',
      host,
      image,
      uid: Number(uid),
      ...(gid && { gid: Number(gid) }),
      networks: [...NETWORKS],
      ports: [],
      mounts: [
        { source: 'uploads', target: own.uploadsPath, kind: 'volume', readOnly: false, backedUp: 'files', ofUser: true },
        ...contract.media.map((mount) => (mount.kind === 'volume' && !mount.nfs && !mount.readOnly ? { ...mount, ofUser: true } : mount)),
        ...ownVolumes(own, name.startsWith('app-migrate') ? undefined : name),
        ...contract.source,
        ...program.mounts,
      ],
      secrets: contract.secrets,
      ...(program.unread && { unread: program.unread }),
      ...tlsPart(own, tls),
      ...metricsPart(own, input, tls),
      environment: {
        ...(tls && TLS_ENVIRONMENT),
        ...(assets && { ASSETS_URL: assets }),
        ...resourceAttributes(input, name, imageRef(own, input)),
        ...contract.environment,
        APP_REPLICA: name,
      },
      proxy: own.proxy,
      view: {
        ...program.view(command(own)),
        tmpfs: memoryFolders(own, Number(uid), Number(gid ?? uid)),
        hasExtraHosts: extraHosts.length > 0,
        extraHosts,
        replicasName: REPLICAS_NAME,
      },
      memoryBytes: own.memory,
      cpus: own.cpus,
      egress: inTheOpen(own, input),
      keeps: {
        [own.uploadsPath]: 'uploads: every replica stores and serves the same files',
        [MEDIA_TARGET]: 'the media library, where it is not mounted read-only',
        ...keepsFolders(own),
        '/tmp': 'what an application’s libraries put there; gone with the container',
      },
      after: [...contract.after, ...ways.map(({ name }) => name)],
      trust: contract.trust,
      ...(input.enabled('balancer') && { rolling: rolling(own, input.address('app', host), tls) }),
      interruption: interruptionOf(own),
      ...(own.egress === true && name === replicas[0]?.name && { notes: ['the application reaches all addresses outside (app.egress)'] }),
      urls: [],
    });
    const {
      role: _,
      rolling: __,
      certificate: ___,
      reload: ____,
      listeners: _____,
      metrics: ______,
      ...once
    } = replica({
      name: 'app-migrate',
      host: MIGRATE_HOST,
    });
    const migrates = { due: !hasServed(own, image.ref, input), restorePoint: own.restorePoint };
    const migrate = { ...once, oneOff: true, migrates, view: { ...once.view, ...program.view(own.migrate), replicasName: null } };
    return [...replicas.map(replica), ...(own.migrate.length > 0 ? [migrate] : [])];
  },
});
