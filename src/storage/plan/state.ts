import type { KeyState } from '../../host/plan/fscrypt.ts';

/** What there is of an encrypted folder. */
export type StorageState =
  /** None, and none was made: `up` makes it. */
  | { is: 'new' }
  | { is: 'unlocked' }
  | { is: 'locked' }
  /** The key was removed, and files that were open then can still be read. */
  | { is: 'busy' }
  /** One was made, and something else stands there, or nothing. */
  | { is: 'astray'; why: string; remedy: string };

export interface StorageFacts {
  folder: string;
  recorded: { folder: string; key: string } | undefined;
  /** Whether the encrypted folder is there; whether it is empty, where it is not encrypted. */
  there: boolean;
  empty: boolean;
  /** The identifiers of the key: by what the folder is encrypted, and what the header says; undefined where there is none. */
  policy: string | undefined;
  header: string | undefined;
  /** What the kernel has of that key. */
  kernel: KeyState | undefined;
}

const MOUNT =
  'mount the disk that it is on, and run the same command again; if it is lost for good, docs/encryption.md says how to begin anew';

/** Only what is proven to be new is made: anything else that is missing may be a disk that is not mounted. */
export function judge({ folder, recorded, there, empty, policy, header, kernel }: StorageFacts): StorageState {
  if (recorded && recorded.folder !== folder)
    return {
      is: 'astray',
      why: `the encrypted folder is ${recorded.folder}, and the settings (\`storage.path\`, \`project\`) name ${folder}`,
      remedy: `return to the old setting; or move ${recorded.folder} there with the stack down, and remove encryption.json from the state folder`,
    };
  if (policy === undefined) {
    if (recorded) return { is: 'astray', why: `${folder} has no encrypted folder, and one was made there`, remedy: MOUNT };
    // A run that was killed has left an empty one.
    if (!there || empty) return { is: 'new' };
    return { is: 'astray', why: `${folder} holds files that are not encrypted`, remedy: `move them away; medianest did not make them` };
  }
  const wanted = recorded?.key ?? header;
  if (wanted !== undefined && wanted !== policy)
    return { is: 'astray', why: `${folder} is encrypted by another key than the one that was made for it`, remedy: MOUNT };
  if (header !== undefined && header !== policy)
    return { is: 'astray', why: `the header in ${folder} is of another key`, remedy: 'put a copy of the right header back' };
  return { is: kernel === 'present' ? 'unlocked' : kernel === 'busy' ? 'busy' : 'locked' };
}

/** One line for `status`, `health` and the commands. */
export function describeState(state: StorageState, folder: string): string {
  switch (state.is) {
    case 'new':
      return `${folder} is not made yet`;
    case 'unlocked':
      return `${folder} is unlocked`;
    case 'locked':
      return `${folder} is locked: no container that has data can start`;
    case 'busy':
      return `${folder} is locked, and files that were open can still be read`;
    case 'astray':
      return state.why;
  }
}
