import type { DatabaseKeys } from '../plan/cache-keys.ts';
import type { Leader } from '../plan/cache-nodes.ts';
import type { CacheSource } from '../plan/cache-source.ts';

export interface CacheAsked {
  source: CacheSource;
  password: string | undefined;
  ca: string | undefined;
  /** The only database of the source that is taken; it becomes database 0. */
  only: number | undefined;
  /** Keys that the cache has already are removed. */
  replace: boolean;
  /** Containers of the other project that are stopped before the source is read. */
  stop: readonly string[];
  confirm(steps: readonly string[], notes: readonly string[]): Promise<void>;
}

export interface CacheOutcome {
  result: 'planned' | 'imported';
  source: string;
  /** `Redis 7.0.15`; null where the source does not say. */
  server: string | null;
  mode: Leader['mode'];
  /** What the source has, by the number of its databases. */
  databases: Record<string, DatabaseKeys>;
  /** What is taken over. */
  keys: number;
  bytes: number;
  leftOut: string[];
  notes: string[];
  steps: string[];
  /** Keys that were there before. */
  replaced: number;
  /** The backup that has them; null where there is none. */
  restorePoint: string | null;
  seconds: number;
  outageSeconds: number | null;
}
