import { rmSync } from 'node:fs';
import { UserError } from '../../core/errors.ts';
import { writeAtomic } from '../../core/files.ts';
import type { StateFolder } from '../../state/state.ts';
import type { Part } from '../plan/restore-part.ts';

/** A restore in place, from the moment on in which data is replaced. */
export interface Restoring {
  /** The set whose files are restored. */
  set: string;
  /** Where the database comes from, for a person. */
  target: string;
  parts: Part[];
  /** Back to what a restore has put aside. */
  undo: boolean;
  /** The member in whose volume the database is. */
  member: string;
  /** The set with what was there before; null if none could be made. */
  safety: string | null;
  /** ISO 8601, when it was started. */
  at: string;
  /** What may be changed already. */
  touched: Part[];
  /** All data is in its place, and what writes to it is started: it may hold more than the set by now. */
  replaced?: boolean;
}

/** While data is replaced, and after a run that was killed meanwhile. */
const UNDER_WAY = 'restoring.json';
/** The last restore in place that came to its end: `--undo` goes by it. */
const LAST = 'restore.json';

const read = (state: StateFolder, file: string): Restoring | undefined =>
  state.readJson<Restoring>(
    file,
    'what a restore has replaced is not known any more',
    (value) => typeof value === 'object' && value !== null && Array.isArray((value as Restoring).parts),
  );

const write = (state: StateFolder, file: string, entry: Restoring): void =>
  writeAtomic(state.at(file), `${JSON.stringify(entry, null, 1)}\n`, 0o600);

/** The restore that has not come to its end; undefined where there is none. */
export const underWay = (state: StateFolder): Restoring | undefined => read(state, UNDER_WAY);
/** What `--undo` rolls back; undefined if there is nothing. */
export const lastRestore = (state: StateFolder): Restoring | undefined => read(state, LAST);

/** Notes what is about to be changed, before it is. */
export const noteUnderWay = (state: StateFolder, entry: Restoring): void => write(state, UNDER_WAY, entry);

/** It has come to its end. @param entry what can be undone now; undefined where nothing can */
export function noteEnd(state: StateFolder, entry: Restoring | undefined): void {
  if (entry) write(state, LAST, entry);
  else rmSync(state.at(LAST), { force: true });
  rmSync(state.at(UNDER_WAY), { force: true });
}

/** It was rolled back before it touched the database: what could be undone before can still be undone. */
export const noteRolledBack = (state: StateFolder): void => rmSync(state.at(UNDER_WAY), { force: true });

/** The message about an interrupted restore. */
export const halfRestored = ({ target, at }: Restoring): string =>
  `the restore of ${target}, started ${at}, was interrupted while data was replaced: \`medianest restore\` resumes it, \`medianest restore --undo\` rolls it back`;

/** @throws UserError PARTIAL while data is half replaced: whatever starts containers would start old and new ones together */
export function refuseHalfRestored(state: StateFolder): void {
  const half = underWay(state);
  if (half) throw new UserError('PARTIAL', `${halfRestored(half)}; nothing was changed`, 'medianest restore --yes');
}
