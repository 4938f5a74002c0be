import { randomBytes } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import type { Context, Project } from '../capability/capability.ts';
import { UserError } from '../core/errors.ts';
import { exists, writing } from '../core/files.ts';
import { engineAddress } from '../docker/address.ts';
import { addKey, encryptFolder, encryptionSupport } from '../host/fscrypt.ts';
import { type Given, keyByKit, makeSlot, openHeader } from './keys.ts';
import { FORMAT, type Header, identifierOf, KEY_BYTES } from './plan/header.ts';
import { lostRefusal } from './plan/refusal.ts';
import { describeState } from './plan/state.ts';
import { type Keys, lookAtStorage, nearestFolder, type Places, readKeys, type Seen, writeHeader, writeKeys, writeRecord } from './store.ts';

/** What opens an encrypted folder: asked for, and proven, before anything is changed. */
export type Opening =
  | { kind: 'none' }
  | { kind: 'unlock'; key: Buffer; header: Header; keys?: Keys | undefined }
  | { kind: 'create'; key: Buffer; header: Header; keys: Keys | undefined };

/** @throws UserError USAGE where the user is not root */
export function requireRoot(): void {
  if (process.geteuid?.() === 0) return;
  throw new UserError('USAGE', 'only root may give the kernel the key of the data; nothing was changed', 'run the same command with sudo');
}

/** @throws UserError HOST_UNFIT where the engine is elsewhere: the key would be given to this machine's kernel */
export function refuseRemote({ env }: Pick<Context, 'env'>): void {
  if (engineAddress(env).local) return;
  throw new UserError(
    'HOST_UNFIT',
    'the engine is on another machine, and `storage.encrypt` needs the kernel that has its disks; nothing was changed',
    'run medianest on that machine',
  );
}

/**
 * Asks for what opens the folder, if it is not open.
 * @throws UserError CONFIRMATION_NEEDED, USAGE, HOST_UNFIT, STATE_DAMAGED; nothing was changed
 */
export async function prepareOpening(context: Context, project: Project, seen: Seen, { file, kit }: Given = {}): Promise<Opening> {
  const { state, places, header, policy } = seen;
  if (state.is === 'astray') throw new UserError('FOREIGN_STATE', `${state.why}; nothing was changed`, state.remedy);
  if (state.is === 'unlocked') return { kind: 'none' };
  refuseRemote(context);
  requireRoot();
  if (state.is === 'new') {
    if (kit !== undefined)
      throw new UserError('USAGE', `${describeState(state, places.folder)}, and a kit opens none; nothing was changed`, 'leave --kit out');
    return creation(context, project, places, file);
  }
  if (!header && typeof kit === 'string' && policy !== undefined) return anotherHeader(context, project, policy, { file, kit });
  if (!header)
    throw new UserError(
      'STATE_DAMAGED',
      `${places.header} is missing, and without it the key of the data cannot be opened; nothing was changed`,
      'put a copy of it back (docs/encryption.md), or: sudo medianest storage unlock --kit FILE; without either, restore a backup into a new folder',
      { path: places.header },
    );
  return { kind: 'unlock', key: await openHeader(context, header, places, { file, kit }), header };
}

/** The header is lost, and its copy: the kit has the key, which is wrapped for what opens it from now on. */
async function anotherHeader(
  context: Context,
  { loaded }: Project,
  id: string,
  { file, kit }: { file: unknown; kit: string },
): Promise<Opening> {
  const { project, storage } = loaded.settings;
  const key = await keyByKit(context, id, kit, file);
  const { slot, stored } = await makeSlot(context, key, storage, undefined);
  const header: Header = { format: FORMAT, project, key: id, slots: [slot] };
  return { kind: 'unlock', key, header, keys: stored === undefined ? undefined : { [slot.id]: stored } };
}

/** Volumes of before may lead to the folder: its disk is away then, and the state folder is another. @throws UserError FOREIGN_STATE */
async function refuseLost(context: Context, { folder, volumes }: Places): Promise<void> {
  const refusal = lostRefusal(folder, volumes, await (await context.engine()).volumes());
  if (refusal) throw refusal;
}

async function creation(context: Context, { loaded }: Project, places: Places, file: unknown): Promise<Opening> {
  await refuseLost(context, places);
  const there = nearestFolder(places.folder);
  const support = encryptionSupport(there);
  if (support.state !== 'ready')
    throw new UserError(
      'HOST_UNFIT',
      `the file system of ${there} cannot take the encrypted folder: ${support.message}; nothing was changed`,
      support.remedy,
    );
  const { project, storage } = loaded.settings;
  const key = randomBytes(KEY_BYTES);
  const { slot, stored } = await makeSlot(context, key, storage, file);
  const header: Header = { format: FORMAT, project, key: identifierOf(key), slots: [slot] };
  return { kind: 'create', key, header, keys: stored === undefined ? undefined : { [slot.id]: stored } };
}

/** Gives the kernel the key, and makes the folder first where it is new. Run again after a kill, it continues. @throws UserError */
export function performOpening(project: Project, opening: Opening): void {
  const { places, state, record, header: known } = lookAtStorage(project);
  if (opening.kind === 'none') {
    // A run that was killed, or the folder was moved: without it, a disk that is away would count as one that was never made.
    if (!record && known) writeRecord(project.state, { folder: places.folder, key: known.key, header: known });
    return;
  }
  const { key, header, keys } = opening;
  if (opening.kind === 'create') {
    if (state.is !== 'new')
      throw new UserError(
        'PARTIAL',
        `${describeState(state, places.folder)}: another run has made it meanwhile`,
        'run the same command again',
      );
    makeFolder(places.folder, 0o755);
  }
  // What opens the key is there before anything is encrypted by it, and before a header that needs it.
  if (keys) writeKeys(places.keyFile, { ...readKeys(places.keyFile), ...keys });
  if (opening.kind === 'create') {
    writeHeader(places.header, header);
    makeFolder(places.encrypted, 0o755);
  }
  const added = addKey(places.folder, key);
  if (added !== header.key) throw new UserError('HOST_UNFIT', 'the kernel knows the key by another name than its header', 'report this');
  if (opening.kind === 'create') encryptFolder(places.encrypted, header.key);
  makeFolder(places.volumes);
  writeRecord(project.state, { folder: places.folder, key: header.key, header });
  if (!exists(places.header)) writeHeader(places.header, header);
}

/** Folders of volumes, below the encrypted one. @throws UserError STATE_UNWRITABLE */
export function makeVolumeFolders(folders: readonly string[]): void {
  for (const folder of folders) if (!exists(folder)) makeFolder(folder);
}

/** Others may pass through it to what is theirs; `0o755`: and learn what it is encrypted by. */
const makeFolder = (folder: string, mode = 0o711): void => writing(folder, () => void mkdirSync(folder, { recursive: true, mode }), null);
