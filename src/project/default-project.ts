import { realpathSync } from 'node:fs';
import path from 'node:path';
import { UserError } from '../core/errors.ts';
import { readOptional } from '../core/files.ts';
import { valueLayer } from '../settings/environment.ts';
import type { Layer } from '../settings/profile.ts';
import { projectName } from '../settings/project-name.ts';
import { nameIn, type StateFolder, stateFolder } from '../state/state.ts';

/**
 * The project's name where no setting says it: that of the stack that was started from the state folder, or else the name of the
 * folder, as with Compose.
 * @param root folder of the settings
 * @throws UserError where the state folder cannot be read: what was started from it may have another name
 */
export function defaultProject(input: { cwd: string; flags: { state?: string | undefined } }, root: string): Layer {
  const started = startedFrom(stateFolder(input, root));
  if (started !== undefined) return valueLayer(['project'], started, 'the state folder');
  return valueLayer(['project'], projectName(path.basename(realpathSync(root))), 'the folder’s name');
}

/** What changes the stack is refused by a damaged `state.json` later; for what looks, what was rendered tells the name, too. */
function startedFrom(state: StateFolder): string | undefined {
  try {
    return state.project();
  } catch (error) {
    const rendered = error instanceof UserError && error.code === 'STATE_DAMAGED' ? nameIn(readOptional(state.composeFile)) : undefined;
    if (rendered === undefined) throw error;
    return rendered;
  }
}
