import { readFileSync } from 'node:fs';
import type https from 'node:https';
import path from 'node:path';
import { parse } from 'yaml';
import { portal, until } from '../e2e/support.ts';
import { docker, type Run, run } from './cli.ts';
import { type Workspace, workspace } from './workspace.ts';

type More = Record<string, Record<string, unknown>>;

/** prod with two replicas of the portal, as an operator would get it, on ports and ranges of its own. */
export async function segmentsStack(name: string, more: More = {}): Promise<Workspace> {
  const space = await workspace(name);
  try {
    configureSegments(space, more);
    const up = await space.run(['up']);
    if (up.status !== 0) throw new Error(up.stderr);
    const answers = async () => (await portal(space, '/api/health/ready', reachedAt(more.edge?.address))).status === 200;
    await until('the portal is ready', answers, 60);
    return space;
  } catch (error) {
    await space.destroy();
    throw error;
  }
}

export function configureSegments(space: Workspace, more: More = {}): void {
  space.configure({
    profile: 'prod',
    ...more,
    // All of the load is one client.
    edge: { address: '127.0.0.1', rateLimit: false, connections: 0, ...more.edge },
    app: { replicas: 2, settleSeconds: 2, ...more.app },
  });
}

/** Asks for localhost where the edge is pinned to another address. */
export const reachedAt = (address: unknown = '127.0.0.1'): https.RequestOptions => ({
  lookup: (_name, options, told) => {
    if (options.all) told(null, [{ address: String(address), family: 4 }]);
    else told(null, String(address), 4);
  },
});

export interface RenderedService {
  image: string;
  user: string;
  networks?: Record<string, { ipv4_address: string }>;
  ports?: { host_ip: string; published: string; target: number }[];
  volumes?: { source: string; target: string }[];
  labels: Record<string, string>;
}

/** The Compose file that the stack was started from. */
export const composeOf = (space: Workspace) =>
  parse(readFileSync(path.join(space.state, 'current/compose.yml'), 'utf8')) as {
    services: Record<string, RenderedService>;
    networks: Record<string, { internal?: boolean; ipam: { config: { subnet: string }[] } }>;
  };

const containerName = (space: Workspace, service: string): string => `${space.project}-${service}-1`;

/** A command in a running container. It is ended after a while: some programs wait for ever for what is away. */
export const inside = (space: Workspace, service: string, argv: readonly string[], seconds = 30): Promise<Run> =>
  run('timeout', ['--kill-after=2', String(seconds), 'docker', 'exec', containerName(space, service), ...argv]);

/** What a command in a running container prints. @throws Error with what it says where it fails */
export async function printed(space: Workspace, service: string, argv: readonly string[], seconds?: number): Promise<string> {
  const { status, stdout, stderr } = await inside(space, service, argv, seconds);
  if (status !== 0) throw new Error(`${service}: ${argv.join(' ')}: status ${status}: ${stderr}`);
  return stdout.trim();
}

/** What the superuser is answered by one member of the database. */
export const sql = (space: Workspace, service: string, query: string, database = 'postgres'): Promise<string> =>
  printed(space, service, ['psql', '-X', '-At', '-F', ' ', '-U', 'postgres', '-d', database, '-c', query]);

const pidOf = async (space: Workspace, service: string): Promise<number> =>
  Number((await docker(['inspect', '--format', '{{.State.Pid}}', containerName(space, service)])).stdout.trim());

const LISTENING = '0A';

/** The TCP ports on which anything in a container listens for others than itself (proc(5), /proc/PID/net/tcp). */
export async function listeningPorts(space: Workspace, service: string): Promise<number[]> {
  const pid = await pidOf(space, service);
  const lines = ['tcp', 'tcp6'].flatMap((file) => readFileSync(`/proc/${pid}/net/${file}`, 'utf8').trim().split('\n').slice(1));
  const ports = lines.flatMap((line) => {
    const [, local = '', , state] = line.trim().split(/\s+/);
    const [address = '', port = ''] = local.split(':');
    // Little-endian: 127.0.0.11 is 0B00007F.
    const own = address.endsWith('7F') || address === '00000000000000000000000001000000';
    return state === LISTENING && !own ? [Number.parseInt(port, 16)] : [];
  });
  return [...new Set(ports)].sort((a, b) => a - b);
}

export interface MemberState {
  role: string;
  ok: boolean;
  details: Record<string, string | number>;
}

/** What the controller says of every member of every group. */
export const members = async (space: Workspace): Promise<Record<string, MemberState>> =>
  JSON.parse(await printed(space, 'agent', ['keeper', 'status'])) as Record<string, MemberState>;

export async function leaderOf(space: Workspace, group: string): Promise<string> {
  const leader = Object.entries(await members(space)).find(([name, { role }]) => name.startsWith(`${group}-`) && role === 'leader');
  if (!leader) throw new Error(`nobody leads ${group}`);
  return leader[0];
}

/** Until every member of every group takes part again. @throws Error with the members that do not */
export async function whole(space: Workspace, seconds = 60): Promise<void> {
  let missing: unknown = 'the controller does not answer';
  const takesPart = async () => {
    const away = Object.entries(await members(space)).filter(([, { ok }]) => !ok);
    missing = away;
    return away.length === 0;
  };
  await until('every member takes part', takesPart, seconds).catch((error: Error) => {
    throw new Error(`${error.message}: ${JSON.stringify(missing)}`);
  });
}
