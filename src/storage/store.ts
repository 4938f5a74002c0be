import { randomBytes } from 'node:crypto';
import { lstatSync, readdirSync } from 'node:fs';
import path from 'node:path';
import type { Project } from '../capability/capability.ts';
import { UserError } from '../core/errors.ts';
import { exists, readOptional, removeTree, writeAtomic } from '../core/files.ts';
import { keyState, policyOf } from '../host/fscrypt.ts';
import { nearest } from '../host/host-storage.ts';
import type { KeyState } from '../host/plan/fscrypt.ts';
import { pcrList, sortedPcrs } from '../host/plan/tpm.ts';
import { ENCRYPTED, storageFolder, volumesFolder } from '../stack/storage.ts';
import { readKitNote } from '../state/kit-file.ts';
import type { StateFolder } from '../state/state.ts';
import { readMove } from './move-journal.ts';
import { type Header, headerText, parseHeader } from './plan/header.ts';
import { judge, type StorageState } from './plan/state.ts';
import type { VerdictFacts } from './plan/verdict.ts';

const RECORD = 'encryption.json';

/** That there is an encrypted folder, and where: a disk that is not mounted must not be taken for one that is still to be made. */
export interface StorageRecord {
  /** What `storage.path` has for the project. */
  folder: string;
  key: string;
  /** A copy of the header, for the day that the one beside the data is lost. */
  header: Header;
}

export interface Places {
  /** The header is in it, and the encrypted folder. */
  folder: string;
  header: string;
  encrypted: string;
  volumes: string;
  keyFile: string;
}

export function placesOf({ loaded, state }: Project): Places {
  const { settings, root } = loaded;
  const folder = storageFolder(settings);
  return {
    folder,
    header: path.join(folder, 'header.json'),
    encrypted: path.join(folder, ENCRYPTED),
    volumes: volumesFolder(settings),
    keyFile: settings.storage.keyFile === undefined ? state.at('encryption.key') : path.resolve(root, settings.storage.keyFile),
  };
}

const isRecord = (value: unknown): boolean => {
  const { folder, key, header } = (value ?? {}) as Partial<StorageRecord>;
  return typeof folder === 'string' && parseHeader(JSON.stringify(header ?? null))?.key === key;
};

export const readRecord = (state: StateFolder): StorageRecord | undefined =>
  state.readJson<StorageRecord>(RECORD, 'an encrypted folder whose disk is away counts as one that is still to be made', isRecord);

/** The owner of the state folder reads it, who need not be root. */
export const writeRecord = (state: StateFolder, record: StorageRecord): void =>
  writeAtomic(state.at(RECORD), `${JSON.stringify(record, null, 1)}\n`);

export const removeRecord = (state: StateFolder): void => removeTree(state.at(RECORD));

/** Cheap: without the key the kernel knows no such name. @throws UserError where that cannot be told */
export const isOpen = (record: StorageRecord): boolean => exists(path.join(record.folder, ENCRYPTED, 'volumes'));

/** @returns undefined where there is none. @throws UserError STATE_DAMAGED, STATE_UNWRITABLE */
export function readHeader(file: string): Header | undefined {
  const text = readOptional(file);
  if (text === undefined) return undefined;
  const header = parseHeader(text);
  if (header) return header;
  throw new UserError(
    'STATE_DAMAGED',
    `${file} is damaged, and without it the key of the data cannot be opened; nothing was changed`,
    'move it away and run sudo medianest storage unlock, which has a copy in the state folder; without that, with --kit FILE; without either, restore a backup into a new folder',
    { path: file },
  );
}

export const writeHeader = (file: string, header: Header): void => writeAtomic(file, headerText(header), 0o600, null);

/** Secrets by the slot that they open. */
export type Keys = Readonly<Record<string, string>>;

const KEY_FORMAT = 'medianest-storage-key-1';

/** @returns undefined where there is no key file. @throws UserError STATE_DAMAGED, STATE_UNWRITABLE */
export function readKeys(file: string): Keys | undefined {
  const text = readOptional(file);
  if (text === undefined) return undefined;
  try {
    const { format, keys } = JSON.parse(text) as { format?: unknown; keys?: Keys };
    if (format === KEY_FORMAT && keys && Object.values(keys).every((key) => Buffer.from(key, 'base64').length === 32)) return keys;
  } catch {
    // Told below.
  }
  throw new UserError('STATE_DAMAGED', `${file} is no key file, or a damaged one; nothing was changed`, 'put a copy of it back', {
    path: file,
  });
}

