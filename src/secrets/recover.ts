import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { Context, Project } from '../capability/capability.ts';
import { UserError } from '../core/errors.ts';
import { exists, writeAtomic } from '../core/files.ts';
import { kitPassphrase } from '../project/passphrase.ts';
import { withLock } from '../project/with-lock.ts';
import { openKit, readKit, readKitNote } from '../state/kit-file.ts';
import { readSecretsFile } from '../state/secrets-file.ts';
import type { StateFolder } from '../state/state.ts';
import { isStored } from './plan/secrets.ts';

export interface Recovered {
  changed: boolean;
  /** When the kit was made: what changed since is not in it. */
  madeAt: string;
  /** Where the damaged file is now; null where there was none. */
  kept: string | null;
}

/**
 * Brings `secrets.json` back from a recovery kit of this project. A damaged one is kept beside it, and one that is sound is never replaced.
 * @param file the kit, @param passphraseFile a file with its passphrase
 * @throws UserError ALREADY_THERE where the secrets are sound, FOREIGN_PROJECT where the kit is of another project; nothing was changed
 */
export async function recover(context: Context, { loaded, state }: Project, file: string, passphraseFile: unknown): Promise<Recovered> {
  refuseSound(state);
  const name = path.resolve(context.cwd, file);
  const kit = readKit(name);
  const { project } = loaded.settings;
  if (kit.project !== project)
    throw new UserError(
      'FOREIGN_PROJECT',
      `${name} is the kit of ${kit.project}, not of ${project}; nothing was changed`,
      'name its own kit',
    );
  const text = openKit(kit, await kitPassphrase(context, passphraseFile), name).state['secrets.json'];
  if (text === undefined || !isSoundText(text))
    throw new UserError('USAGE', `${name} holds no secrets; nothing was changed`, 'name another kit');
  const newest = newestKit(state);
  if (newest !== undefined && kit.madeAt < newest)
    context.report.warn(
      `this kit is of ${kit.madeAt}, and one was exported at ${newest}: secrets that were replaced in between are not in it`,
    );
  if (context.flags.dryRun) return { changed: false, madeAt: kit.madeAt, kept: null };
  return withLock(context, state, 'secrets recover', async (_lock, record) => {
    refuseSound(state);
    record(['secrets recover', kit.madeAt]);
    const there = state.at('secrets.json');
    const kept = exists(there) ? state.at('edited', `secrets.json.${context.clock.now().toISOString().replace(/[:.]/g, '')}`) : null;
    // A copy: killed here, the next run finds the damaged file, not a missing one.
    if (kept !== null) writeAtomic(kept, readFileSync(there), 0o600);
    writeAtomic(there, text, 0o600);
    return { changed: true, madeAt: kit.madeAt, kept };
  });
}

/** When the kit was exported last; undefined where that cannot be told, which is no reason to keep the secrets away. */
function newestKit(state: StateFolder): string | undefined {
  try {
    return readKitNote(state)?.madeAt;
  } catch (error) {
    if (error instanceof UserError) return undefined;
    throw error;
  }
}

/** Missing and damaged ones are brought back; what cannot be read is not known to be either. @throws UserError */
function refuseSound(state: StateFolder): void {
  try {
    if (readSecretsFile(state) === undefined) return;
  } catch (error) {
    if (error instanceof UserError && error.code === 'STATE_DAMAGED') return;
    throw error;
  }
  throw new UserError(
    'ALREADY_THERE',
    `${state.at('secrets.json')} is sound; nothing was changed`,
    'to begin again from a kit: medianest restore --kit FILE, in an empty folder',
  );
}

function isSoundText(text: string): boolean {
  try {
    return isStored(JSON.parse(text));
  } catch {
    return false;
  }
}
