import * as z from 'zod';
import { cpus, memory, port, size, urlPath } from '../../settings/fields.ts';
import type { BuildInput, CacheConnection, DatabaseConnection, StoreContract } from '../../stack/service.ts';
import { type CertificateSpec, type Mount, READY_PATH, type SecretSpec } from '../../stack/types.ts';
import { signOnContract } from '../sign-on/settings/contract.ts';
import { autoscaleSettings } from './autoscale.ts';
import { asFiles, type Beside, type Handed, handVariables } from './environment/handing.ts';
import type { ReferenceFacts } from './environment/references.ts';
import { envFileSettings, envSettings, secretsSettings } from './environment/settings.ts';
import { HEALTH_PATH, healthSettings, readySettings } from './health.ts';
import { MEDIA_TARGET, mediaContract, mediaSettings } from './media.ts';
import { notifyContract, portalSettings } from './notify.ts';
import { type ProcessSettings, processName } from './processes/settings.ts';
import { releasingSettings } from './releasing.ts';
import { without } from './stores.ts';
import { tracesContract } from './traces.ts';
import { folderPath, volumesSettings, writableSettings } from './volumes.ts';
import { egressSettings, givenUrl, type WayOut } from './ways-out.ts';

const UPLOADS_TARGET = '/srv/uploads';

/** A program and its arguments; an empty list is none. */
const argv = () => z.array(z.string().min(1)).default([]);

/** The settings of the application, wherever it runs: as containers of its own, or in the all-in-one container. */
export const appSettings = z.strictObject({
  image: z
    .string()
    .regex(/^[\w./:@-]+$/, 'should be an image such as ghcr.io/you/app:1')
    .optional()
    .describe('Your own application’s image; without it the reference portal is built'),
  port: port(3000).describe('Port that the application listens on inside its container (it is given as PORT)'),
  healthPath: urlPath(HEALTH_PATH).describe(
    'Answers 200 while the process is alive. Where neither this nor `app.health` is set, the HEALTHCHECK of your image counts, if it has one',
  ),
  health: healthSettings
    .optional()
    .describe('How Docker checks a container: by `command`, `get` or `none`; without any of them as `app.healthPath` says'),
  readyPath: urlPath(READY_PATH).describe('Answers 200 while it can serve'),
  ready: readySettings.prefault({}).describe('How the balancer checks a replica, by `app.readyPath`'),
  metricsPath: urlPath('/metrics').describe('Prometheus metrics: never answered to visitors'),
  metrics: z
    .boolean()
    .optional()
    .describe(
      'Prometheus asks each replica for `app.metricsPath` (at most 2,000 series each): on for the portal, off for your own image unless you say so',
    ),
  user: z
    .string()
    .regex(/^\d+(:\d+)?$/, 'should be uid or uid:gid in digits')
    .default('10001:10001')
    .describe('Its uid and gid'),
  command: z.array(z.string()).default([]).describe('Instead of the image’s own command'),
  env: envSettings,
  envFile: envFileSettings,
  secrets: secretsSettings,
  proxy: z
    .boolean()
    .default(false)
    .describe(
      'It is given the proxies of the Docker client’s configuration (`proxies` in ~/.docker/config.json); other containers are not. All addresses outside are open to it then, where `external` or an object storage names one',
    ),
  egress: egressSettings,
  source: z.string().min(1).optional().describe('Folder of the application’s source: mounted, and reloaded on every change'),
  replicas: z.int().min(1, 'should be at least 1').max(1000, 'should be at most 1000').default(1).describe('How many containers'),
  maxReplicas: z
    .int()
    .min(1)
    .max(100, 'should be at most 100')
    .default(10)
    .describe('Slots that the balancer keeps: up to here `scale` needs no reload'),
  autoscale: autoscaleSettings
    .optional()
    .describe(
      'Replicas are added and removed between two limits by the load, in place of a fixed number; `app.replicas` is the number to begin with',
    ),
  sticky: z.boolean().default(false).describe('A visitor keeps meeting the same replica (by a cookie), for an app that needs it'),
  timeout: z
    .int()
    .min(1, 'should be at least 1')
    .max(86_400, 'should be at most 86400, a day')
    .default(60)
    .describe('Seconds that it may be silent in a request, or between two events of a stream; then the visitor gets an error'),
  drainSeconds: z
    .int()
    .min(0)
    .max(3600)
    .default(60)
    .describe('How long the requests of a replica may take to finish before it is replaced'),
  settleSeconds: z.int().min(0).max(600).default(5).describe('How long a new replica must stay ready before the next one is replaced'),
  migrate: argv().describe(
    'Run once before the first replica of a release (a deploy, the first `up`, an `up` with another image), in a container of the new image; its failure aborts. The portal needs none: it migrates when it starts',
  ),
  ...releasingSettings,
  hooks: z
    .strictObject({
      pre: argv().describe('Run on this host before a deploy; its failure aborts'),
      post: argv().describe('Run on this host after a deploy'),
    })
    .prefault({})
    .describe('Programs with their arguments, no shell: [./notify, "--deploy"]'),
  after: z.array(processName).default([]).describe('Processes of `services` that a release replaces before it: [backend]'),
  tls: z
    .boolean()
    .optional()
    .describe('The app is spoken to over TLS: on for the portal behind the balancer, off for your own image unless you say so'),
  media: mediaSettings.prefault({}).describe('Where the media library is, which the app is given'),
  uploadsPath: folderPath.default(UPLOADS_TARGET).describe('Where the application finds the volume of uploads'),
  volumes: volumesSettings,
  writable: writableSettings,
  uploadLimit: size('1g').describe('Largest upload'),
  uploadQuota: size('100g').describe('What all uploads together may take; more are refused (507)'),
  uploadClientQuota: size('10g').describe(
    'What one client (an IPv4 address, or an IPv6 /64) may upload on a day (UTC), and never less than `app.uploadLimit`; more is refused (429)',
  ),
  portal: portalSettings.prefault({}).describe('The portal behind sign-on; your own image is not given it'),
  logLevel: z.enum(['debug', 'info', 'warn', 'error']).default('info').describe('What is logged'),
  memory: memory('384m').describe('Memory limit of each container'),
  cpus: cpus(2).describe('Processors that each container may use at most; never more than the host has'),
});

