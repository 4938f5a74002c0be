import { readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { systemCode } from '../../core/errors.ts';
import type { PendingLines } from './intake.ts';
import { AUDIT, auditLines } from './plan/audit.ts';

/**
 * Takes the lines of the audit log that commands leave for it (state/audit.ts), each once: its journal has the cursor beside the lines.
 * @param folder where the log is
 * @returns what looks once, and takes what is new
 */
export function auditTaker(folder: string, pending: PendingLines): () => Promise<void> {
  const file = path.join(folder, 'audit.jsonl');
  let seen = '';
  return async () => {
    const found = await stat(file).catch(absent);
    const state = found ? `${found.ino} ${found.size} ${found.mtimeMs}` : '';
    if (!found || state === seen) return;
    for (const { document, cursor } of auditLines(await readFile(file, 'utf8'), pending.taken[AUDIT])) {
      pending.add(AUDIT, JSON.stringify(document), cursor, document['@timestamp'], false);
      const space = pending.space();
      if (space) await space;
    }
    seen = state;
  };
}

/** No command has left a line yet. */
function absent(error: Error): undefined {
  if (systemCode(error) !== 'ENOENT') throw error;
}
