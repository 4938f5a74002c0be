import type { Execution } from '../../capability/capability.ts';
import { UserError } from '../../core/errors.ts';
import type { Task } from '../../core/reporter.ts';
import { protocolName } from '../../stack/types.ts';
import { BACKEND, type Replica } from './ask-balancer.ts';

/**
 * The application's own test of a new container (`app.smoke`), which no visitor has reached yet: paths are asked for by the
 * balancer, through the address that it uses; the program runs in the container. One that hangs fails when its time is over.
 * @throws UserError UNHEALTHY
 */
export async function smokeTest({ service, rolling }: Replica, run: Execution, task: Task | undefined): Promise<void> {
  const { smoke } = rolling;
  if (!smoke) return;
  task?.detail('smoke test');
  const until = Date.now() + smoke.seconds * 1000;
  // What the program has said may be anything: it stands in lines of its own, which are kept nowhere.
  const failed = (what: string, lines: readonly string[] = []) =>
    new UserError(
      'UNHEALTHY',
      [`${service} fails its smoke test (app.smoke): ${what}; no visitor was sent to it`, ...lines.map((line) => `    ${line}`)].join('\n'),
      `correct the release and deploy again; \`medianest logs ${service}\` shows what it said`,
    );
  const containers = (await run.engine.observe(run.prepared.project)).filter(({ state }) => state === 'running');
  const [own, balancer] = [service, rolling.balancer].map((name) => containers.find((entry) => entry.service === name));
  if (!own) throw failed('its container does not run');
  for (const path of smoke.paths) {
    const left = Math.ceil((until - Date.now()) / 1000);
    if (left <= 0) throw failed(`it has taken longer than ${smoke.seconds} s, ${path} was not asked for`);
    if (!balancer) throw failed(`${rolling.balancer}, which would ask it, does not run`);
    const argv = ['ask', rolling.address, protocolName(rolling.tls), smoke.statuses.join(','), String(left), path];
    const { exitCode, output } = await run.engine.exec(balancer.id, [BACKEND, ...argv]);
    if (exitCode !== 0) throw failed(output.trim());
  }
  if (smoke.command.length === 0) return;
  const told = smoke.command.join(' ');
  const ended = await within(until - Date.now(), run.context.signal, run.engine.exec(own.id, smoke.command));
  if (!ended) throw failed(`${told} has not ended within ${smoke.seconds} s`);
  if (ended.exitCode !== 0) throw failed(`${told} ended with status ${ended.exitCode}`, ended.output.trim().split('\n').slice(-3));
}

/** @returns undefined where it takes longer. @throws UserError INTERRUPTED on Ctrl-C */
async function within<T>(milliseconds: number, signal: AbortSignal, work: Promise<T>): Promise<T | undefined> {
  work.catch(() => {});
  let stop = () => {};
  const limit = new Promise<undefined>((resolve, reject) => {
    const timer = setTimeout(() => resolve(undefined), Math.max(0, milliseconds));
    const abort = () => reject(new UserError('INTERRUPTED', 'interrupted', 'run the same command again: it continues from here'));
    signal.addEventListener('abort', abort, { once: true });
    stop = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', abort);
    };
  });
  try {
    return await Promise.race([work, limit]);
  } finally {
    stop();
  }
}
