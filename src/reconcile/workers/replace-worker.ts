import type { Execution, Step } from '../../capability/capability.ts';
import { UserError } from '../../core/errors.ts';
import { poll } from '../../core/poll.ts';
import type { Task } from '../../core/reporter.ts';
import { compose } from '../compose-project.ts';
import { endedByItself, lifeOf, proveLives } from '../roll.ts';
import { renew } from './renew.ts';

/** What a shell calls the end by SIGKILL (128 + 9). */
const KILLED = 137;

/**
 * Stops a worker, which finishes what it has in hand, and puts a new container in its place. One that does not end in time is killed, and
 * that is told: nothing else can be done with it, and the release waits for no job that never ends.
 * @throws UserError UNHEALTHY where the new one does not stay up
 */
export async function replaceWorker(step: Step<'replace-worker'>, run: Execution, task: Task | undefined): Promise<void> {
  const { service, drains } = step;
  await stopWorker(step, run, task);
  task?.detail('new container');
  await renew(step, run, task);
  const life = await lifeOf(service, run);
  task?.detail('waiting whether it stays up');
  const ended = async () => ((await lifeOf(service, run)) === life ? undefined : true);
  const timeout = Math.max(1, drains.settleSeconds) * 1000;
  if (await poll(ended, { every: 500, timeout, signal: run.context.signal })) throw await endedByItself(service, run);
  run.lives?.set(service, life);
}

/** Tells a worker to finish, and waits until its container has ended. @throws UserError as Compose does */
export async function stopWorker(
  { service, drains }: Pick<Step<'replace-worker'>, 'service' | 'drains'>,
  run: Execution,
  task: Task | undefined,
): Promise<void> {
  const { engine, context, prepared } = run;
  await proveLives(run);
  if (context.signal.aborted) throw new UserError('INTERRUPTED', 'interrupted', 'run the same command again: it continues from here');
  const found = (await engine.observe(prepared.project)).find((entry) => entry.service === service && entry.state === 'running');
  // Stopped by a step before, which has told how it ended.
  if (!found) return;
  task?.detail(`it finishes what it has in hand, within ${drains.seconds} s`);
  await compose(run, task, ['stop', service]);
  const story = await engine.story(found.id);
  if (!story || story.running || story.exitCode !== KILLED || story.oomKilled) return;
  context.report.warn(
    `${service} was killed: it had not ended ${drains.seconds} s after its signal, and what it had in hand is lost; \`services.*.stop\` says how long it may take`,
  );
}