export const writeKeys = (file: string, keys: Keys): void =>
  writeAtomic(file, `${JSON.stringify({ format: KEY_FORMAT, keys }, null, 1)}\n`, 0o600, null);

/** Takes the secrets of these slots out of a key file, which may hold those of other projects; it goes with the last. */
export function forgetKeys(file: string, header: Header, except?: string): void {
  const known = header.slots.some(({ kind }) => kind === 'file') ? readKeys(file) : undefined;
  if (!known) return;
  const gone = new Set(header.slots.map(({ id }) => id).filter((id) => id !== except));
  const left = Object.entries(known).filter(([id]) => !gone.has(id));
  if (left.length === 0) removeTree(file);
  else if (left.length < Object.keys(known).length) writeKeys(file, Object.fromEntries(left));
}

/** A slot's name, and the secret of a key file for it. */
export const newSlot = () => ({ id: randomBytes(8).toString('hex'), iv: randomBytes(12), salt: randomBytes(16) });

export interface Seen {
  places: Places;
  record: StorageRecord | undefined;
  /** The copy in the state folder where it is lost, or this user may not read it. */
  header: Header | undefined;
  /** The key that the folder is encrypted by, as the kernel names it; undefined where it is not encrypted. */
  policy: string | undefined;
  state: StorageState;
}

/** What there is of the encrypted folder, as the file system and the kernel tell it. @throws UserError where they do not tell */
export function lookAtStorage(project: Project): Seen {
  const places = placesOf(project);
  const record = readRecord(project.state);
  const there = exists(places.encrypted);
  const policy = there ? policyOf(places.encrypted).key : undefined;
  const header = readableHeader(places.header) ?? record?.header;
  const kernel: KeyState | undefined = policy === undefined ? undefined : keyState(places.folder, policy);
  const empty = there && policy === undefined ? readdirSync(places.encrypted).length === 0 : false;
  const state = judge({
    folder: places.folder,
    recorded: record,
    there,
    empty,
    policy,
    header: header?.key,
    kernel,
  });
  return { places, record, header, policy, state };
}

/** Whether anything is encrypted, or is to be. */
export const hasStorage = ({ loaded, state }: Project): boolean =>
  loaded.settings.storage.encrypt || exists(state.at(RECORD)) || exists(state.at('encryption-move.json'));

export function verdictFacts(project: Project): VerdictFacts {
  const { places, header, state } = lookAtStorage(project);
  const { encrypt, unlock, tpmPcrs } = project.loaded.settings.storage;
  const sealed = header?.slots.find(({ tpm }) => tpm)?.tpm;
  const headerThere = process.geteuid?.() !== 0 || state.is === 'new' || exists(places.header);
  return {
    folder: places.folder,
    encrypt,
    unlock,
    state,
    headerThere,
    slots: header?.slots.map(({ kind }) => kind),
    move: readMove(project.state),
    ...(header && sealed && tpmFacts(project.state, header, sealed.pcrs, tpmPcrs)),
  };
}

function tpmFacts(state: StateFolder, { key }: Header, sealed: readonly number[], wanted: readonly number[]) {
  return { boundToOthers: pcrList(sealed) !== pcrList(sortedPcrs(wanted)), kitOpens: kitOpens(state, key) };
}

/** Whether the kit that was exported last holds this key of the data. @throws UserError where that cannot be told */
export const kitOpens = (state: StateFolder, key: string): boolean => readKitNote(state)?.parts?.storage === key;

/** Only root reads it; who may not still learns whether the folder is unlocked. */
function readableHeader(file: string): Header | undefined {
  try {
    return readHeader(file);
  } catch (error) {
    if (process.geteuid?.() !== 0 && error instanceof UserError && error.code === 'STATE_UNWRITABLE') return undefined;
    throw error;
  }
}

/** The folder that is there already of those that lead to the encrypted one. */
export const nearestFolder = (folder: string): string => {
  const found = nearest(folder);
  return lstatSync(found).isDirectory() ? found : path.dirname(found);
};
