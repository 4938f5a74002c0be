import { handoverCache, settledCache } from './handover.ts';
import { observeCache } from './observe.ts';
import { cacheStatus } from './plan/status.ts';
import type { CacheConfig } from './plan/types.ts';

type Command = (config: CacheConfig, words: readonly string[], say: (line: string) => void) => Promise<unknown>;

/** What the controller's command line can do with the cache: the result of a command is printed as JSON. */
export const cacheCommands: Record<'status' | 'handover' | 'settled', Command> = {
  status: async (config) => cacheStatus(await observeCache(config)),
  handover: (config, [service = ''], say) => handoverCache(config, service, say),
  settled: (config, [service = '', seconds = '60'], say) => settledCache(config, service, Number(seconds), say),
};
