import type { Context, Intent } from '../capability/capability.ts';
import { UserError } from '../core/errors.ts';
import { shortHash } from '../core/hash.ts';
import { explained } from '../core/system-fault.ts';
import { currentUser } from '../core/user.ts';
import { appendAudit, beginAudit, endAudit, noteKilled } from '../state/audit.ts';
import { acquireLock, type Lock } from '../state/lock.ts';
import { pauseHealing } from '../state/pause-healing.ts';
import { beginSeal, isSealFault, type Sealing } from '../state/seal.ts';
import type { StateFolder } from '../state/state.ts';
import { askGuards } from './guards.ts';

/**
 * Runs a change under the state folder's lock and leaves one line in the audit log, however it ends.
 * `record` tells that something is about to change; a run that changes nothing leaves no line. `fail` tells that it was
 * rolled back without an error to throw, and why. What is left in the state folder is sealed (state/seal.ts). While a restore is interrupted, only its end or `down` may change anything.
 */
export async function withLock<T>(
  context: Context,
  state: StateFolder,
  command: string,
  change: (lock: Lock, record: (plan: unknown) => void, fail: (code: string, reason?: string) => void) => Promise<T>,
  intent: Intent = {},
): Promise<T> {
  openState(state, intent);
  const lock = await acquireLock(state.at('lock'), `medianest ${command}`, context.flags.waitLock, context.signal, (holder) =>
    context.report.note(`waiting for \`${holder.command}\` by ${holder.user} (process ${holder.pid}, since ${holder.since})`),
  );
  const started = context.clock.now();
  const log = state.at('audit.jsonl');
  let why: string | undefined;
  const begun = (plan: string) => ({
    time: started.toISOString(),
    user: currentUser(),
    command: `medianest ${command}`,
    ...((why ?? intent.reason) && { reason: why ?? intent.reason }),
    plan,
  });
  let plan: string | undefined;
  const close = (result: 'done' | 'failed' | 'interrupted', error?: string) => {
    if (plan === undefined) return;
    const seconds = (context.clock.now().getTime() - started.getTime()) / 1000;
    endAudit(log, { ...begun(plan), result, ...(error && { error }), seconds });
  };
  let sealing: Sealing | undefined;
  const hold = pauseHealing(state);
  try {
    await askGuards(context, state, intent);
    sealing = sealFound(context, state, { killed: noteKilled(log), accepts: intent.accepts === true });
    if (sealing && sealing.foreign.length > 0 && intent.accepts) {
      const reason = `takes as it is what another program has changed: ${sealing.foreign.join(', ')}`;
      context.report.warn(`${reason}. If that was not you, find out who did: \`medianest audit\``);
      appendAudit(log, { ...begun(shortHash(sealing.foreign)), reason, result: 'done', seconds: 0 });
    }
    let failure: string | undefined;
    const value = await change(
      lock,
      (steps) => {
        plan = shortHash(steps);
        beginAudit(log, begun(plan));
      },
      (code, reason) => {
        failure = code;
        why = reason;
      },
    );
    close(failure ? 'failed' : 'done', failure);
    return value;
  } catch (thrown) {
    const error = explained(thrown);
    const code = error instanceof UserError ? error.code : 'UNEXPECTED';
    try {
      close(code === 'INTERRUPTED' ? 'interrupted' : 'failed', code);
    } catch (auditError) {
      // A full disk may be why the change failed: that error is the one to show.
      context.report.warn(`the audit log could not be written: ${(auditError as Error).message}`);
    }
    throw error;
  } finally {
    try {
      sealLeft(context, sealing, command);
    } finally {
      hold.end();
      lock.release();
    }
  }
}

/** A seal that cannot be read is told by `health` and here: the command it would be about goes on. */
function sealFound(context: Context, state: StateFolder, how: Parameters<typeof beginSeal>[1]): Sealing | undefined {
  try {
    return beginSeal(state, how);
  } catch (error) {
    if (!isSealFault(error)) throw error;
    context.report.warn(`whether another program has changed the state folder cannot be told: ${error.message}`);
    return undefined;
  }
}

function sealLeft(context: Context, sealing: Sealing | undefined, command: string): void {
  try {
    sealing?.end(command, context.clock.now());
  } catch (error) {
    if (!isSealFault(error)) throw error;
    context.report.warn(
      `the state folder could not be sealed, so nothing tells what another program changes until the next command: ${error.message}`,
    );
  }
}

/** A stack can be stopped also where `state.json` is damaged: that notes the project's name and the version of what is there. */
function openState(state: StateFolder, { takesDown }: Intent): void {
  try {
    state.open();
  } catch (error) {
    const damaged = error instanceof UserError && error.code === 'STATE_DAMAGED' && error.path === state.at('state.json');
    if (!damaged || !takesDown) throw error;
  }
}
