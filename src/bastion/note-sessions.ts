import type { Context, Project } from '../capability/capability.ts';
import { UserError } from '../core/errors.ts';
import { appendAudit, readAudit } from '../state/audit.ts';
import { acquireLock } from '../state/lock.ts';
import { readJournal } from './observe.ts';
import { entriesOf, toldBy } from './plan/events.ts';

const LOCK = 'bastion-sessions.lock';

/**
 * Brings sign-ins, forwards and ends of sessions into the audit log, which the bastion cannot write itself: it reaches no file of the host
 * but its secrets. Each comes there once, also after a run that was killed.
 * @returns how many
 */
export async function noteSessions(context: Context, { loaded, state }: Project): Promise<number> {
  const file = state.at('audit.jsonl');
  const engine = await context.engine();
  const { events } = toldBy(await readJournal(engine, await engine.observe(loaded.settings.project)));
  if (entriesOf(events, readAudit(file)).length === 0) return 0;
  try {
    const lock = await acquireLock(state.at(LOCK), 'medianest bastion audit', 0, context.signal, () => {});
    try {
      // With the lock: another run may have brought them.
      const entries = entriesOf(events, readAudit(file));
      for (const entry of entries) appendAudit(file, entry);
      return entries.length;
    } finally {
      lock.release();
    }
  } catch (error) {
    if (error instanceof UserError && error.code === 'LOCKED') return 0;
    throw error;
  }
}
