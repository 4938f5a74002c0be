import { UserError } from '../core/errors.ts';
import type { Before } from '../settings/part.ts';
import { readSecretsFile } from '../state/secrets-file.ts';
import type { StateFolder } from '../state/state.ts';

/**
 * What the state folder tells of the stack that was started from it. Secrets stay there when their service goes, and the recovery kit brings
 * them to another host, which has no manifest yet.
 * @param profile as it is now: a stack of another profile says nothing about the defaults of this one
 */
export const beforeIn = (state: StateFolder, profile: string): Before => ({
  ranWithout: (secret) => {
    const kept = unlessDamaged(() => readSecretsFile(state));
    if (kept === undefined || Object.hasOwn(kept.values, secret)) return false;
    // `up` generates some for every stack. Keys that another command has put here (`vpn add`) tell of none that ran.
    if (!Object.values(kept.values).some(({ origin }) => origin === 'generated')) return false;
    const manifest = unlessDamaged(() => state.manifest() ?? 'none');
    return manifest === 'none' || manifest?.profile === profile;
  },
});

/**
 * What is damaged refuses whatever needs it. It does not tell what ran, so defaults are what they are for a new stack, and no reason to
 * refuse `status`, `why` or `down`.
 */
function unlessDamaged<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof UserError && error.code === 'STATE_DAMAGED') return undefined;
    throw error;
  }
}
