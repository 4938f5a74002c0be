import type { Context, Project } from '../capability/capability.ts';
import { UserError } from '../core/errors.ts';
import { requireManifest } from '../project/open.ts';
import { containersOf } from '../stack/roles.ts';
import { appendAudit, readAudit } from '../state/audit.ts';
import { acquireLock } from '../state/lock.ts';
import { agentLog } from './agent-log.ts';
import { entriesOf, lastNoted } from './plan/noted-actions.ts';

const LOCK = 'agent-actions.lock';
/** Before the first look the agent's log is not taken in whole. */
const FIRST_MS = 3_600_000;

/**
 * Brings what the agent did since the last look into the audit log, which it cannot write itself: it reaches no file of the host.
 * Each action comes there once, also after a look that was killed.
 * @returns how many
 */
export async function noteActions(context: Context, { loaded, state }: Project): Promise<number> {
  const file = state.at('audit.jsonl');
  const engine = await context.engine();
  const containers = containersOf(await engine.observe(loaded.settings.project), requireManifest(state).services, 'agent');
  const now = context.clock.now();
  const noted = lastNoted(readAudit(file));
  const since = noted !== undefined && Date.parse(noted) <= now.getTime() ? noted : new Date(now.getTime() - FIRST_MS).toISOString();
  const actions = await agentLog(context, containers, ['--since', since]);
  if (entriesOf(actions, readAudit(file), now).length === 0) return 0;
  try {
    const lock = await acquireLock(state.at(LOCK), 'medianest agent heal', 0, context.signal, () => {});
    try {
      // With the lock: another look may have brought them.
      const entries = entriesOf(actions, readAudit(file), now);
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
