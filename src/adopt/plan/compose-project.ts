import { UserError } from '../../core/errors.ts';

/** A foreign Compose project, as `docker compose config --format json` prints it: anchors, `extends`, `include`, profiles and env files are resolved. */
export interface ComposeProject {
  name: string;
  services: ComposeService[];
  /** By their key: the engine's name. */
  volumes: Readonly<Record<string, { name: string; external: boolean }>>;
  /** By their key: the file that holds it; undefined where it comes from elsewhere. */
  secrets: Readonly<Record<string, string | undefined>>;
}

export interface ComposeService {
  name: string;
  image: string;
  /** It is built from a folder, and has no image of a registry. */
  built: boolean;
  containerName: string;
  /** Other names that it has in its networks. */
  aliases: string[];
  command: string[];
  entrypoint: string[];
  environment: Readonly<Record<string, string>>;
  ports: { address: string; published: number | undefined; target: number }[];
  expose: number[];
  mounts: ComposeMount[];
  secrets: { source: string; target: string }[];
  labels: Readonly<Record<string, string>>;
  health: ComposeHealth | undefined;
  user: string | undefined;
  memoryBytes: number | undefined;
  cpus: number | undefined;
  replicas: number;
  restart: string | undefined;
  stopSignal: string | undefined;
  stopSeconds: number | undefined;
  dependsOn: Readonly<Record<string, string>>;
  profiles: string[];
  /** Keys that no setting of ours has, and what they say. */
  raw: Readonly<Record<string, unknown>>;
}

export interface ComposeMount {
  kind: 'volume' | 'bind' | 'tmpfs' | 'other';
  source: string;
  target: string;
  readOnly: boolean;
}

export interface ComposeHealth {
  test: string[];
  disabled: boolean;
  intervalSeconds: number | undefined;
  timeoutSeconds: number | undefined;
  startSeconds: number | undefined;
}

type Node = Readonly<Record<string, unknown>>;

/** Compose writes a `$` that is meant twice. */
const unescaped = (value: unknown): unknown => {
  if (typeof value === 'string') return value.replaceAll('$$', '$');
  if (Array.isArray(value)) return value.map(unescaped);
  if (typeof value === 'object' && value !== null)
    return Object.fromEntries(Object.entries(value).map(([key, entry]) => [key, unescaped(entry)]));
  return value;
};

const node = (value: unknown): Node => (typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Node) : {});
const list = (value: unknown): unknown[] => (Array.isArray(value) ? value : []);
const text = (value: unknown): string | undefined => (typeof value === 'string' && value !== '' ? value : undefined);
const texts = (value: unknown): string[] => (typeof value === 'string' ? [value] : list(value).map(String));
const whole = (value: unknown): number | undefined => {
  const number = Number(value);
  return value !== null && value !== undefined && value !== '' && Number.isFinite(number) ? number : undefined;
};
const named = (value: unknown): Record<string, string> =>
  Object.fromEntries(Object.entries(node(value)).flatMap(([key, entry]) => (entry === null ? [] : [[key, String(entry)]])));

/** `1m30s` as Go writes it -> seconds, at least one. */
function seconds(value: unknown): number | undefined {
  if (typeof value !== 'string') return undefined;
  const parts = [...value.matchAll(/(\d+(?:\.\d+)?)(h|ms|m|s|us|ns)/g)];
  if (parts.length === 0) return undefined;
  const units: Readonly<Record<string, number>> = { h: 3600, m: 60, s: 1, ms: 0.001, us: 1e-6, ns: 1e-9 };
  return Math.max(1, Math.ceil(parts.reduce((sum, [, count, unit]) => sum + Number(count) * (units[unit as string] as number), 0)));
}

/** @param printed by Compose @throws UserError COMPOSE_REFUSED where it is something else */
export function composeProject(printed: string): ComposeProject {
  let all: Node;
  try {
    all = node(unescaped(JSON.parse(printed)));
  } catch (error) {
    throw new UserError(
      'COMPOSE_REFUSED',
      `docker compose config did not print JSON: ${(error as Error).message}`,
      'docker compose version',
      {
        cause: error,
      },
    );
  }
  const name = text(all.name) ?? 'project';
  return {
    name,
    services: Object.entries(node(all.services)).map(([key, value]) => service(name, key, node(value))),
    volumes: Object.fromEntries(
      Object.entries(node(all.volumes)).map(([key, value]) => [
        key,
        { name: text(node(value).name) ?? `${name}_${key}`, external: node(value).external === true },
      ]),
    ),
    secrets: Object.fromEntries(Object.entries(node(all.secrets)).map(([key, value]) => [key, text(node(value).file)])),
  };
}

function service(project: string, name: string, own: Node): ComposeService {
  const deploy = node(own.deploy);
  const limits = node(node(deploy.resources).limits);
  const image = text(own.image);
  return {
    name,
    image: image ?? `${project}-${name}`,
    built: own.build !== undefined && own.build !== null,
    containerName: text(own.container_name) ?? `${project}-${name}-1`,
    aliases: Object.values(node(own.networks)).flatMap((network) => texts(node(network).aliases)),
    command: texts(own.command),
    entrypoint: texts(own.entrypoint),
    environment: named(own.environment),
    ports: list(own.ports).map((entry) => {
      const { host_ip, published, target } = node(entry);
      return { address: text(host_ip) ?? '', published: whole(published), target: whole(target) ?? 0 };
    }),
    expose: list(own.expose).flatMap((entry) => whole(String(entry).split('/')[0]) ?? []),
    mounts: [...list(own.volumes).map(mount), ...texts(own.tmpfs).map(memory)],
    secrets: list(own.secrets).map((entry) => {
      const { source, target } = node(entry);
      return { source: String(source ?? entry), target: text(target) ?? `/run/secrets/${String(source ?? entry)}` };
    }),
    labels: named(own.labels),
    health: health(own.healthcheck),
    user: text(own.user),
    memoryBytes: whole(limits.memory) ?? whole(own.mem_limit),
    cpus: whole(limits.cpus) ?? whole(own.cpus),
    replicas: whole(deploy.replicas) ?? whole(own.scale) ?? 1,
    restart: text(own.restart),
    stopSignal: text(own.stop_signal),
    stopSeconds: seconds(own.stop_grace_period),
    dependsOn: Object.fromEntries(Object.entries(node(own.depends_on)).map(([key, value]) => [key, text(node(value).condition) ?? ''])),
    profiles: texts(own.profiles),
    raw: own,
  };
}

const memory = (entry: string): ComposeMount => ({ kind: 'tmpfs', source: '', target: entry.split(':')[0] as string, readOnly: false });

function mount(entry: unknown): ComposeMount {
  const { type, source, target, read_only } = node(entry);
  const kind = type === 'volume' || type === 'bind' || type === 'tmpfs' ? type : 'other';
  return { kind, source: text(source) ?? '', target: text(target) ?? '', readOnly: read_only === true };
}

function health(value: unknown): ComposeHealth | undefined {
  if (value === undefined || value === null) return undefined;
  const { test, disable, interval, timeout, start_period } = node(value);
  const words = texts(test);
  return {
    test: words,
    disabled: disable === true || words[0] === 'NONE',
    intervalSeconds: seconds(interval),
    timeoutSeconds: seconds(timeout),
    startSeconds: seconds(start_period),
  };
}
