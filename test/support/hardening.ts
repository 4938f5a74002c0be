import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { parse } from 'yaml';
import type { Service, Stack } from '../../src/stack/types.ts';
import { HOME } from './cli.ts';
import { rendered } from './settings.ts';

export interface ComposeService {
  user?: string;
  read_only?: boolean;
  init?: boolean;
  cap_drop?: string[];
  cap_add?: string[];
  privileged?: boolean;
  security_opt?: string[];
  mem_limit?: number;
  memswap_limit?: number;
  cpus?: number;
  pids_limit?: number;
  ulimits?: { nofile?: { soft: number; hard: number } };
  logging?: { options?: Record<string, string> };
  healthcheck?: object;
  stop_grace_period?: string;
  tmpfs?: string[];
  /** None of a container without a network. */
  networks?: Record<string, unknown>;
  ports?: { published: string; target: number }[];
  volumes?: { type: string; target: string; read_only?: boolean }[];
}

/** A container as it is rendered; of replicas the first. */
export interface Hardened {
  service: Service;
  compose: ComposeService;
  replicas: number;
}

export function hardened(stack: Stack): Hardened[] {
  const file = parse(rendered(stack).files.find((entry) => entry.path === 'compose.yml')?.contents ?? '') as {
    services: Record<string, ComposeService>;
  };
  return stack.services
    .filter((service, index) => stack.services.findIndex((other) => other.component === service.component) === index)
    .map((service) => ({
      service,
      compose: file.services[service.name] as ComposeService,
      replicas: stack.services.filter(({ component }) => component === service.component).length,
    }));
}

/** Everything that a container keeps beyond the least, and the key of `keeps` under which its reason stands. */
export function kept({ compose }: Hardened): { key: string; what: string }[] {
  const writable = (compose.volumes ?? []).filter((mount) => !mount.read_only);
  return [
    ...(compose.user?.startsWith('0:') ? [{ key: 'root', what: 'the user root' }] : []),
    ...(compose.cap_add ?? []).map((name) => ({ key: name, what: `capability ${name}` })),
    ...writable.map(({ type, target }) => ({ key: target, what: `\`${target}\` (${type === 'bind' ? 'folder of the host' : 'volume'})` })),
    ...(compose.tmpfs ?? []).map((text) => ({ key: text.split(':')[0] as string, what: `\`${text.split(':')[0]}\` (memory)` })),
    ...((compose.ports ?? []).length > 0
      ? [{ key: 'ports', what: `published ${compose.ports?.map(({ published, target }) => `${published} → ${target}`).join(', ')}` }]
      : []),
  ];
}

/** Its own definition, or its image's. An operator's image is asked by the definition. */
export function hasHealthCheck({ compose, service }: Hardened): boolean {
  const dockerfile = path.join(HOME, service.image.build?.context ?? '', 'Dockerfile');
  return compose.healthcheck !== undefined || (existsSync(dockerfile) && /^HEALTHCHECK /m.test(readFileSync(dockerfile, 'utf8')));
}

const table = (rows: string[][]): string => {
  const [head = [], ...body] = rows;
  return [head, head.map(() => '---'), ...body].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
};

/** docs/hardening.md, from the rendered stack of prod. */
export function hardeningDocument(all: readonly Hardened[]): string {
  const name = ({ service, replicas }: Hardened) => (replicas > 1 ? `${service.component} (each of ${replicas})` : service.component);
  const mib = (bytes = 0) => `${Math.round(bytes / 1024 ** 2)} MiB`;
  const limits = all.map((entry) => {
    const { compose } = entry;
    const cells = [mib(compose.mem_limit), compose.cpus, compose.pids_limit, compose.ulimits?.nofile?.hard, compose.stop_grace_period];
    return [name(entry), String(compose.user), Object.keys(compose.networks ?? {}).join(', ') || 'none', ...cells.map(String)];
  });
  const reasons = all.flatMap((entry) => kept(entry).map(({ key, what }) => [name(entry), what, entry.service.keeps?.[key] ?? '']));
  return `# Hardening

Written from the rendered stack of the profile \`prod\`; a test fails when it is stale (\`npx vitest run --project golden -u\` writes it again).

Every container, whatever its service (\`x-service\` in docker-compose.base.yml):

- runs as a user of its own, not root, and gets no privilege later (\`no-new-privileges\`);
- has no capability (\`cap_drop: [ALL]\`) but those listed below;
- has a read-only root file system: it writes only where it is listed below. What is "memory" is gone with the container and counts
  towards its memory limit. Configuration, certificates and secrets are mounted read-only;
- is limited in memory (none of it swap), processors, processes and open files. The limits of processors are what it may take at most, on
  a host of two; where a host has fewer, its number;
- has a health check, an init process that collects orphans, a signal and a time to stop in, and logs that rotate (3 files of 10 MiB);
- is in no network that it does not need. Only \`dmz\` and \`mgmt\` have published ports; \`app\`, \`db\` and \`control\` never lead outside. Where Plex, Overseerr,
  Uptime Kuma or an object storage is configured, a container for each host (\`egress-plex\`) leads the application there (docs/security.md).

## Users, networks and limits

${table([['service', 'user', 'networks', 'memory', 'processors', 'processes', 'open files', 'time to stop'], ...limits])}

## What each keeps, and why

${table([['service', 'keeps', 'why'], ...reasons])}
`;
}
