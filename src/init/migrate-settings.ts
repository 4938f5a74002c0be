import { readFileSync, realpathSync, statSync } from 'node:fs';
import type { Context } from '../capability/capability.ts';
import { exists, writeAtomic } from '../core/files.ts';
import { withLock } from '../project/with-lock.ts';
import { parseSettings } from '../settings/document.ts';
import { migrateText } from '../settings/migrate-text.ts';
import type { StateFolder } from '../state/state.ts';

export interface MigrateOutcome {
  result: 'current' | 'planned' | 'migrated';
  file: string;
  from: number;
  to: number;
  changes: string[];
  /** Where the old file is kept. */
  kept?: string;
}

/** Writes a settings file in the newest version, after its old text has been kept beside it. */
export async function migrateFile(context: Context, state: StateFolder, configFile: string): Promise<MigrateOutcome> {
  // What a link leads to is replaced, not the link.
  const file = realpathSync(configFile);
  const before = readFileSync(file, 'utf8');
  const { text, from, to, changes } = migrateText(before);
  if (changes.length === 0) return { result: 'current', file, from, to, changes };
  parseSettings(text, file);
  if (context.flags.dryRun) return { result: 'planned', file, from, to, changes };
  return withLock(context, state, 'config migrate', async (_lock, record) => {
    record(changes);
    const mode = statSync(file).mode & 0o777;
    const kept = freeName(`${file}.v${from}`);
    writeAtomic(kept, before, mode, null);
    writeAtomic(file, text, mode, null);
    return { result: 'migrated', file, from, to, changes, kept };
  });
}

const freeName = (name: string, count = 1): string => {
  const candidate = count === 1 ? name : `${name}.${count}`;
  return exists(candidate) ? freeName(name, count + 1) : candidate;
};
