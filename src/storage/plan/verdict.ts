import type { Check } from '../../capability/check.ts';
import type { Unlock } from './header.ts';
import { type MoveJournal, moveCommand } from './move.ts';
import { describeState, type StorageState } from './state.ts';

export interface VerdictFacts {
  folder: string;
  /** What the settings ask for. */
  encrypt: boolean;
  unlock: Unlock;
  state: StorageState;
  /** The header beside the data; there is a copy of it in the state folder. */
  headerThere: boolean;
  /** What opens the key; undefined where that cannot be read. */
  slots: readonly Unlock[] | undefined;
  move: MoveJournal | undefined;
}

const UNLOCK = 'sudo medianest storage unlock, then medianest up';

/** What to do next; undefined where nothing is. */
export function remedyOf({ state, move, encrypt, headerThere, slots, unlock }: VerdictFacts): string | undefined {
  if (move) return `${moveCommand(move)} continues it`;
  switch (state.is) {
    case 'astray':
      return state.remedy;
    case 'locked':
    case 'busy':
      return UNLOCK;
    case 'new':
      return encrypt ? 'medianest up makes it' : undefined;
    case 'unlocked':
      if (!encrypt) return 'medianest down, sudo medianest storage decrypt, medianest up; or set `storage: { encrypt: true }`';
      if (!headerThere) return 'sudo medianest storage keys rotate writes it again';
      return slots && !slots.every((kind) => kind === unlock) ? 'sudo medianest storage keys rotate' : undefined;
  }
}

/** For `health`. */
export function storageCheck(facts: VerdictFacts): Check {
  const { state, folder, move, encrypt, headerThere } = facts;
  const remedy = remedyOf(facts);
  const message = describe(facts);
  if (remedy === undefined) return { id: 'storage', status: 'ok', message: `encrypted data: ${message}` };
  const bad = move !== undefined || state.is === 'astray' || state.is === 'locked' || state.is === 'busy' || !headerThere;
  const status = bad ? 'fail' : 'warn';
  return {
    id: 'storage',
    status,
    message: `encrypted data: ${encrypt || move ? message : `${folder} is there, and \`storage.encrypt\` is off`}`,
    remedy,
  };
}

/** For `status`: nothing where all is as usual. */
export function storageNote(facts: VerdictFacts): string[] {
  const remedy = remedyOf(facts);
  return remedy === undefined ? [`Encrypted data: ${describe(facts)}`] : [`Encrypted data: ${describe(facts)}: ${remedy}`];
}

function describe({ state, folder, move, headerThere, slots, unlock }: VerdictFacts): string {
  if (move) return `a move ${move.to === 'encrypted' ? 'into' : 'out of'} ${folder} was interrupted`;
  const text = describeState(state, folder);
  if (state.is !== 'unlocked') return text;
  if (!headerThere) return `${text}, and the header beside it is gone`;
  return slots && !slots.every((kind) => kind === unlock)
    ? `${text}, and its key is opened by a ${slots.join(' and a ')}, not by a ${unlock}`
    : text;
}
