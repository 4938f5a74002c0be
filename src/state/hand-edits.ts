import { createTwoFilesPatch } from 'diff';
import { UserError } from '../core/errors.ts';
import type { Reporter } from '../core/reporter.ts';
import type { EditedFile, StateFolder } from './state.ts';

const LINES_SHOWN = 40;

/** Reads every rendered file: none were edited before the first render. */
export function editedFiles(state: StateFolder, manifest = state.manifest()): EditedFile[] {
  return manifest ? state.edited(manifest) : [];
}

/**
 * Stops where a rendered file was edited by hand, and shows the difference.
 * @param edited what `editedFiles` has found, if the caller has asked
 * @throws UserError HAND_EDITED
 */
export function refuseEdited(state: StateFolder, edited: readonly EditedFile[] = editedFiles(state)): void {
  if (edited.length === 0) return;
  const patches = edited.map((edit) =>
    edit.actual === undefined
      ? `${edit.file}: was removed`
      : createTwoFilesPatch(`${edit.path} (as medianest wrote it)`, `${edit.path} (as it is now)`, edit.written, edit.actual, '', '', {
          context: 2,
        }),
  );
  const lines = patches.join('\n').split('\n');
  const shown = lines.length > LINES_SHOWN ? [...lines.slice(0, LINES_SHOWN), `... ${lines.length - LINES_SHOWN} more lines`] : lines;
  throw new UserError(
    'HAND_EDITED',
    `${edited.map((edit) => edit.path).join(', ')} was edited by hand; nothing was changed\n${shown.join('\n')}`,
    `put changes into ${state.overrideFile} (it survives every render), or give the edit up with --overwrite`,
    { path: edited[0]?.file ?? '' },
  );
}

/** Says which rendered files were edited by hand, where they are no reason to refuse. */
export function tellEdited(state: StateFolder, report: Pick<Reporter, 'warn'>): void {
  const edited = editedFiles(state);
  if (edited.length === 0) return;
  report.warn(`${edited.map(({ path }) => path).join(', ')} was edited by hand: a copy of the edit is kept in ${state.at('edited')}`);
}
