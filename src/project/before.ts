import type { Before } from '../settings/part.ts';
import type { StateFolder } from '../state/state.ts';

/**
 * What the state folder tells of the stack that was started from it. Secrets stay there when their service goes, and the recovery kit brings
 * them to another host, which has no manifest yet.
 * @param profile as it is now: a stack of another profile says nothing about the defaults of this one
 */
export const beforeIn = (state: StateFolder, profile: string): Before => ({
  ranWithout: (secret) => {
    const kept = state.readJson<{ values?: Record<string, unknown> }>('secrets.json', 'new passwords are made and set; the data stays');
    if (kept === undefined || Object.hasOwn(kept.values ?? {}, secret)) return false;
    const manifest = state.manifest();
    return manifest === undefined || manifest.profile === profile;
  },
});
