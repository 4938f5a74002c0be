import type { JsonObject } from '../../core/json.ts';
import type { Move } from './folders.ts';
import type { Around, Process } from './process.ts';

const group = (settings: JsonObject, key: 'env' | 'secrets'): JsonObject => (settings[key] ?? {}) as JsonObject;

/** What a process has beside the application: variables and secrets of `app` are its own too. */
export function besideApp(process: Process, app: Process, around: Around): JsonObject {
  const { service, settings, folders } = process;
  const { env: _env, secrets: _secrets, image, user, replicas, ...rest } = settings;
  const secretOf = ({ variables }: Process, name: string) => variables.find((entry) => entry.name === name && entry.kind === 'secret');
  const same = (name: string) => JSON.stringify(secretOf(app, name)) === JSON.stringify(secretOf(process, name));
  const common = group(app.settings, 'env');
  const env = Object.entries(group(settings, 'env')).filter(([name, value]) => common[name] !== value);
  const secrets = Object.entries(group(settings, 'secrets')).filter(([name]) => !same(name));
  const routes = around.routes.filter((route) => route.service === service.name);
  const paths = [...new Set(routes.flatMap((route) => route.paths))];
  const host = routes.flatMap((route) => route.hosts).find((name) => !around.domains.includes(name));
  const shared = app.folders.moves.filter(({ from }) => folders.moves.some((move) => move.from === from));
  const own = Object.entries(folders.volumes).filter(
    ([, { path }]) => !folders.moves.some((move) => move.target === path && shared.some(({ from }) => from === move.from)),
  );
  const needs = needsOf(process, around, shared);
  const { stopSignal: signal, stopSeconds: seconds } = service;
  return {
    ...(image !== undefined && image !== app.settings.image && { image }),
    ...rest,
    ...(replicas !== undefined && { replicas }),
    ...(user !== undefined && user !== app.settings.user && { user }),
    ...(env.length > 0 && { env: Object.fromEntries(env) }),
    ...(secrets.length > 0 && { secrets: Object.fromEntries(secrets) }),
    ...(paths.length > 0 && { paths }),
    ...(host !== undefined && { host }),
    ...(own.length > 0 && { volumes: Object.fromEntries(own) }),
    ...(Object.keys(needs).length > 0 && { needs }),
    ...((signal || seconds) && { stop: { ...(signal && { signal }), ...(seconds && { seconds }) } }),
  };
}

/** What of the stack it is given, where that is not what a process gets by itself. @param shared folders that the application has too */
function needsOf({ service, settings }: Process, { stores }: Around, shared: readonly Move[]): Record<string, boolean> {
  const text = JSON.stringify(group(settings, 'env'));
  const speaks = (word: string, hosts: readonly string[] = []) =>
    text.includes(`{${word}.`) || hosts.some((name) => name in service.dependsOn);
  return {
    ...(!speaks('database', stores.database?.hosts) && { database: false }),
    ...(!speaks('cache', stores.cache?.hosts) && { cache: false }),
    ...(shared.some(({ to }) => to === 'uploads') && { uploads: true }),
    ...(shared.some(({ to }) => to !== 'uploads') && { volumes: true }),
  };
}

/** Folders that it shares with the application, and finds elsewhere: here one volume has one place. */
export const otherPlaces = ({ service, folders }: Process, app: Process): string[] =>
  folders.moves.flatMap(({ from, target }) => {
    const there = app.folders.moves.find((move) => move.from === from);
    return there && there.target !== target
      ? [`${service.name}: ${from} at ${target}: the application has it at ${there.target}, and a shared volume has one place here`]
      : [];
  });

const OURS = [
  'app',
  'edge',
  'balancer',
  'postgres',
  'patroni',
  'etcd',
  'redis',
  'redis-cluster',
  'backup',
  'agent',
  'portal',
  'health',
  'metrics',
];

/** As names of processes are written here. */
export function processName(name: string): string {
  const plain = name
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replace(/^[^a-z]+/, '')
    .replace(/(-\d+)+$/, '')
    .replace(/-+$/, '')
    .slice(0, 26);
  return plain === '' || OURS.includes(plain) ? `old-${plain || 'process'}` : plain;
}
