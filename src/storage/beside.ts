import type { Context, Project, Step, UpRequest } from '../capability/capability.ts';
import { exists } from '../core/files.ts';
import { volumeName } from '../stack/labels.ts';
import { encryptedVolumes, volumesFolder } from '../stack/storage.ts';
import type { Stack } from '../stack/types.ts';
import { type Opening, performOpening, prepareOpening, refuseRemote } from './open-storage.ts';
import { misplaced, misplacedRefusal } from './plan/refusal.ts';
import { lookAtStorage, readRecord } from './store.ts';

/** What was asked for before the first step, until its step needs it. */
const asked = new WeakMap<Context, Opening>();

/** The volumes of a stack -> the folder that each is to be in, undefined where it is not encrypted. */
export function foldersOf(stack: Stack): Map<string, string | undefined> {
  const encrypted = encryptedVolumes(stack);
  return new Map(stack.volumes.map((name) => volumeName(stack.project, name)).map((name) => [name, encrypted.get(name)]));
}

/** Whether a command may start something that mounts a volume. */
const needsData = ({ stack, only }: Pick<UpRequest, 'stack' | 'only'>): boolean =>
  !only || stack.services.some(({ component, mounts }) => only.includes(component) && mounts.some(({ kind }) => kind === 'volume'));

/**
 * Unlocks the encrypted folder, made if it is new, and makes the folders of volumes in it, before anything mounts one.
 * @throws UserError FOREIGN_STATE where volumes are not what the settings ask for, or the folder is astray
 */
export async function besideUp({
  context,
  project,
  engine,
  stack,
  only,
}: UpRequest): Promise<{ early: Step[]; first: []; frees: []; last: [] } | undefined> {
  const { settings } = project.loaded;
  const { encrypt } = settings.storage;
  if (!needsData({ stack, only }) || (!encrypt && !readRecord(project.state))) return undefined;
  if (encrypt) refuseRemote(context);
  const refusal = misplacedRefusal(misplaced(foldersOf(stack), await engine.volumes(), volumesFolder(settings)));
  if (refusal) throw refusal;
  if (!encrypt) return undefined;
  const { state } = lookAtStorage(project);
  const open = state.is === 'unlocked';
  const folders = [...encryptedVolumes(stack).values()];
  const missing = open ? folders.filter((folder) => !exists(folder)) : folders;
  const unlock: Step = {
    kind: 'open-storage',
    make: state.is === 'new',
    cause: state.is === 'new' ? 'the volumes are to be encrypted' : 'containers cannot mount their volumes without the key',
  };
  const make: Step = { kind: 'make-volume-folders', folders: missing, cause: 'the volumes are bound to them' };
  return { early: [...(open ? [] : [unlock]), ...(missing.length > 0 ? [make] : [])], first: [], frees: [], last: [] };
}

/** Asks for a passphrase, if one is needed, before anything is changed. @throws UserError */
export async function askFirst({ context, project, ...request }: UpRequest): Promise<void> {
  if (!project.loaded.settings.storage.encrypt || !needsData(request)) return;
  asked.set(context, await prepareOpening(context, project, lookAtStorage(project)));
}

export async function openStorage(context: Context, project: Project): Promise<void> {
  const opening = asked.get(context) ?? (await prepareOpening(context, project, lookAtStorage(project)));
  asked.delete(context);
  performOpening(project, opening);
}