export type AppSettings = z.output<typeof appSettings>;

/** A host as URLs and nginx write it: IPv6 addresses in brackets. */
export const urlHost = (host: string): string => (host.includes(':') ? `[${host}]` : host);

/** As a URL has it: nothing where the port goes without saying. */
export const portSuffix = (number: number, usual: number): string => (number === usual ? '' : `:${number}`);

/** The port of HTTPS in a visitor's address bar. */
export const publicPort = (edge: { publicPort?: number | undefined; httpsPort: number }): number => edge.publicPort ?? edge.httpsPort;

export const SOURCE_TARGET = '/app/live';

/** Whether the application is spoken to over TLS. An own image has to be able to: its operator says so. */
export const appTls = (own: AppSettings, input: BuildInput): boolean => own.tls ?? (!own.image && input.enabled('balancer'));

/** One certificate for all replicas: every client asks for the name `app`, whatever address it connects to. */
export const APP_CERTIFICATE: CertificateSpec = {
  name: 'app',
  subjects: ['app', 'localhost', '127.0.0.1'],
  issuer: 'internal-ca',
  days: 90,
};

/** Where the application finds it; `current` is switched as a whole, so the two always belong together. */
export const TLS_ENVIRONMENT = { TLS_CERT_FILE: '/run/certs/current/fullchain.pem', TLS_KEY_FILE: '/run/certs/current/privkey.pem' };

/** What the application's part of the contract is made from, besides settings. */
interface Surroundings {
  database: StoreContract<DatabaseConnection>;
  cache: StoreContract<CacheConnection>;
  /** How it reaches what is outside, where it cannot by itself. */
  ways?: readonly WayOut[];
  edge?: ReferenceFacts['edge'];
  /** Nothing sets variables inside its container: secrets reach it as files alone. */
  filesOnly?: boolean;
  /** One process of several: what it says of variables, and what of the stack it is given. */
  process?: { beside: Beside | undefined; needs: ProcessSettings['needs']; serves: boolean };
}

/** What an application is given that needs all of it, and listens. */
const WHOLE: NonNullable<Surroundings['process']> = {
  beside: undefined,
  needs: { database: true, cache: true, external: true, uploads: true, media: true, volumes: true },
  serves: true,
};

