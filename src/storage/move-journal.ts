import { removeTree, writeAtomic } from '../core/files.ts';
import type { StateFolder } from '../state/state.ts';
import { isJournal, type MoveJournal } from './plan/move.ts';

const JOURNAL = 'encryption-move.json';

/** Volumes that are on their way; undefined where none is. */
export const readMove = (state: StateFolder): MoveJournal | undefined =>
  state.readJson<MoveJournal>(JOURNAL, 'copies that are not finished may count as finished: compare their volumes first', isJournal);

export const noteMove = (state: StateFolder, journal: MoveJournal): void =>
  writeAtomic(state.at(JOURNAL), `${JSON.stringify(journal, null, 1)}\n`);

export const endMove = (state: StateFolder): void => removeTree(state.at(JOURNAL));
