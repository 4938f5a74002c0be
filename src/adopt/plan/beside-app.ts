import type { Json, JsonObject } from '../../core/json.ts';
import type { Around, Process } from './process.ts';

/** What a process has beside the application: variables and secrets of `app` are its own too. */
export function besideApp(process: Process, app: Process, { routes, domains, stores }: Around): JsonObject {
  const { service, settings, folders } = process;
  const { env, secrets, image, user, replicas: _replicas, ...rest } = settings as Record<string, JsonObject>;
  const same = (key: 'env' | 'secrets') => (app.settings[key] ?? {}) as JsonObject;
  const secretOf = (of: Process, name: string) => of.variables.find((entry) => entry.name === name && entry.kind === 'secret');
  const own = Object.fromEntries(Object.entries(env ?? {}).filter(([name, value]) => same('env')[name] !== value));
  const ownSecrets = Object.fromEntries(
    Object.entries(secrets ?? {}).filter(([name]) => JSON.stringify(secretOf(app, name)) !== JSON.stringify(secretOf(process, name))),
  );
  const mine = routes.filter((route) => route.service === service.name);
  const paths = [...new Set(mine.flatMap((route) => route.paths))];
  const host = mine.flatMap((route) => route.hosts).find((name) => !domains.includes(name));
  const shared = folders.moves.filter((move) => app.folders.moves.some(({ from }) => from === move.from));
  const volumes = Object.fromEntries(
    Object.entries(folders.volumes).filter(([, { path }]) => !shared.some((move) => move.target === path)),
  );
  const text = JSON.stringify([env, service.environment]);
  const speaks = (word: string, hosts: readonly string[] | undefined) =>
    text.includes(`{${word}.`) || (hosts ?? []).some((name) => name in service.dependsOn);
  const needs: Record<string, Json> = {
    ...(speaks('database', stores.database?.hosts) ? {} : { database: false }),
    ...(speaks('cache', stores.cache?.hosts) ? {} : { cache: false }),
    ...(shared.some((move) => app.folders.moves.some(({ from, to }) => from === move.from && to === 'uploads')) && { uploads: true }),
    ...(shared.some((move) => app.folders.moves.some(({ from, to }) => from === move.from && to !== 'uploads')) && { volumes: true }),
  };
  return {
    ...((image as unknown as string) !== (app.settings.image as string) && { image: image as Json }),
    ...(rest as JsonObject),
    ...(service.replicas > 1 && { replicas: service.replicas }),
    ...(user !== undefined && (user as Json) !== app.settings.user && { user: user as Json }),
    ...(Object.keys(own).length > 0 && { env: own }),
    ...(Object.keys(ownSecrets).length > 0 && { secrets: ownSecrets }),
    ...(paths.length > 0 && { paths }),
    ...(host !== undefined && { host }),
    ...(Object.keys(volumes).length > 0 && { volumes: volumes as JsonObject }),
    ...(Object.keys(needs).length > 0 && { needs }),
    ...((service.stopSignal || service.stopSeconds) && {
      stop: { ...(service.stopSignal && { signal: service.stopSignal }), ...(service.stopSeconds && { seconds: service.stopSeconds }) },
    }),
  };
}

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
