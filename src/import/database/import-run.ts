import type { Execution } from '../../capability/capability.ts';
import type { Task } from '../../core/reporter.ts';
import type { DumpFacts } from '../plan/dump-filter.ts';
import type { OpenDump } from './open-dump.ts';
import type { Server } from './server.ts';

/** For how long an application is away. */
export interface Outage {
  /** When the application, or that of the source, was stopped; milliseconds. */
  stoppedAt: number | undefined;
}

/** What the steps of an import share, and what they find out. */
export interface ImportRun extends Outage {
  server: Server;
  source: string;
  open(task: Task | undefined): Promise<OpenDump>;
  encoding: string | undefined;
  /** Bytes that the dump is expected to have. */
  total: number | undefined;
  facts: DumpFacts | undefined;
  switched: boolean;
}

declare module '../../capability/capability.ts' {
  interface Execution {
    /** There while a database is imported. */
    import?: ImportRun;
    /** There while an import of another kind stops what uses it. */
    outage?: Outage;
  }
}

/** @throws where a step of an import is run by something else */
export function importRun({ import: run }: Execution): ImportRun {
  if (!run) throw new Error('a step of an import was run outside of one');
  return run;
}

/** @throws where nothing is imported */
export function outageOf({ import: run, outage = run }: Execution): Outage {
  if (!outage) throw new Error('a step of an import was run outside of one');
  return outage;
}
