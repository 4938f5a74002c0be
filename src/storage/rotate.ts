import type { Context, Project } from '../capability/capability.ts';
import { UserError } from '../core/errors.ts';
import { withLock } from '../project/with-lock.ts';
import { type Given, keyByTpm, makeSlot, openHeader } from './keys.ts';
import { requireRoot } from './open-storage.ts';
import { type Header, type Slot, type Unlock, unwrap } from './plan/header.ts';
import { forgetKeys, kitOpens, lookAtStorage, readHeader, readKeys, type Seen, writeHeader, writeKeys, writeRecord } from './store.ts';

export interface Rotated {
  /** What opens the key now. */
  unlock: Unlock;
  keyFile: string | null;
  /** What opened it before, and stays until a recovery kit holds the key. */
  stays: Unlock[];
}

/**
 * Wraps the key of the data for a new secret, of the kind that the settings say, and forgets the old one. Both open it until the new one
 * is proven, so that a run that is killed at any moment leaves one that does. What opened it before a TPM stays until a kit does, too.
 * @throws UserError USAGE where the old passphrase is another; nothing was changed
 */
export async function rotate(
  context: Context,
  project: Project,
  files: Given & { fresh?: unknown; withoutKit?: boolean },
): Promise<Rotated> {
  const { state, loaded } = project;
  return withLock(
    context,
    state,
    'storage keys rotate',
    async (_lock, record) => {
      requireRoot();
      const seen = lookAtStorage(project);
      const header = requireHeader(seen);
      const { places } = seen;
      const key = await openHeader(context, header, places, files);
      const { storage } = loaded.settings;
      const alone = storage.unlock === 'tpm' && files.kit === undefined && !files.withoutKit && !kitOpens(state, header.key);
      const stays = alone ? header.slots.filter(({ kind }) => kind !== 'tpm') : [];
      const { slot, secret, stored } = await makeSlot(context, key, storage, files.fresh, '--new-passphrase-file');
      record(['storage keys rotate', slot.id]);
      const keep = (slots: Header['slots']) => {
        const next = { ...header, slots };
        writeHeader(places.header, next);
        writeRecord(state, { folder: places.folder, key: header.key, header: next });
      };
      if (stored !== undefined) writeKeys(places.keyFile, { ...readKeys(places.keyFile), [slot.id]: stored });
      keep([...header.slots, slot]);
      prove(places, slot.id, { key, secret });
      keep([...stays, slot]);
      forgetKeys(places.keyFile, { ...header, slots: header.slots.filter((one) => !stays.includes(one)) });
      return { unlock: storage.unlock, keyFile: stored === undefined ? null : places.keyFile, stays: stays.map(({ kind }) => kind) };
    },
    { resumes: 'storage', keepsData: true },
  );
}

function requireHeader({ header, state }: Seen): Header {
  if (state.is === 'astray') throw new UserError('FOREIGN_STATE', `${state.why}; nothing was changed`, state.remedy);
  if (header && state.is !== 'new') return header;
  throw new UserError('NOT_RUNNING', 'there is no encrypted folder yet; nothing was changed', 'sudo medianest storage unlock makes it');
}

/** What was written opens the key. @throws UserError PARTIAL, or that of the TPM */
function prove({ header: file, keyFile }: Seen['places'], id: string, { key, secret }: { key: Buffer; secret: Buffer }): void {
  const header = readHeader(file);
  const slot = header?.slots.find((one) => one.id === id);
  if (header && slot && openedBy(header, slot, keyFile, secret)?.equals(key)) return;
  throw new UserError(
    'PARTIAL',
    `${file} does not hold what was written; the old secret opens the data as before`,
    'see that its disk is sound (dmesg), and run the same command again',
  );
}

function openedBy(header: Header, slot: Slot, keyFile: string, secret: Buffer): Buffer | undefined {
  if (slot.kind === 'passphrase') return unwrap(header, slot, secret);
  if (slot.kind === 'file') return unwrap(header, slot, Buffer.from(readKeys(keyFile)?.[slot.id] ?? '', 'base64'));
  const opened = keyByTpm({ ...header, slots: [slot] });
  if (opened instanceof UserError) throw opened;
  return opened;
}
