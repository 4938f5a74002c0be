import type { Context, Project } from '../capability/capability.ts';
import { withLock } from '../project/with-lock.ts';
import { CRS } from './plan/crs.ts';
import { fetchRelease, wafOf } from './store/waf-rules.ts';

/** Brings the pinned release of the rules, from github.com or the mirror that the settings name. */
export async function fetchRules(context: Context, { loaded, state }: Project) {
  const mirror = wafOf(loaded)?.rules.mirror;
  const source = mirror ? { address: mirror, signature: `${mirror}.asc`, key: new URL('security.asc', mirror).href } : CRS;
  const { address, signature, key } = source;
  if (context.flags.dryRun) return { result: 'planned', address } as const;
  const fetched = await withLock(context, state, 'waf rules fetch', async (_lock, record) => {
    record({ waf: CRS.digest });
    return fetchRelease(state, { address, signature, key }, context.signal);
  });
  return { ...fetched, address };
}
