import type { Overrides } from '../../../stack/overrides.ts';

/**
 * pgBackRest cannot change the key of a repository. Another key starts another repository beside it: a key version. The first has no
 * number in its names, and old ones stay, with their keys, for as long as a set is in them.
 */
export interface KeyVersions {
  current: number;
  oldest: number;
}

export const keyVersionsOf = ({ backup }: Overrides): KeyVersions => backup ?? { current: 1, oldest: 1 };

/** Those that sets may be in, the newest first. */
export const living = ({ current, oldest }: KeyVersions): number[] =>
  Array.from({ length: current - oldest + 1 }, (_, index) => current - index);

const suffix = (generation: number): string => (generation === 1 ? '' : `-${generation}`);

/** Its folder in the repository. */
export const databaseFolder = (generation: number): string => `pgbackrest${suffix(generation)}`;

/** The secret that opens it. */
export const databaseKey = (generation: number): string => `backup-database-key${suffix(generation)}`;

/** The key version of a part of the database; parts from before the second one do not say. */
export const keyVersionOf = ({ generation }: { generation?: number | undefined }): number => generation ?? 1;

/** Where a part of the database is in the repository: its key version's folder, and its label. */
export const labelPath = ({ label, generation }: { label: string; generation?: number | undefined }): string =>
  `${databaseFolder(keyVersionOf({ generation }))}/${label}`;
