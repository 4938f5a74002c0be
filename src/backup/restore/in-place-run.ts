import type { Execution, Project } from '../../capability/capability.ts';
import type { BackupSet } from '../plan/backup-sets.ts';
import type { BackupContext } from '../repository/repository.ts';
import type { DatabaseFacts } from './database.ts';
import type { Restoring } from './journal.ts';

/** What the steps of a restore in place share, and what they find out. */
export interface InPlaceRun {
  project: Project;
  backups: BackupContext;
  /** What the journal says, or will say once data is replaced. */
  entry: Restoring;
  /** The set that holds what was there before; undefined where none could be made. */
  safety: BackupSet | undefined;
  facts: DatabaseFacts | undefined;
  /** Files of the settings that were written. */
  written: string[];
  /** The members of the groups that take part again, as the controller says. */
  members: string[];
}

declare module '../../capability/capability.ts' {
  interface Execution {
    /** There while a restore in place runs. */
    restore?: InPlaceRun;
  }
}

/** @throws where a step of a restore is run by something else */
export function inPlaceRun({ restore }: Execution): InPlaceRun {
  if (!restore) throw new Error('a step of a restore in place was run outside of one');
  return restore;
}
