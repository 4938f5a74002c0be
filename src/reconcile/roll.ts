import type { Execution } from '../capability/capability.ts';
import { UserError } from '../core/errors.ts';
import type { Task } from '../core/reporter.ts';
import type { Engine, ObservedContainer } from '../docker/types.ts';
import { parseBalancerStats } from '../services/app/balancer-stats.ts';
import { protocolName, type Rolling } from '../stack/types.ts';
import { askBalancer, BACKEND, type Replica } from './replicas/ask-balancer.ts';
import { smokeTest } from './replicas/smoke.ts';
import { tellingLines } from './unhealthy.ts';

/** How long a new replica may take from healthy to ready at most. */
const READY_SECONDS = 60;
const WATCHED_MS = 1000;

/**
 * Takes a replica out of its balancer, replaces its container and puts it back once it is ready and has stayed so. The balancer
 * refuses where fewer than `others` more are in service: the replica that serves meanwhile is never the last.
 */
export async function replaceReplica(
  replica: Replica & { others: number; by: 'recreate' | 'restart' },
  run: Execution,
  task: Task | undefined,
  recreate: () => Promise<void>,
): Promise<void> {
  const { state } = run.prepared;
  await proveLives(run);
  state.noteDrained([...new Set([...state.drained(), replica.service])]);
  task?.detail('draining');
  // A container that is only restarted is spoken to as before.
  const anew = replica.by === 'recreate';
  const { drainSeconds } = replica.rolling;
  const drained = await balancer(replica, run, [
    ...['drain', replica.service, String(drainSeconds), String(replica.others)],
    ...spokenTo(replica.rolling, anew),
  ]);
  if (drained.exitCode !== 0) {
    noteEnabled(replica, run);
    throw new UserError(
      'PARTIAL',
      `the balancer does not take ${replica.service} out: ${drained.output.trim()}; its container was not touched`,
      '`medianest logs balancer` shows why; `medianest restart balancer` restarts it',
    );
  }
  if (run.context.signal.aborted) {
    await enableReplica(replica, run, undefined, false);
    throw new UserError('INTERRUPTED', 'interrupted', 'run the same command again: it continues from here');
  }
  task?.detail('new container');
  await recreate();
  await enableReplica(replica, run, task, anew);
}

/** What the balancer asks a replica for, and in which protocol; `-` leaves both as they are. */
const spokenTo = ({ readyPath, tls }: Rolling, anew: boolean): string[] => (anew ? [readyPath, protocolName(tls)] : ['-', '-']);

/** Puts back a replica that an earlier run has taken out, or that a balancer which has started again knows only as it was before. */
export async function admitReplica(replica: Replica, run: Execution, task: Task | undefined): Promise<void> {
  const { state } = run.prepared;
  state.noteDrained([...new Set([...state.drained(), replica.service])]);
  await enableReplica(replica, run, task, true);
}

/**
 * A replica that is sent nothing yet: waits until it is ready, and tests it. It is sent nothing afterwards either: all of its set are
 * switched to at once. @throws UserError UNHEALTHY
 */
export async function proveReplica(replica: Replica, run: Execution, task: Task | undefined): Promise<void> {
  const { service } = replica;
  const before = await lifeOf(service, run);
  await awaitReady(replica, run, task, { how: 'prove', anew: true });
  await smokeTest(replica, run, task);
  if ((await lifeOf(service, run)) !== before) throw await endedByItself(service, run);
  run.lives?.set(service, before);
}

/**
 * @param anew whether the balancer speaks to it by its definition from now on; otherwise as before
 * @throws UserError UNHEALTHY if it does not become ready, or does not stay so: it stays drained
 */
async function enableReplica(replica: Replica, run: Execution, task: Task | undefined, anew: boolean): Promise<void> {
  const { service, rolling } = replica;
  task?.detail('waiting until it is ready');
  const before = await lifeOf(service, run);
  const tested = anew && rolling.smoke !== undefined;
  // `admit` watches it for so long once it is given requests.
  let opened = () => Date.now() - WATCHED_MS;
  await awaitReady(replica, run, task, { how: tested ? 'prove' : 'admit', anew });
  if (tested) {
    await smokeTest(replica, run, task);
    const now = Date.now();
    opened = () => now;
    const { exitCode, output } = await balancer(replica, run, ['enable', service]);
    if (exitCode !== 0) throw await notReady(replica, run, output);
  }
  // Docker starts what ends again, often too soon for a check to notice.
  if ((await lifeOf(service, run)) !== before) {
    await balancer(replica, run, ['drain', service, '0']);
    throw await endedByItself(service, run);
  }
  run.lives?.set(service, before);
  noteEnabled(replica, run);
  noteOpened(run, opened());
}

