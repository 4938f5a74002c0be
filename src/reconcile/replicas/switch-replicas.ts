import type { Execution } from '../../capability/capability.ts';
import { UserError } from '../../core/errors.ts';
import type { Step } from '../plan/step.ts';
import { askBalancer } from './ask-balancer.ts';

/**
 * Requests go to other replicas from now on, or to none. What is taken out is noted before, so that the next run enables it where
 * this one is killed; the caller ends that note once it is remembered which of them are to serve.
 * @throws UserError PARTIAL where the balancer refuses: nothing was switched then
 */
export async function switchReplicas({ balancer, to, from, drainSeconds }: Step<'switch-replicas'>, run: Execution): Promise<void> {
  const { state } = run.prepared;
  state.noteDrained([...new Set([...state.drained(), ...from])]);
  const names = (list: readonly string[]) => (list.length > 0 ? list.join(',') : '-');
  if (run.noted && to.length === 0) run.noted.closedAt ??= Date.now();
  const { exitCode, output } = await askBalancer(balancer, run, ['switch', String(drainSeconds), names(to), names(from)]);
  if (exitCode !== 0)
    throw new UserError(
      'PARTIAL',
      `${balancer} does not switch between ${[...to, ...from].join(', ')}: ${output.trim()}`,
      '`medianest logs balancer` shows why; `medianest up` enables what is to serve',
    );
  state.noteDrained(state.drained().filter((name) => !to.includes(name)));
}
