import type { Context, Project } from '../capability/capability.ts';
import { UserError } from '../core/errors.ts';
import { appendAudit, readAccepted, readAudit } from '../state/audit.ts';
import { acquireLock } from '../state/lock.ts';
import { readJournal, wasStopped } from './observe.ts';
import { entriesOf, toldBy } from './plan/events.ts';

const LOCK = 'bastion-sessions.lock';

/**
 * Brings sign-ins, forwards and ends of sessions into the audit log, which the bastion cannot write itself: it reaches no file of the host
 * but its secrets. Each comes there once, also after a run that was killed.
 * @returns how many; undefined where the bastion was stopped on purpose, so that it cannot be asked
 * @throws UserError NOT_RUNNING where it should run
 */
export async function noteSessions(context: Context, { loaded, state }: Project): Promise<number | undefined> {
  const file = state.at('audit.jsonl');
  const engine = await context.engine();
  const containers = await engine.observe(loaded.settings.project);
  if (await wasStopped(engine, containers)) return undefined;
  const { events } = toldBy(await readJournal(engine, containers));
  const accepted = readAccepted(file);
  const news = () => entriesOf(events, [...accepted, ...readAudit(file)]);
  if (news().length === 0) return 0;
  try {
    const lock = await acquireLock(state.at(LOCK), 'medianest bastion audit', 0, context.signal, () => {});
    try {
      // With the lock: another run may have brought them.
      const entries = news();
      appendAudit(file, ...entries);
      return entries.length;
    } finally {
      lock.release();
    }
  } catch (error) {
    if (error instanceof UserError && error.code === 'LOCKED') return 0;
    throw error;
  }
}
