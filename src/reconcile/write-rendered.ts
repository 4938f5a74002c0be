import path from 'node:path';
import type { Context } from '../capability/capability.ts';
import { readOptional, writeAtomic } from '../core/files.ts';
import { withLock } from '../project/with-lock.ts';
import { saveSecrets } from '../secrets/store/secret-files.ts';
import type { Loaded } from '../settings/loaded.ts';
import type { Manifest } from '../stack/manifest.ts';
import type { Rendered } from '../stack/types.ts';
import { editedFiles, refuseEdited } from '../state/hand-edits.ts';
import { refuseUnread } from '../state/launch-program.ts';
import type { EditedFile, StateFolder } from '../state/state.ts';
import { type FileChange, fileChanges } from './plan/change.ts';
import { type Prepared, prepare } from './prepare.ts';
import { rememberedText } from './ranges/ranges.ts';

/** What `render` would write, compared with what stands on disk. */
export const pendingFiles = ({ state, rendered }: Prepared): FileChange[] => {
  const manifest = state.manifest();
  return comparedWith(manifest, editedFiles(state, manifest), rendered);
};

/** @param manifest of the last render @param edits of its files */
function comparedWith(manifest: Manifest | undefined, edits: readonly EditedFile[], rendered: Rendered): FileChange[] {
  const edited = new Map(edits.map((edit) => [edit.path, edit.actual]));
  const onDisk = (manifest?.files ?? []).map((file) => ({
    path: file.path,
    contents: edited.has(file.path) ? (edited.get(file.path) ?? '') : file.contents,
  }));
  return fileChanges(rendered, onDisk);
}

/**
 * Writes the files, and keeps the secrets and ranges they were rendered with, so that `up` renders the same.
 * @returns what was written
 */
export async function writeRendered(context: Context, loaded: Loaded, state: StateFolder, overwrite: boolean): Promise<FileChange[]> {
  return withLock(context, state, 'render', async (_lock, record) => {
    const prepared = await prepare(context, loaded, { asLeftOut: true });
    if (prepared.rendered.refused) throw prepared.rendered.refused;
    refuseUnread(prepared.stack);
    const manifest = state.manifest();
    const edited = editedFiles(state, manifest);
    if (!overwrite) refuseEdited(state, edited);
    const pending = comparedWith(manifest, edited, prepared.rendered);
    if (pending.length === 0) return pending;
    record(pending);
    if (prepared.secrets.changed.length > 0) saveSecrets(state, prepared.secrets.store);
    if (prepared.subnetsChanged) writeAtomic(state.at('subnets.json'), rememberedText(prepared.subnets, prepared.reach));
    // The engine was not asked whether there is data under the name before: only `up` changes it.
    await state.commit(prepared.rendered, prepared.stack, async () => {}, { name: state.project() });
    return pending;
  });
}

/** Those of the files that stand in such a folder already. */
export function filesIn(context: Context, out: string, rendered: Rendered): { path: string; contents: string }[] {
  return rendered.files.flatMap(({ path: file }) => {
    const contents = readOptional(path.resolve(context.cwd, out, file));
    return contents === undefined ? [] : [{ path: file, contents }];
  });
}

/** The plain files in a folder of the operator's choice; returns their paths. */
export function exportFiles(context: Context, out: string, rendered: Rendered): string[] {
  const folder = path.resolve(context.cwd, out);
  for (const file of rendered.files) writeAtomic(path.join(folder, file.path), file.contents, file.mode, 'with --out');
  return rendered.files.map((file) => path.join(out, file.path));
}
