import type { Execution } from '../../capability/capability.ts';
import type { Task } from '../../core/reporter.ts';
import type { DumpFacts } from '../plan/dump-filter.ts';
import type { OpenDump } from './open-dump.ts';
import type { Server } from './server.ts';

/** What the steps of an import share, and what they find out. */
export interface ImportRun {
  server: Server;
  source: string;
  open(task: Task | undefined): Promise<OpenDump>;
  encoding: string | undefined;
  /** Bytes that the dump is expected to have. */
  total: number | undefined;
  facts: DumpFacts | undefined;
  /** When the application, or that of the source, was stopped; milliseconds. */
  stoppedAt: number | undefined;
  switched: boolean;
}

declare module '../../capability/capability.ts' {
  interface Execution {
    /** There while a database is imported. */
    import?: ImportRun;
  }
}

/** @throws where a step of an import is run by something else */
export function importRun({ import: run }: Execution): ImportRun {
  if (!run) throw new Error('a step of an import was run outside of one');
  return run;
}
