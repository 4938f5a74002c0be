import type { Reporter } from '../core/reporter.ts';
import type { DockerCli } from '../docker/compose.ts';
import type { Engine } from '../docker/types.ts';
import type { ServiceDefinition } from '../stack/service.ts';

export interface GlobalFlags {
  config?: string;
  profile?: string;
  project?: string;
  state?: string;
  set?: string[];
  without?: string;
  json: boolean;
  quiet: boolean;
  verbose: boolean;
  yes: boolean;
  dryRun: boolean;
  color: boolean;
  /** Seconds to wait for the lock. */
  waitLock: number;
}

/** Every effect that a command may use, made once in main.ts. What is costly to load is behind a function. */
export interface Context {
  home: string;
  cwd: string;
  env: NodeJS.ProcessEnv;
  version: string;
  flags: GlobalFlags;
  registry(): Promise<readonly ServiceDefinition[]>;
  engine(): Promise<Engine>;
  docker(): Promise<DockerCli>;
  report: Reporter;
  clock: { now(): Date };
  /** Aborted by Ctrl-C or SIGTERM. */
  signal: AbortSignal;
  /** Asks the person at the terminal; undefined where nobody can answer. A secret is not shown while it is typed. */
  ask(question: string, secret?: boolean): Promise<string | undefined>;
}

/** What a command gives back: data for --json, text for a person, and the exit status. */
export interface Result {
  data: unknown;
  text: string;
  status: number;
}
