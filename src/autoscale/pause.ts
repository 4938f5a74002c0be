import type { Context, Project } from '../capability/capability.ts';
import { UserError } from '../core/errors.ts';
import { shortHash } from '../core/hash.ts';
import { currentUser } from '../core/user.ts';
import { requireManifest } from '../project/open.ts';
import { readOverrides } from '../reconcile/prepare.ts';
import { appendAudit } from '../state/audit.ts';
import { autoscaleOf, countOf } from './plan/settings.ts';
import type { Pause } from './plan/state.ts';
import { readPause, removePause, writePause } from './store.ts';

/** What a person scales to stays so long. */
const PAUSE_SECONDS = 3600;

/** The number of replicas stays what it is. @throws UserError INVALID_SETTINGS where autoscaling is off, NOT_RUNNING */
export function pause(context: Context, project: Project, seconds: number): Pause {
  requireManifest(project.state);
  if (!autoscaleOf(project.loaded.settings))
    throw new UserError(
      'INVALID_SETTINGS',
      'autoscaling is off: there is nothing to pause',
      'app.autoscale in medianest.yml switches it on',
    );
  const asked = pauseFrom(context, project, seconds);
  if (context.flags.dryRun) return asked;
  writePause(project.state, asked);
  note(context, project, `autoscale pause --for ${seconds}s`);
  return asked;
}

/** Ends it. @returns what was paused, undefined where nothing was */
export function resume(context: Context, project: Project): Pause | undefined {
  const before = readPause(project.state);
  if (!before || Date.parse(before.until) <= context.clock.now().getTime()) return undefined;
  if (context.flags.dryRun) return before;
  removePause(project.state);
  note(context, project, 'autoscale resume');
  return before;
}

/** A person scales: that number stays for an hour, also where not all of the change succeeds. The audit log has the command itself. */
export function pauseScaled(context: Context, project: Project, replicas: number): Pause {
  const asked = { ...pauseFrom(context, project, PAUSE_SECONDS), replicas };
  writePause(project.state, asked);
  return asked;
}

const pauseFrom = (context: Context, { loaded, state }: Project, seconds: number): Pause => ({
  until: new Date(context.clock.now().getTime() + seconds * 1000).toISOString(),
  replicas: countOf(loaded.settings, readOverrides(state)),
  by: currentUser(),
});

function note(context: Context, { state }: Project, command: string): void {
  appendAudit(state.at('audit.jsonl'), {
    time: context.clock.now().toISOString(),
    user: currentUser(),
    command: `medianest ${command}`,
    plan: shortHash(command),
    result: 'done',
    seconds: 0,
  });
}
