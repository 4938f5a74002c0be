import { bytes, plural } from '../../core/plural.ts';
import { databaseText } from '../plan/cache-judge.ts';
import { keysOf } from '../plan/cache-nodes.ts';
import { cacheSourceText } from '../plan/cache-source.ts';
import type { CacheAsked, CacheOutcome } from './asked.ts';
import type { Looked, Site } from './look.ts';

export const MAKE_BACKUP = 'make a backup';

/** What would be done, and what is to be known before. */
export function outcomeOf(site: Site, asked: CacheAsked, { staging, found, leaders, keys, bytes: size, leftOut }: Looked): CacheOutcome {
  const mode = leaders[0]?.mode ?? 'single';
  const there = keysOf(leaders);
  const backs = there > 0 && site.hasBackups && mode !== 'single';
  const where = mode === 'cluster' ? `the ${leaders.length} leaders of the cluster` : 'the cache';
  return {
    ...{
      result: 'planned',
      source: cacheSourceText(asked.source),
      server: staging.server ?? null,
      mode,
      databases: found.databases,
      keys,
      bytes: size,
      leftOut,
    },
    notes: [
      ...Object.entries(found.databases).map(([number, entry]) => `database ${number}: ${databaseText(entry)}`),
      ...(found.largest ? [`the largest is ${found.largest.key}, with ${bytes(found.largest.bytes)}`] : []),
      ...(staging.ended > 0 ? [`${plural(staging.ended, 'key')} of the source had ended already`] : []),
      ...leftOut.map((line) => `not imported: ${line}`),
      ...(there > 0 && !backs ? [`no backup holds the ${plural(there, 'key')} that the cache has: they are gone for good`] : []),
    ],
    steps: [
      ...(backs ? [MAKE_BACKUP] : []),
      ...(asked.stop.length > 0 ? [`stop ${asked.stop.join(', ')} of the other project`, 'read the source again'] : []),
      ...(site.services.length > 0 ? [`stop ${site.services.join(', ')}: the application is away from here on`] : []),
      ...(there > 0 ? [`remove the ${plural(there, 'key')} of the cache`] : []),
      `write ${plural(keys, 'key')} (${bytes(size)}) to ${where}, and compare type, elements and time to live of each`,
      ...(site.services.length > 0 ? [`start ${site.services.join(', ')}`] : []),
    ],
    replaced: there,
    restorePoint: null,
    seconds: 0,
    outageSeconds: null,
  };
}
