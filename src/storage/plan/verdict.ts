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
  /** Where the key is sealed to a TPM: to other registers than the settings name; whether the recovery kit opens the data, too. */
  boundToOthers?: boolean;
  kitOpens?: boolean;
  /** Whether the TPM opens it, where it was asked; null: it cannot be told. Without a remedy where root alone is told. */
  tpm?: { opens: true } | { opens: false | null; why: string; remedy: string | undefined } | undefined;
}

const UNLOCK = 'sudo medianest storage unlock, then medianest up';
const ROTATE = 'sudo medianest storage keys rotate';
const KIT = 'sudo medianest backup kit FILE, and keep it elsewhere';

/** In sentences. */
const NAME: Record<Unlock, string> = { file: 'file', passphrase: 'passphrase', tpm: 'TPM' };

/** The key of the data is opened by something else than the settings name. */
const isOpenedOtherwise = ({ slots, unlock, boundToOthers }: VerdictFacts): boolean =>
  slots !== undefined && (!slots.every((kind) => kind === unlock) || boundToOthers === true);

/** A TPM opens it as the settings say, and what opened it before stays until a kit does. */
const waitsForKit = (facts: VerdictFacts): boolean =>
  facts.unlock === 'tpm' && facts.kitOpens === false && isOpenedOtherwise(facts) && !facts.boundToOthers;

/** What to do next; undefined where nothing is. */
export function remedyOf(facts: VerdictFacts): string | undefined {
  const { state, move, encrypt, headerThere, kitOpens, tpm } = facts;
  if (move) return `${moveCommand(move)} continues it`;
  switch (state.is) {
    case 'astray':
      return state.remedy;
    case 'locked':
    case 'busy':
      return (tpm && !tpm.opens && tpm.remedy) || UNLOCK;
    case 'new':
      return encrypt ? 'medianest up makes it' : undefined;
    case 'unlocked':
      if (!encrypt) return 'medianest down, sudo medianest storage decrypt, medianest up; or set `storage: { encrypt: true }`';
      if (!headerThere) return `${ROTATE} writes it again`;
      if (tpm && !tpm.opens && tpm.remedy) return tpm.remedy;
      if (waitsForKit(facts)) return `sudo medianest backup kit FILE, and then ${ROTATE}`;
      if (isOpenedOtherwise(facts)) return ROTATE;
      return kitOpens === false ? KIT : undefined;
  }
}

/** For `health`. */
export function storageCheck(facts: VerdictFacts): Check {
  const { state, folder, move, encrypt, headerThere, tpm } = facts;
  const remedy = remedyOf(facts);
  const message = describe(facts);
  if (remedy === undefined) return { id: 'storage', status: 'ok', message: `encrypted data: ${message}` };
  const bad =
    move !== undefined || state.is === 'astray' || state.is === 'locked' || state.is === 'busy' || !headerThere || tpm?.opens === false;
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

function describe(facts: VerdictFacts): string {
  const { state, folder, move, headerThere, slots, unlock, boundToOthers, kitOpens, tpm } = facts;
  if (move) return `a move ${move.to === 'encrypted' ? 'into' : 'out of'} ${folder} was interrupted`;
  const text = describeState(state, folder);
  const untold = tpm?.opens === null && tpm.remedy === undefined;
  if (state.is === 'locked' || state.is === 'busy') return tpm && !tpm.opens && !untold ? `${text}, and ${tpm.why}` : text;
  if (state.is !== 'unlocked') return text;
  if (!headerThere) return `${text}, and the header beside it is gone`;
  if (tpm?.opens === false) return `${text}, and will not be after the next start of the host: ${tpm.why}`;
  if (tpm?.opens === null && !untold)
    return `${text}, and whether the TPM opens it after the next start of the host cannot be told: ${tpm.why}`;
  if (isOpenedOtherwise(facts)) {
    const kinds = (slots ?? []).map((kind) => NAME[kind]);
    if (waitsForKit(facts)) return `${text}, and its key is opened by a ${kinds.join(' and a ')}, until a recovery kit holds it`;
    return boundToOthers && kinds.every((kind) => kind === NAME[unlock])
      ? `${text}, and its key is sealed to other registers than \`storage.tpmPcrs\` names`
      : `${text}, and its key is opened by a ${kinds.join(' and a ')}, not by a ${NAME[unlock]}`;
  }
  return kitOpens === false
    ? `${text}, and lost if this TPM is: the recovery kit does not open it yet`
    : untold
      ? `${text}; ${tpm.why}`
      : text;
}
