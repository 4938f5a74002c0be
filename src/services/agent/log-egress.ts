import * as z from 'zod';
import { UserError } from '../../core/errors.ts';
import type { JsonObject } from '../../core/json.ts';
import { isAddress, isLoopback, portOf } from '../../core/url-host.ts';
import { httpUrl, memory, secret, size } from '../../settings/fields.ts';
import { type BuildInput, defineService } from '../../stack/service.ts';
import type { NetworkName, SecretSpec } from '../../stack/types.ts';
import { elasticsearchListen, hasFull, logStore, runsFull } from '../shared/full.ts';
import { AGENT_HOST } from '../shared/monitoring.ts';

const NAME = 'log-egress';
const HOST = 69;

const STORES = ['off', 'files', 'elasticsearch', 'victorialogs'] as const;

const settings = z
  .strictObject({
    store: z
      .enum(STORES, `should be one of ${STORES.join(', ')}`)
      .optional()
      .describe(
        'Where the agent keeps the lines of all containers: `files` (a volume, read by `medianest logs`), `elasticsearch` (at `url`, or of this stack where it has one) or `victorialogs` at `url`; `off`: the engine’s own logs alone, at most 30 MiB for each container (docs/logs.md). If not given, `files` with `observability: light`, `elasticsearch` with `full`',
      ),
    url: httpUrl().describe('Address of Elasticsearch or VictoriaLogs, outside the stack'),
    user: z.string().min(1).optional().describe('User there'),
    password: secret().describe('Password of that user'),
    apiKey: secret().describe('API key of Elasticsearch, in place of user and password'),
    ca: secret().describe(
      'The CA that has signed the store’s certificate, in PEM: `file:elasticsearch-ca.pem`; without it, the CAs that Node.js knows',
    ),
    days: z
      .int()
      .min(1)
      .max(3650)
      .default(14)
      .describe('Days for which lines are kept: of files, and by the lifecycle policy in Elasticsearch'),
    size: size('1g', '64m').describe('Disk space of the files at most: the oldest go first'),
    buffer: size('256m', '16m').describe(
      'Disk space for lines that wait for a store which is away: beyond it, the oldest are dropped and counted',
    ),
    memory: memory('64m').describe('Memory that the agent may use for it, besides `agent.memory`'),
  })
  .superRefine((own, context) => {
    const issue = (key: string, message: string) => context.addIssue({ code: 'custom', path: [key], message, input: undefined });
    if (own.store === undefined && own.url !== undefined)
      issue('store', 'should be elasticsearch or victorialogs, as `url` is given: without it, lines would not go there');
    if (own.store === 'elasticsearch' && own.url === undefined) {
      if (own.user !== undefined || own.password || own.apiKey || own.ca)
        issue(
          'url',
          'should be the address of the store that `user`, `password`, `apiKey` and `ca` are for: that of this stack needs none of them',
        );
      return;
    }
    if (!isRemote(own)) return;
    if (own.url === undefined) issue('url', `should be the address of the store, as \`store\` is ${own.store}`);
    else if (isLoopback(new URL(own.url).hostname))
      issue('url', 'should be an address that the agent’s container reaches: this one is its own');
    if (own.url !== undefined && /^\w+:\/\/[^/]*@/.test(own.url))
      issue('url', 'should have no user or password in it: `user` and `password` are for that');
    if ((own.user === undefined) !== (own.password === undefined)) issue('password', '`user` and `password` go together');
    if (own.apiKey && own.password) issue('apiKey', 'is in place of `user` and `password`: leave one of them out');
    if (own.apiKey && own.store !== 'elasticsearch') issue('apiKey', 'is for elasticsearch alone');
  });

type Settings = BuildInput['settings'] & Readonly<Record<string, unknown>>;

export type LogsSettings = z.output<typeof settings>;

type Store = (typeof STORES)[number];

const isRemote = ({ store }: { store?: Store | undefined }): boolean => store === 'elasticsearch' || store === 'victorialogs';

/** By the settings alone: with `elasticsearch` of this stack, lines are kept as files while that is left out for want of its image. */
export function storeOf(settings: Settings): Store {
  const { store } = settings.logs as LogsSettings;
  if (store !== undefined) return store;
  if (settings.observability === 'off') return 'off';
  return hasFull({ settings }, 'elasticsearch') ? 'elasticsearch' : 'files';
}

/** Whether lines go to Elasticsearch of this stack, while that is not left out. */
const goesToOwn = (settings: Settings): boolean =>
  storeOf(settings) === 'elasticsearch' && (settings.logs as LogsSettings).url === undefined;

/** As `storeOf`, for a stack as it was brought up. @param leftOut of its manifest */
export const storeNow = (settings: Settings, leftOut: readonly { service: string; keeps?: string }[] = []): Store =>
  goesToOwn(settings) && leftOut.some(({ service, keeps }) => service === 'elasticsearch' && keeps === undefined)
    ? 'files'
    : storeOf(settings);

