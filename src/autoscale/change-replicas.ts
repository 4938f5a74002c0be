import type { Context } from '../capability/capability.ts';
import { UserError } from '../core/errors.ts';
import { interruptedRelease } from '../deploy/plan/releases.ts';
import { scaleApp } from '../deploy/scale.ts';
import { readReleases } from '../deploy/store/release-store.ts';
import { open } from '../project/open.ts';
import type { ProjectPlan } from '../reconcile/plan-project.ts';
import { readOverrides } from '../reconcile/prepare.ts';
import type { Role } from '../stack/member.ts';
import { isOfFirst, type ProcessPlace } from '../stack/processes/place.ts';
import { namesOf, withRole } from '../stack/roles.ts';
import type { StateFolder } from '../state/state.ts';
import { pausedText } from './plan/decide.ts';
import { pendingOf } from './plan/pending.ts';
import { autoscaleOf, countOf } from './plan/settings.ts';
import { readPause } from './store.ts';

interface Placed {
  name: string;
  role?: Role | undefined;
  process?: ProcessPlace;
}

interface Wanted {
  from: number;
  to: number;
  /** The number that was decided upon. */
  expected: number;
  reason: string;
}

/**
 * Brings the application to this many replicas, as `scale` does, without waiting for the project's lock.
 * @throws UserError LOCKED where another command is at work, or where more than replicas would change; nothing was changed then
 */
export async function changeReplicas(context: Context, { from, to, expected, reason }: Wanted): Promise<void> {
  // As the file is now: a change of it that `up` has made since must not be undone.
  const project = await open(context);
  const ofApp = (services: readonly Placed[] | undefined) =>
    withRole(services, 'application').flatMap((service) => (isOfFirst(service) ? [service.name] : []));
  const before = ofApp(project.state.manifest()?.services);
  const accept = ({ changes, prepared }: ProjectPlan) => {
    refuseIfNotAsked(context, project.state);
    if (!autoscaleOf(project.loaded.settings)) throw notNow('app.autoscale is no setting any more', 'medianest config show');
    if (countOf(project.loaded.settings, readOverrides(project.state)) !== expected)
      throw notNow('the number of replicas was changed meanwhile', 'medianest autoscale status');
    const pending = pendingOf(changes, [...before, ...ofApp(prepared.stack.services)], namesOf(prepared.stack.services, 'balancer'));
    if (pending) throw notNow(`medianest.yml or medianest has changed, and autoscaling does not apply that (${pending})`, 'medianest up');
  };
  const patient: Context = { ...context, flags: { ...context.flags, waitLock: 0 } };
  await scaleApp(patient, project, to, { command: `autoscale app=${to}`, reason: `${from} -> ${to}: ${reason}`, accept });
}

/** What a person has begun comes first. */
function refuseIfNotAsked(context: Context, state: StateFolder): void {
  const pause = readPause(state);
  if (pause && Date.parse(pause.until) > context.clock.now().getTime()) throw notNow(pausedText(pause), 'medianest autoscale resume');
  const overrides = readOverrides(state);
  if (overrides.maintenance) throw notNow('maintenance mode is on', 'medianest maintenance off');
  const half = interruptedRelease(readReleases(state), overrides.app?.release);
  if (half) throw notNow(`the deploy of ${half.id} was interrupted`, '`medianest deploy` starts it again, `medianest up` rolls it back');
}

const notNow = (why: string, hint: string): UserError => new UserError('LOCKED', `${why}; nothing was changed`, hint);
