import type { Context, Project } from '../capability/capability.ts';
import { withLock } from '../project/with-lock.ts';
import { CRS } from './plan/crs.ts';
import { fetchRelease, wafOf } from './store/waf-rules.ts';

/** Brings the pinned release of the rules, from github.com or the mirror that the settings name. */
export async function fetchRules(context: Context, { loaded, state }: Project) {
  const address = wafOf(loaded)?.rules.mirror ?? CRS.address;
  if (context.flags.dryRun) return { result: 'planned', address } as const;
  const result = await withLock(context, state, 'waf rules fetch', async (_lock, record) => {
    record({ waf: CRS.digest });
    return fetchRelease(state, address, context.signal);
  });
  return { result, address };
}
