import { setTimeout as sleep } from 'node:timers/promises';
import type { Execution } from '../capability/capability.ts';
import { UserError } from '../core/errors.ts';
import { askBalancer } from '../reconcile/replicas/ask-balancer.ts';
import { proveLives } from '../reconcile/roll.ts';
import { parseReplicaCounts, type ReplicaCount } from '../services/app/balancer-stats.ts';
import type { Stack } from '../stack/types.ts';
import { replicasOf } from './plan/strategy.ts';
import { added, addedByProcess, countsOf, judge, limitFor, since, type Watched, watchedText, worstOf, worstText } from './plan/watch.ts';

const LOOK_MS = 1000;

/** How a release has done. */
export interface WatchOutcome {
  seconds: number;
  before: Watched;
  fresh: Watched;
  /** Whether there were enough requests to judge by. */
  judged: boolean;
}

/**
 * What the release that serves has had until now; undefined where nothing will be compared with it, or where it cannot be told: without
 * it a release could be rolled back for the errors that the one before had too. @param next what is going to serve
 */
export async function countBefore(now: Stack, next: Stack, run: Execution): Promise<Watched | undefined> {
  const [first] = replicasOf(next);
  if (!first?.rolling.watchSeconds) return undefined;
  const { balancer } = first.rolling;
  const counts = await readCounts(balancer, run);
  if (!counts) {
    run.context.report.warn(
      `the errors of the release before are not known, so the new one is not watched: ${balancer} did not say\n  Fix: \`medianest logs ${balancer}\` shows why`,
    );
    return undefined;
  }
  return countsOf(
    counts,
    replicasOf(now).map(({ name }) => name),
  );
}

/** Watches the release of this stack for as long as its settings say. @throws as `watchRelease` */
export async function watch(release: string, stack: Stack, before: Watched | undefined, run: Execution): Promise<WatchOutcome | undefined> {
  const replicas = replicasOf(stack);
  const { balancer, watchSeconds } = replicas[0]?.rolling ?? {};
  if (!before || !balancer || !watchSeconds) return undefined;
  return watchRelease({ release, balancer, replicas, before, seconds: watchSeconds }, run);
}

/** What the balancer has counted of each replica; undefined where it does not say. */
async function readCounts(balancer: string, run: Execution): Promise<Record<string, ReplicaCount> | undefined> {
  const told = await askBalancer(balancer, run, ['stats']).catch((error: unknown) => {
    if (run.context.signal.aborted) throw error;
    return undefined;
  });
  return told?.exitCode === 0 ? parseReplicaCounts(told.output) : undefined;
}

/**
 * Counts the errors of a release that has just begun to serve, beside those of the one before.
 * @param replicas those of the new release, with their process @param before what the former one had
 * @throws UserError UNHEALTHY where it has too many, or a replica ends; INTERRUPTED on Ctrl-C
 */
async function watchRelease(
  {
    release,
    balancer,
    replicas,
    before,
    seconds,
  }: { release: string; balancer: string; replicas: readonly { name: string; component: string }[]; before: Watched; seconds: number },
  run: Execution,
): Promise<WatchOutcome> {
  const { report, signal } = run.context;
  const task = report.task(`watch ${release} for ${seconds} s`);
  const began = performance.now();
  const passed = () => (performance.now() - began) / 1000;
  let last = await readCounts(balancer, run);
  let fresh: Watched = { requests: 0, errors: 0 };
  let byProcess: Readonly<Record<string, Watched>> = {};
  const names = replicas.map(({ name }) => name);
  let known = last !== undefined;
  try {
    while (passed() < seconds) {
      await sleep(Math.min(LOOK_MS, Math.max(1, (seconds - passed()) * 1000)), undefined, { signal }).catch(() => {
        throw new UserError('INTERRUPTED', `interrupted while ${release} was watched`, 'medianest status');
      });
      const now = await readCounts(balancer, run);
      if (now && last) {
        const passed = since(last, now);
        fresh = added(fresh, countsOf(passed, names));
        byProcess = addedByProcess(byProcess, passed, replicas);
      }
      last = now ?? last;
      known = known && now !== undefined;
      task.detail(`${Math.round(passed())} s: ${watchedText(before, fresh)}`);
      if (judge(before, fresh) === 'bad') throw tooManyErrors(release, before, fresh, byProcess, passed());
      await proveLives(run);
    }
  } catch (error) {
    task.failed();
    throw error;
  }
  task.done();
  const judged = judge(before, fresh) === 'good';
  if (!known) report.warn(`the errors of ${release} are not known for all of the time: ${balancer} did not say`);
  else if (!judged) report.note(`${release} had ${fresh.requests} requests within ${seconds} s: too few to judge by its errors`);
  return { seconds: Math.round(passed()), before, fresh, judged };
}

const tooManyErrors = (
  release: string,
  before: Watched,
  fresh: Watched,
  byProcess: Readonly<Record<string, Watched>>,
  seconds: number,
): UserError =>
  new UserError(
    'UNHEALTHY',
    `${release} has too many errors after ${Math.round(seconds)} s: ${watchedText(before, fresh)}${worstText(byProcess)}, and at most ${(limitFor(before) * 100).toFixed(1)} % are accepted`,
    `correct the release and deploy again; \`medianest logs ${worstOf(byProcess) ?? 'app'} --since 5m\` shows its errors`,
  );