async function awaitReady(
  replica: Replica,
  run: Execution,
  task: Task | undefined,
  { how, anew }: { how: 'prove' | 'admit'; anew: boolean },
): Promise<void> {
  const { service, rolling, waitSeconds } = replica;
  task?.detail('waiting until it is ready');
  const { exitCode, output } = await balancer(replica, run, [
    ...[how, service, rolling.address, String(Math.min(READY_SECONDS, waitSeconds)), String(rolling.settleSeconds)],
    ...spokenTo(rolling, anew),
  ]);
  if (exitCode !== 0) throw await notReady(replica, run, output);
}

async function notReady(replica: Replica, run: Execution, output: string): Promise<UserError> {
  const { service } = replica;
  const lines = await lastLines(service, run);
  return new UserError(
    'UNHEALTHY',
    [`${service} stays drained: ${output.trim()}`, ...lines.map((line) => `    ${line}`)].join('\n'),
    `${await whatServes(replica, run)}; \`medianest logs ${service}\` shows more`,
  );
}

function noteOpened({ noted }: Execution, now: number): void {
  if (noted?.closedAt === undefined) return;
  noted.closedMs = (noted.closedMs ?? 0) + Math.max(0, now - noted.closedAt);
  delete noted.closedAt;
}

function noteEnabled({ service }: Replica, { prepared: { state } }: Execution): void {
  state.noteDrained(state.drained().filter((name) => name !== service));
}

/** @throws UserError UNHEALTHY if a replica that this run has enabled has ended since */
export async function proveLives(run: Execution): Promise<void> {
  for (const [service, life] of run.lives ?? []) {
    if ((await lifeOf(service, run)) !== life) throw await endedByItself(service, run);
  }
}

export async function lifeOf(service: string, { engine, prepared }: Execution): Promise<string> {
  const container = (await engine.observe(prepared.project)).find((entry) => entry.service === service);
  return container ? engine.life(container.id) : 'gone';
}

export async function endedByItself(service: string, run: Execution): Promise<UserError> {
  const lines = await lastLines(service, run);
  return new UserError(
    'UNHEALTHY',
    [`${service} was ready, then it exited`, ...lines.map((line) => `    ${line}`)].join('\n'),
    `\`medianest logs ${service}\` shows more`,
  );
}

/** @throws UserError UNHEALTHY with what the balancer says of each replica, where none becomes ready */
export async function awaitBalancer(service: string, waitSeconds: number, run: Execution): Promise<void> {
  const { exitCode, output } = await askBalancer(service, run, ['wait', String(Math.min(READY_SECONDS, waitSeconds))]);
  if (exitCode === 0) return;
  throw new UserError(
    'UNHEALTHY',
    `no replica is ready behind ${service}: ${output.trim()}`,
    '`medianest logs app` shows why; correct it and run `medianest up` again',
  );
}

/** The replicas that the balancer sends requests to; undefined if it does not run or does not say. */
export async function servingReplicas(
  engine: Engine,
  containers: readonly ObservedContainer[],
  balancer: string | undefined,
): Promise<string[] | undefined> {
  const found = containers.find((entry) => entry.service === balancer && entry.state === 'running');
  const told = found && (await engine.exec(found.id, [BACKEND, 'stats']).catch(() => undefined));
  if (told?.exitCode !== 0) return undefined;
  return Object.entries(parseBalancerStats(told.output)).flatMap(([name, { state }]) => (state.startsWith('UP') ? [name] : []));
}

async function whatServes({ service, rolling }: Replica, { engine, prepared }: Execution): Promise<string> {
  const serving = await servingReplicas(engine, await engine.observe(prepared.project), rolling.balancer);
  const others = serving?.filter((name) => name !== service);
  if (!others) return 'the other replicas were not touched';
  return others.length > 0 ? `${others.join(', ')} still serve${others.length > 1 ? '' : 's'}` : 'no other replica serves';
}

const balancer = ({ rolling }: Replica, run: Execution, argv: readonly string[]) => askBalancer(rolling.balancer, run, argv);

async function lastLines(service: string, { engine, prepared }: Execution): Promise<string[]> {
  const container = (await engine.observe(prepared.project)).find((entry) => entry.service === service);
  return container ? tellingLines(engine, container.id) : ['its container no longer exists'];
}
