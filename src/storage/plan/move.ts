import { UserError } from '../../core/errors.ts';
import type { ObservedVolume } from '../../docker/types.ts';
import { LABEL } from '../../stack/labels.ts';

/** `encryption-move.json`: volumes that are on their way into the encrypted folder, or out of it. */
export interface MoveJournal {
  to: 'encrypted' | 'plain';
  /** Volume, as the engine names it -> its encrypted folder. */
  folders: Readonly<Record<string, string>>;
  /** Those whose copy was compared with what was copied. */
  copied: readonly string[];
}

export const isJournal = (value: unknown): boolean => {
  const { to, folders, copied } = (value ?? {}) as Partial<MoveJournal>;
  return (to === 'encrypted' || to === 'plain') && typeof folders === 'object' && folders !== null && Array.isArray(copied);
};

/** The command that continues a move. */
export const moveCommand = ({ to }: Pick<MoveJournal, 'to'>): string =>
  to === 'encrypted' ? 'sudo medianest storage encrypt' : 'sudo medianest storage decrypt';

/** Volumes with their folders whose copy was not compared yet. */
export const uncopied = ({ folders, copied }: MoveJournal): [string, string][] =>
  Object.entries(folders).filter(([name]) => !copied.includes(name));

/** Originals are removed once all are copied: until then, a move into the folder can be given up. */
export const mayBeGivenUp = (journal: MoveJournal): boolean => journal.to === 'encrypted' && uncopied(journal).length > 0;

/** What is to be moved: what an interrupted run has begun, and what is not where it should be. */
export function foldersToMove(
  to: MoveJournal['to'],
  {
    wanted,
    volumes,
    within,
    project,
  }: {
    /** The volumes of the stack -> their folder, undefined where one is not to be encrypted. */
    wanted: ReadonlyMap<string, string | undefined>;
    volumes: readonly ObservedVolume[];
    /** The folder that the folders of volumes are in. */
    within: string;
    project: string;
  },
): Record<string, string> {
  const own = volumes.filter(({ labels }) => labels[LABEL.project] === project && labels[LABEL.preview] === undefined);
  const pairs = own.flatMap(({ name, device }): [string, string][] => {
    const folder = wanted.get(name);
    // What is mounted from elsewhere is in no folder of the engine's: the copy would be empty.
    if (to === 'encrypted') return folder === undefined || device !== undefined ? [] : [[name, folder]];
    return device?.startsWith(`${within}/`) ? [[name, device]] : [];
  });
  return Object.fromEntries(pairs);
}

/**
 * Volumes that the stack would use, with plain data and without the project's label: whose they are is not known, so they are not moved.
 * Undefined where there is none.
 */
export function unlabelledRefusal(
  wanted: ReadonlyMap<string, string | undefined>,
  volumes: readonly ObservedVolume[],
  project: string,
): UserError | undefined {
  const names = volumes
    .filter(({ name, device, labels }) => wanted.get(name) !== undefined && device === undefined && labels[LABEL.project] !== project)
    .map(({ name }) => name);
  const [first] = names;
  if (first === undefined) return undefined;
  return new UserError(
    'FOREIGN_PROJECT',
    `${names.join(', ')} ${names.length > 1 ? 'have' : 'has'} no label of the project ${project}, and may be another’s; nothing was moved`,
    `where ${names.length > 1 ? 'they are' : 'it is'} of this stack, copy the data elsewhere; docker volume rm ${first}; docker volume create --label ${LABEL.project}=${project} ${first}; copy it back; and run the same command again`,
  );
}

/** A file system keeps some space for itself. */
const RESERVE = 64 * 1024 ** 2;

/** @returns bytes that are missing for the copies of one side, none where they fit */
export const lackingBytes = (sizes: readonly number[], free: number): number =>
  Math.max(0, sizes.reduce((sum, size) => sum + size, RESERVE) - free);
