import path from 'node:path';
import type { MemberState } from '../../src/stack/types.ts';
import { portal, ready, until } from '../e2e/support.ts';
import { docker } from './cli.ts';
import type { WriterOptions } from './data-writers.ts';
import { container } from './load-stack.ts';
import { type Workspace, workspace } from './workspace.ts';

/** Where services are found in the network of the databases (services/*.ts). */
export const HOSTS = { postgres: 20, redis: 30, router: 45, etcd: 50, agent: 60 };

export interface DataStack {
  space: Workspace;
  /** Changes with `moved`. */
  subnet(): string;
  moved(subnet: string): void;
}

/** prod's data plane, and two replicas of the portal before it, as prod has them; no WAF, which finds nothing here. */
export async function dataStack(name: string, more: Record<string, Record<string, unknown>> = {}): Promise<DataStack> {
  const space = await workspace(name);
  const { freeRange } = await import('./workspace.ts');
  let subnet = await freeRange();
  const configure = () =>
    space.configure({
      profile: 'prod',
      app: { replicas: 2 },
      // All of the load is one client.
      edge: { address: '127.0.0.1', rateLimit: false, connections: 0, waf: { mode: 'off' } },
      ...more,
      networks: { db: { subnet } },
    });
  configure();
  return {
    space,
    subnet: () => subnet,
    moved: (to) => {
      subnet = to;
      configure();
    },
  };
}

/** Starts it, and waits until every part takes part. @throws Error with what `up` said */
export async function started(stack: DataStack): Promise<DataStack> {
  const up = await stack.space.run(['up']);
  if (up.status !== 0) throw new Error(up.stderr);
  await ready(portal, stack.space);
  await whole(stack.space);
  return stack;
}

export const addressOf = (stack: DataStack, host: number): string => stack.subnet().replace(/0\/24$/, String(host));

export const MEMBERS = ['postgres-1', 'postgres-2'];
export const CACHE = Array.from({ length: 6 }, (_, index) => `redis-${index + 1}`);
export const COORDINATION = ['etcd-1', 'etcd-2', 'etcd-3'];

/** The writers on a stack: this host reaches its internal network by address. */
export function writerOptions(stack: DataStack, run: string, only: { postgres?: boolean; redis?: boolean } = {}): WriterOptions {
  const { state } = stack.space;
  const caFile = path.join(state, 'ca/trust/internal-ca.pem');
  const secret = (service: string, name: string) => path.join(state, 'secrets', service, name);
  return {
    run,
    ...(only.postgres !== false && {
      postgres: {
        host: addressOf(stack, HOSTS.router),
        port: 5432,
        user: 'medianest_a',
        passwordFile: secret('postgres-1', 'database-password-a'),
        database: 'medianest',
        caFile,
      },
      members: MEMBERS.map((service, index) => ({ service, address: addressOf(stack, HOSTS.postgres + index) })),
    }),
    ...(only.redis !== false && {
      redis: {
        nodes: CACHE.map((_, index) => addressOf(stack, HOSTS.redis + index)),
        user: 'medianest',
        passwordFile: secret('redis-1', 'redis-password-a'),
        caFile,
      },
    }),
  };
}

/** What the keeper says of every member; nothing where it cannot be asked. */
export async function members(space: Workspace): Promise<Record<string, MemberState>> {
  const { stdout, status } = await docker(['exec', container(space, 'agent'), 'timeout', '10', 'keeper', 'status']);
  return status === 0 ? (JSON.parse(stdout.trim().split('\n').at(-1) ?? '{}') as Record<string, MemberState>) : {};
}

export const leaderIn = (states: Record<string, MemberState>): string | undefined =>
  Object.entries(states).find(([service, { role }]) => MEMBERS.includes(service) && role === 'leader')?.[0];

export async function leader(space: Workspace): Promise<string> {
  const found = leaderIn(await members(space));
  if (found === undefined) throw new Error('nobody leads the database');
  return found;
}

export const other = (member: string): string => MEMBERS.find((name) => name !== member) as string;

/** Unaided: `medianest health` finds nothing, and the database has its synchronous standby. */
export async function whole(space: Workspace, seconds = 120): Promise<void> {
  let last = '';
  await until(
    'the stack is whole',
    async () => {
      const health = await space.run(['health', '--json']);
      const { status, checks } = JSON.parse(health.stdout) as { status: string; checks: { status: string; message: string }[] };
      last = checks.flatMap((check) => (check.status === 'ok' ? [] : [check.message])).join('; ');
      if (status !== 'ok') return false;
      const states = await members(space);
      last = JSON.stringify(states);
      return Object.values(states).some(({ details }) => details.replication === 'synchronous');
    },
    seconds,
  ).catch((error: Error) => {
    throw new Error(`${error.message}: ${last}`);
  });
}
