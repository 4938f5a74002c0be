import { removeTree, writeAtomic } from '../../core/files.ts';
import type { StateFolder } from '../../state/state.ts';
import type { CarryJournal } from '../plan/carry-journal.ts';

const FILE = 'carry.json';

const isJournal = (value: unknown): boolean => {
  const { kind, from, copied } = (value ?? {}) as Partial<CarryJournal>;
  return (kind === 'rename' || kind === 'database') && typeof from === 'string' && typeof copied === 'object' && copied !== null;
};

/** Data that is on its way; undefined where none is. */
export const readCarry = (state: StateFolder): CarryJournal | undefined =>
  state.readJson<CarryJournal>(FILE, 'copies that are not finished may count as finished: compare their volumes first', isJournal);

export const noteCarry = (state: StateFolder, journal: CarryJournal): void =>
  writeAtomic(state.at(FILE), `${JSON.stringify(journal, null, 1)}\n`);

export const endCarry = (state: StateFolder): void => removeTree(state.at(FILE));
