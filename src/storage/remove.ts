import { readdirSync } from 'node:fs';
import path from 'node:path';
import type { Project } from '../capability/capability.ts';
import { UserError } from '../core/errors.ts';
import { exists, removeTree } from '../core/files.ts';
import { removeKey } from '../host/fscrypt.ts';
import { ENCRYPTED } from '../stack/storage.ts';
import { placesOf, readRecord, removeRecord, type StorageRecord } from './store.ts';

/** What there is of it, for people; nothing where nothing was made. */
export function remainsOf(project: Project): string[] {
  const record = readRecord(project.state);
  const { keyFile } = placesOf(project);
  return record ? [record.folder, ...(exists(keyFile) ? [keyFile] : [])] : [];
}

/**
 * The encrypted folder with all that is in it, be it locked, and its key. Other files beside it stay. Run again after a kill, it continues.
 * @throws UserError PARTIAL
 */
export function removeStorage(project: Project): void {
  const record = readRecord(project.state);
  if (!record) return;
  forgetKey(record);
  removeTree(path.join(record.folder, ENCRYPTED));
  removeTree(path.join(record.folder, 'header.json'));
  if (exists(record.folder) && readdirSync(record.folder).length === 0) removeTree(record.folder);
  removeTree(placesOf(project).keyFile);
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
