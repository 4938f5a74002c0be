import { readdirSync } from 'node:fs';
import path from 'node:path';
import type { Project } from '../capability/capability.ts';
import { UserError } from '../core/errors.ts';
import { exists, readOptional, removeTree } from '../core/files.ts';
import type { Engine } from '../docker/types.ts';
import { removeKey } from '../host/fscrypt.ts';
import { LABEL } from '../stack/labels.ts';
import { ENCRYPTED } from '../stack/storage.ts';
import { endMove } from './move-journal.ts';
import { type Header, parseHeader } from './plan/header.ts';
import { forgetKeys, placesOf, readRecord, removeRecord, type StorageRecord } from './store.ts';

/**
 * What was made for the project. The state folder may have another name by now, and the encrypted folder of that name: what is left of
 * the name before (`uninstall --project OLD`) has no part in it.
 */
function recordOf({ loaded, state }: Project): StorageRecord | undefined {
  const record = readRecord(state);
  return record && path.basename(record.folder) === loaded.settings.project ? record : undefined;
}

/** What there is of it, for people; nothing where nothing was made. */
export function remainsOf(project: Project): string[] {
  const record = recordOf(project);
  const { keyFile } = placesOf(project);
  return record ? [record.folder, ...(exists(keyFile) ? [keyFile] : [])] : [];
}

/** Previews have their data in the folder, and stay with theirs when a stack goes. @throws UserError FOREIGN_STATE */
export async function refusePreviews(project: Project, engine: Pick<Engine, 'volumes'>): Promise<void> {
  const record = recordOf(project);
  if (!record) return;
  const within = `${path.join(record.folder, ENCRYPTED, 'volumes')}/`;
  const there = (await engine.volumes()).filter(({ device, labels }) => device?.startsWith(within) && labels[LABEL.preview] !== undefined);
  const [first, ...others] = new Set(there.map(({ name, labels }) => labels[LABEL.project] ?? name));
  if (first === undefined) return;
  throw new UserError(
    'FOREIGN_STATE',
    `the data of ${[first, ...others].join(', ')} is in the encrypted folder too, and would go with it; nothing was changed`,
    `medianest preview remove ${first}; then run the same command again`,
  );
}

/**
 * The encrypted folder with all that is in it, be it locked, and its key. Other files beside it stay. Run again after a kill, it continues.
 * @param endsMove whether a move that was interrupted ends with it @throws UserError PARTIAL
 */
export function removeStorage(project: Project, endsMove = true): void {
  const record = recordOf(project);
  if (!record) return;
  const beside = parseHeader(readOptional(path.join(record.folder, 'header.json')) ?? '');
  forgetKey(record);
  removeTree(path.join(record.folder, ENCRYPTED));
  removeTree(path.join(record.folder, 'header.json'));
  if (exists(record.folder) && readdirSync(record.folder).length === 0) removeTree(record.folder);
  for (const header of [record.header, ...(beside ? [beside] : [])]) forgetSlots(placesOf(project).keyFile, header);
  if (endsMove) endMove(project.state);
  removeRecord(project.state);
}

/** What it opens is removed next: a kernel that keeps it until the disk is unmounted is no reason to stop. */
function forgetKey({ folder, key }: StorageRecord): void {
  if (!exists(folder)) return;
  try {
    removeKey(folder, key);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
  }
}

/** A file that is no key file, or a damaged one, opens nothing: it stays. */
function forgetSlots(file: string, header: Header): void {
  try {
    forgetKeys(file, header);
  } catch (error) {
    if (!(error instanceof UserError && error.code === 'STATE_DAMAGED')) throw error;
  }
}
