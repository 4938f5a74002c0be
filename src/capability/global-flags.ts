/** Options of every command, as they were given. */
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
