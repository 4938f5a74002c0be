import { plural } from '../../core/plural.ts';

/** What the cache has while an import is under way. */
export type CacheState = 'as it was' | 'a part' | 'whole';

/** What the cache has after an import that failed; a part was removed. @param replaced keys that it had before @param restorePoint the backup that has them */
export function cacheText({ cache, replaced, restorePoint }: { cache: CacheState; replaced: number; restorePoint?: string }): string {
  const back = restorePoint && replaced > 0 ? `; \`medianest restore ${restorePoint} --only redis\` brings back what it had` : '';
  const gone = `its ${plural(replaced, 'key')} from before are removed${back}`;
  if (cache === 'as it was') return 'the cache was not changed';
  if (cache === 'whole') return `the cache has all keys of the source${replaced > 0 ? `, and ${gone}` : ''}`;
  return replaced > 0 ? `the cache is empty, ${gone}` : 'the cache is empty again';
}
