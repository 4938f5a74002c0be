import { rmSync } from 'node:fs';
import { writeAtomic } from '../../core/files.ts';
import type { StateFolder } from '../../state/state.ts';

/** An import of a database that has not come to its end. */
export interface Importing {
  /** ISO 8601, when it was started. */
  at: string;
  source: string;
  /** The database that is filled. */
  database: string;
  /** Containers of the other project, and services of the application, that it has stopped. */
  stoppedSource: string[];
  stoppedApp: string[];
  /** It returns to a database that an import has replaced. */
  back?: boolean;
}

/** An import of a cache that has not come to its end. */
export interface ImportingCache extends Omit<Importing, 'database' | 'back'> {
  /** The cache is being emptied and written: what it has is a part. */
  writing: boolean;
}

/** A database that was replaced. */
export interface Kept {
  name: string;
  at: string;
  /** What has replaced it. */
  by: string;
}

interface Journal {
  underWay?: Importing | undefined;
  cache?: ImportingCache | undefined;
  kept: Kept[];
}

const FILE = 'imports.json';

export const readJournal = (state: StateFolder): Journal =>
  state.readJson<Journal>(
    FILE,
    'the databases that imports have replaced stay; `medianest import database --back` asks the server',
    (value) => Array.isArray((value as Journal | null)?.kept),
  ) ?? { kept: [] };

/** Notes what is about to happen, before it does. */
export function writeJournal(state: StateFolder, change: (journal: Journal) => Journal): void {
  const { underWay, cache, kept } = change(readJournal(state));
  if (!underWay && !cache && kept.length === 0) rmSync(state.at(FILE), { force: true });
  else writeAtomic(state.at(FILE), `${JSON.stringify({ ...(underWay && { underWay }), ...(cache && { cache }), kept }, null, 1)}\n`, 0o600);
}
