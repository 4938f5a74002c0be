import { lstatSync, readdirSync } from 'node:fs';
import { systemCode } from '../core/errors.ts';
import { explained } from '../core/system-fault.ts';
import { isManifest, type Manifest } from '../stack/manifest.ts';
import type { StateFolder } from './state.ts';

/** The last render that changed something, and what was rendered before it. */
export interface LastRender {
  at: Date;
  before: Manifest;
}

/** Undefined where there was one render alone. @throws UserError STATE_DAMAGED, FILE_UNUSABLE where the one before cannot be read */
export function lastRender(state: StateFolder): LastRender | undefined {
  try {
    const current = state.manifest()?.id;
    const at = lstatSync(state.at('current')).mtime;
    const [before] = readdirSync(state.at('generations'))
      .filter((name) => name !== current && !name.endsWith('.tmp'))
      .map((name) => ({ name, written: lstatSync(state.at('generations', name)).mtimeMs }))
      .sort((a, b) => b.written - a.written);
    const manifest =
      before && state.readJson<Manifest>(`generations/${before.name}/manifest.json`, 'nothing is compared with it', isManifest);
    return manifest && { at, before: manifest };
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') throw explained(error);
    return undefined;
  }
}