/** Whether lines go to a store elsewhere, also while Elasticsearch of this stack is left out: so the agent need not be replaced when it comes. */
export const shipsLogs = (settings: Settings): boolean => goesToOwn(settings) || isRemote(settings.logs as LogsSettings);

/** The network in which the agent reaches Elasticsearch of this stack, whether that is left out or not. */
export const logNetworks = (settings: Settings): NetworkName[] => (goesToOwn(settings) ? ['monitoring'] : []);

/** Whether the agent takes the lines of containers. */
export const takesLogs = (settings: Settings): boolean => storeOf(settings) !== 'off';

/** The volume in which the lines are, and where the agent has it. */
export const LOGS_VOLUME = 'logs';
export const LOGS_FOLDER = '/srv/logs';
/** Where it has the audit log that commands write, while that is shipped too (state/audit.ts). */
export const AUDIT_FOLDER = '/run/audit';

/** HAProxy as the agent's way to a log store outside: to that host alone, on that port, for the agent alone (docs/decisions/0026-egress-by-host.md). */
export const logEgress = defineService({
  name: NAME,
  key: 'logs',
  keySummary: 'The lines of all containers: where they are kept, and for how long (docs/logs.md)',
  accompanies: 'agent',
  settingsServeOthers: true,
  summary: 'HAProxy: leads the agent to the log store outside, and nowhere else',
  settings,
  build: (own, input) => {
    if (!isRemote(own) || own.url === undefined || !input.enabled('agent')) return [];
    const url = new URL(own.url);
    return [
      {
        name: NAME,
        image: input.image('balancer'),
        uid: 10005,
        host: HOST,
        networks: ['db', 'out'],
        ports: [],
        mounts: [],
        secrets: [],
        environment: {},
        configFrom: ['egress'],
        view: {
          address: input.address('db', HOST),
          callers: [input.address('db', AGENT_HOST)],
          target: url.hostname,
          resolves: !isAddress(url.hostname),
          ports: [portOf(url)],
          maxConnections: 50,
          threads: 1,
        },
        memoryBytes: 48 * 1024 ** 2,
        cpus: 0.5,
        leadsTo: [own.url],
        keeps: { '/tmp': 'nothing of its own; programs expect it', '/run': 'its control sockets; gone with the container' },
        after: [],
        reload: ['/usr/local/bin/reload'],
        check: ['haproxy', '-c', '-q', '-f', '/etc/medianest/current/haproxy.cfg'],
        interruption: 'none: lines wait on disk',
        urls: [],
      },
    ];
  },
});

interface Target {
  /** Null while the store is left out. */
  target: JsonObject | null;
  secrets: SecretSpec[];
}

/** Elasticsearch of this stack. Its secret is there also while it is left out. @throws UserError where it is no part of the stack */
function ownTarget(input: BuildInput): Target {
  const found = logStore(input);
  if (!found)
    throw new UserError(
      'INVALID_SETTINGS',
      'logs.store is elasticsearch, logs.url does not say where, and this stack has none',
      'set `logs.url`, or `observability: full`, or `logs: { store: files }`',
    );
  if (!runsFull(input, 'elasticsearch')) return { target: null, secrets: [found.password] };
  const { address, port } = elasticsearchListen(input);
  return {
    target: { kind: 'elasticsearch', url: found.url, connect: { host: address, port }, user: found.user, password: found.password.name },
    secrets: [found.password],
  };
}

/** How the agent reaches the store, and the secrets for it; null where lines stay here. */
export function logTarget(own: LogsSettings, input: BuildInput): Target | null {
  if (goesToOwn(input.settings)) return ownTarget(input);
  if (!isRemote(own) || own.url === undefined) return null;
  if (input.settings.components[NAME] === false)
    throw new UserError(
      'INVALID_SETTINGS',
      `logs.store is ${own.store}, and ${NAME}, which leads to it, is switched off`,
      `leave \`components: { ${NAME}: false }\` out, or set \`logs: { store: files }\``,
    );
  const given = { password: own.password, apiKey: own.apiKey, ca: own.ca };
  const secrets = Object.entries(given).flatMap(([key, value]) => (value ? [{ key, name: `logs-${key}`, source: { given: value } }] : []));
  return {
    target: {
      kind: own.store as Store,
      url: own.url,
      connect: { host: input.address('db', HOST), port: portOf(new URL(own.url)) },
      ...(own.user !== undefined && { user: own.user }),
      ...Object.fromEntries(secrets.map(({ key, name }) => [key, name])),
    },
    secrets: secrets.map(({ name, source }) => ({ name, source })),
  };
}