/** The operator's own variables and secrets, their references resolved. */
function ownVariables(own: AppSettings, input: BuildInput, around: Surroundings): Handed {
  const { database, cache, ways = [], edge, filesOnly, process } = around;
  const facts: ReferenceFacts = {
    database: database.connection,
    cache: cache.connection,
    external: input.settings.external,
    given: (url) => givenUrl(url, ways),
    edge,
    app: { port: own.port, uploads: own.uploadsPath, media: own.media.kind === 'object' ? undefined : MEDIA_TARGET },
  };
  const handed = handVariables(own, facts, process?.beside);
  return filesOnly ? asFiles(handed) : handed;
}

const NOTHING_OUTSIDE: BuildInput['settings']['external'] = { plex: {}, overseerr: {}, uptimeKuma: {} };

/** The environment and the secrets of the app contract (docs/app-contract.md). */
export function portalContract(own: AppSettings, input: BuildInput, around: Surroundings) {
  const { ways = [], process = WHOLE } = around;
  const { needs, serves } = process;
  const { plex, overseerr, uptimeKuma } = needs.external ? input.settings.external : NOTHING_OUTSIDE;
  const stores = [needs.database ? around.database : without(around.database), needs.cache ? around.cache : without(around.cache)];
  const media = needs.media ? mediaContract(own.media) : { mounts: [], environment: {} as Record<string, string>, secrets: [] };
  const traces = tracesContract(input, ways);
  const notify = own.image ? { environment: {}, secrets: [] } : notifyContract(own.portal, (url) => givenUrl(url, ways));
  const signIn = serves ? signOnContract(input) : { environment: {}, secrets: [] };
  const variables = ownVariables(own, input, around);
  const given = (name: string, value: typeof plex.token): SecretSpec[] => (value ? [{ name, source: { given: value } }] : []);
  const environment: Record<string, string> = {
    ...(serves && { PORT: String(own.port) }),
    ...Object.assign({}, ...stores.map((store) => store.environment)),
    ...(needs.uploads && { UPLOADS_PATH: own.uploadsPath }),
    ...media.environment,
    ...(media.environment.S3_ENDPOINT && { S3_ENDPOINT: givenUrl(media.environment.S3_ENDPOINT, ways) }),
    ...(needs.uploads && {
      UPLOAD_LIMIT_BYTES: String(own.uploadLimit),
      UPLOAD_QUOTA_BYTES: String(own.uploadQuota),
      UPLOAD_CLIENT_QUOTA_BYTES: String(Math.max(own.uploadClientQuota, own.uploadLimit)),
      UPLOAD_RESERVE_BYTES: String(input.settings.diskReserve),
    }),
    LOG_LEVEL: own.logLevel,
    ...(plex.url && { PLEX_URL: givenUrl(plex.url, ways) }),
    ...(plex.token && { PLEX_TOKEN_FILE: '/run/secrets/plex-token' }),
    ...(overseerr.url && { OVERSEERR_URL: givenUrl(overseerr.url, ways) }),
    ...(overseerr.apiKey && { OVERSEERR_API_KEY_FILE: '/run/secrets/overseerr-api-key' }),
    ...(uptimeKuma.url && { UPTIME_KUMA_URL: givenUrl(uptimeKuma.url, ways) }),
    ...traces.environment,
    ...notify.environment,
    ...signIn.environment,
    ...variables.environment,
  };
  for (const name of Object.keys(variables.inside)) delete environment[name];
  return {
    environment,
    /** Variables that are set inside the container, and their files. */
    inside: variables.inside,
    /** What the process itself reads. */
    secrets: [
      ...stores.flatMap((store) => store.secrets),
      ...given('plex-token', plex.token),
      ...given('overseerr-api-key', overseerr.apiKey),
      ...media.secrets,
      ...traces.secrets,
      ...notify.secrets,
      ...signIn.secrets,
      ...variables.secrets,
    ],
    /** What those are composed of; the servers read them. */
    passwords: stores.flatMap((store) => store.passwords),
    after: stores.flatMap((store) => store.after),
    trust: stores.some((store) => store.trust),
    media: media.mounts,
    source: own.source ? [{ source: own.source, target: SOURCE_TARGET, kind: 'bind', readOnly: true } satisfies Mount] : [],
  };
}
