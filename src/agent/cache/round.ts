import { observeCache } from './observe.ts';
import { type Performed, performCache } from './perform.ts';
import { planCache } from './plan/plan.ts';
import type { CacheConfig, Observed } from './plan/types.ts';

export interface CacheRound {
  observed: Observed;
  performed: Performed[];
  problems: string[];
}

/** Looks, decides, acts once. @param before the last round's `observed` */
export async function cacheRound(config: CacheConfig, before?: Observed): Promise<CacheRound> {
  const observed = await observeCache(config, before);
  const { commands, problems } = planCache(observed);
  return { observed, performed: await performCache(config, commands), problems };
}
