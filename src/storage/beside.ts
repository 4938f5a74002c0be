import type { Context, Project, Step, UpRequest } from '../capability/capability.ts';
import { exists } from '../core/files.ts';
import { volumeName } from '../stack/labels.ts';
import { encryptedVolumes, volumesFolder } from '../stack/storage.ts';
import type { Stack } from '../stack/types.ts';
import { type Opening, performOpening, prepareOpening, refuseRemote } from './open-storage.ts';
import { lostRefusal, misplaced, misplacedRefusal } from './plan/refusal.ts';
import type { StorageState } from './plan/state.ts';
import { lookAtStorage, readRecord } from './store.ts';

/** What was asked for before the first step, until its step needs it. */
const asked = new WeakMap<Context, Opening>();

const CAUSE: Partial<Record<StorageState['is'], string>> = {
  new: 'the volumes are to be encrypted',
  unlocked: 'the state folder does not say where the encrypted folder is',
};

/** The volumes of a stack -> the folder that each is to be in, undefined where it is not encrypted. */
export function foldersOf(stack: Stack): Map<string, string | undefined> {
  const encrypted = encryptedVolumes(stack);
  return new Map(stack.volumes.map((name) => volumeName(stack.project, name)).map((name) => [name, encrypted.get(name)]));
}

/** A change of components without data (a device of the VPN is let in no more) needs no key. */
const touchesData = ({ stack, only }: Pick<UpRequest, 'stack' | 'only'>): boolean =>
  only === undefined ||
  stack.services.some(({ component, mounts }) => only.includes(component) && mounts.some(({ kind }) => kind === 'volume'));

/**
 * Unlocks the encrypted folder, made if it is new, and makes the folders of volumes in it, before anything mounts one.
 * @throws UserError FOREIGN_STATE where volumes are not what the settings ask for, or the folder is astray
 */
export async function besideUp(request: UpRequest): Promise<{ early: Step[]; first: []; frees: []; last: [] } | undefined> {
  const { context, project, engine, stack } = request;
  if (!touchesData(request)) return undefined;
  const { settings } = project.loaded;
  const { encrypt } = settings.storage;
  if (!encrypt && !readRecord(project.state)) return undefined;
  if (encrypt) refuseRemote(context);
  const volumes = await engine.volumes();
  const refusal = misplacedRefusal(misplaced(foldersOf(stack), volumes, volumesFolder(settings)));
  if (refusal) throw refusal;
  if (!encrypt) return undefined;
  const { state, record, header, places } = lookAtStorage(project);
  const lost = state.is === 'new' ? lostRefusal(places.folder, places.volumes, volumes) : undefined;
  if (lost) throw lost;
  // A folder without its record gets it.
  const open = state.is === 'unlocked' && (record !== undefined || header === undefined);
  const folders = [...encryptedVolumes(stack).values()];
  const missing = open ? folders.filter((folder) => !exists(folder)) : folders;
  const unlock: Step = {
    kind: 'open-storage',
    make: state.is === 'new',
    cause: CAUSE[state.is] ?? 'containers cannot mount their volumes without the key',
  };
  const make: Step = { kind: 'make-volume-folders', folders: missing, cause: 'the volumes are bound to them' };
  return { early: [...(open ? [] : [unlock]), ...(missing.length > 0 ? [make] : [])], first: [], frees: [], last: [] };
}

/** Asks for a passphrase, if one is needed, before anything is changed. @throws UserError */
export async function askFirst(request: UpRequest): Promise<void> {
  const { context, project } = request;
  if (!project.loaded.settings.storage.encrypt || !touchesData(request)) return;
  asked.set(context, await prepareOpening(context, project, lookAtStorage(project)));
}

export async function openStorage(context: Context, project: Project): Promise<void> {
  const opening = asked.get(context) ?? (await prepareOpening(context, project, lookAtStorage(project)));
  asked.delete(context);
  performOpening(project, opening);
}
