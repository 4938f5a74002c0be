import { readFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { MemberState } from '../../../src/stack/member.ts';
import { docker } from '../cli.ts';
import { container } from '../load/load-stack.ts';
import { enterNetworks, type Where } from '../network/enter.ts';
import { portal, ready, request } from '../stack.ts';
import { freeRange, type Workspace, workspace } from '../workspace.ts';
import type { WriterOptions } from './data-writers.ts';

/** Where services are found in the networks of the data (services/*.ts): the router and the cache in `db`, the others in `control`. */
export const HOSTS = { postgres: 20, redis: 30, router: 45, etcd: 50, agent: 60 };

export interface DataStack {
  space: Workspace;
  /** Changes with `moved`. */
  subnet(): string;
  /** The range of `control`. */
  control: string;
  moved(subnet: string): void;
}

/** prod's data plane, and two replicas of the portal before it, as prod has them; no WAF, which finds nothing here. */
export async function dataStack(name: string, more: Record<string, Record<string, unknown> | string> = {}): Promise<DataStack> {
  const space = await workspace(name);
  let subnet = await freeRange();
  const control = await freeRange();
  const configure = () =>
    space.configure({
      profile: 'prod',
      app: { replicas: 2 },
      // All of the load is one client.
      edge: { address: '127.0.0.1', rateLimit: false, connections: 0, waf: { mode: 'off' } },
      ...more,
      networks: { db: { subnet }, control: { subnet: control } },
    });
  configure();
  return {
    space,
    subnet: () => subnet,
    control,
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
  enterNetworks(stack.space.project, ['db', 'control']);
  await whole(stack);
  return stack;
}

export const addressOf = (stack: DataStack, host: number): string => {
  const inDb = host >= HOSTS.redis && host <= HOSTS.router;
  return (inDb ? stack.subnet() : stack.control).replace(/0\/24$/, String(host));
};

export const MEMBERS = ['postgres-1', 'postgres-2'];
export const CACHE = Array.from({ length: 6 }, (_, index) => `redis-${index + 1}`);
export const COORDINATION = ['etcd-1', 'etcd-2', 'etcd-3'];

/** The folder with the agent’s certificate: Patroni answers only clients that have one. */
const agentCertificate = ({ state }: Workspace): string => path.join(state, 'certs/agent/current');

/** The writers on a stack, in the network of its data. */
export function writerOptions(
  stack: DataStack,
  run: string,
  only: { postgres?: boolean; redis?: boolean } = {},
  where: Where = {},
): WriterOptions {
  enterNetworks(stack.space.project, ['db', 'control'], where);
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
        clientFolder: agentCertificate(stack.space),
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

/** What the controller says of every member; nothing where it cannot be asked. */
async function members(space: Workspace): Promise<Record<string, MemberState>> {
  const { stdout, status } = await docker(['exec', container(space, 'agent'), 'timeout', '10', 'clusterctl', 'status']);
  return status === 0 ? (JSON.parse(stdout.trim().split('\n').at(-1) ?? '{}') as Record<string, MemberState>) : {};
}

interface Patroni {
  name: string;
  role: string;
}

/** The members as the first of them that answers sees them; from this host, without a container that would have to be asked. */
export async function cluster(stack: DataStack): Promise<Patroni[]> {
  const ca = readFileSync(path.join(stack.space.state, 'ca/trust/internal-ca.pem'));
  const ask = async (service: string, host: number) => {
    const [cert, key] = ['fullchain.pem', 'privkey.pem'].map((file) => readFileSync(path.join(agentCertificate(stack.space), file)));
    const answer = await request(`https://${addressOf(stack, host)}:8008/cluster`, { ca, cert, key, servername: service });
    if (answer.status !== 200) throw new Error(`${service} answered ${answer.status}`);
    return (JSON.parse(answer.body) as { members: Patroni[] }).members;
  };
  return Promise.any(MEMBERS.map((service, index) => ask(service, HOSTS.postgres + index)));
}

export async function leader(stack: DataStack): Promise<string> {
  const found = (await cluster(stack)).find(({ role }) => role === 'leader');
  if (!found) throw new Error('nobody leads the database');
  return found.name;
}

/** Who leads each third of the cache, in the order of the slots. */
export async function cacheLeaders(space: Workspace): Promise<string[]> {
  const slots = (text: unknown) => Number.parseInt(String(text), 10);
  return Object.entries(await members(space))
    .filter(([service, { role }]) => CACHE.includes(service) && role === 'leader')
    .sort(([, a], [, b]) => slots(a.details.slots) - slots(b.details.slots))
    .map(([service]) => service);
}

export const other = (member: string): string => MEMBERS.find((name) => name !== member) as string;

/** Unaided: `medianest health` finds nothing, and the database has its synchronous standby. */
export async function whole(stack: DataStack, seconds = 120): Promise<void> {
  const deadline = Date.now() + seconds * 1000;
  for (let last = ''; ; await sleep(1000)) {
    const health = await stack.space.run(['health', '--json']);
    const { checks } = JSON.parse(health.stdout) as { checks: { status: string; message: string }[] };
    // What a test has made the engine restart is told for ten minutes.
    const wrong = checks.filter((check) => check.status !== 'ok' && !/\(healthy\); restarted /.test(check.message));
    // Another range is another network.
    if (wrong.length === 0) enterNetworks(stack.space.project, ['db', 'control']);
    const seen = wrong.length === 0 ? await cluster(stack).catch(() => []) : [];
    if (seen.some(({ role }) => role === 'sync_standby')) return;
    last = wrong.map(({ message }) => message).join('; ') || JSON.stringify(seen);
    if (Date.now() > deadline) throw new Error(`the stack is not whole within ${seconds} s: ${last}`);
  }
}
