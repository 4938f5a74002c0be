import type { Before } from '../settings/part.ts';
import type { StateFolder } from '../state/state.ts';

/**
 * What the state folder tells of the stack that was started from it. Secrets stay there when their service goes, and the recovery kit brings
 * them to another host, which has no manifest yet.
 * @param profile as it is now: a stack of another profile says nothing about the defaults of this one
 */
export const beforeIn = (state: StateFolder, profile: string): Before => ({
  ranWithout: (secret) => {
    const kept = state.readJson<Kept>('secrets.json', 'new passwords are made and set; the data stays', isKept);
    if (kept === undefined || Object.hasOwn(kept.values, secret)) return false;
    // `up` generates some for every stack. Keys that another command has put here (`vpn add`) tell of none that ran.
    if (!Object.values(kept.values).some(({ origin }) => origin === 'generated')) return false;
    const manifest = state.manifest();
    return manifest === undefined || manifest.profile === profile;
  },
});

interface Kept {
  values: Record<string, { origin?: string }>;
}

const isKept = (value: unknown): boolean => isObject(value) && isObject(value.values) && Object.values(value.values).every(isObject);

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null;
