import type { Context, Project } from '../capability/capability.ts';
import { readOverrides } from '../reconcile/prepare.ts';
import { autoscaleOf, countOf, isBalanced } from './plan/settings.ts';
import { NO_STATE } from './plan/state.ts';
import type { Known } from './plan/status.ts';
import { readAutoscale, readPause } from './store.ts';

/** @throws UserError STATE_DAMAGED */
export function known(context: Context, { loaded, state }: Project): Known {
  const own = autoscaleOf(loaded.settings);
  return {
    now: context.clock.now().getTime(),
    own,
    balanced: isBalanced(loaded.settings),
    count: countOf(loaded.settings, readOverrides(state)),
    state: own ? readAutoscale(state) : NO_STATE,
    pause: own && readPause(state),
  };
}
