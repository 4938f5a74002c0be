import { randomBytes } from 'node:crypto';
import path from 'node:path';
import type { Context, Project } from '../capability/capability.ts';
import type { KitPart } from '../capability/kit-part.ts';
import { UserError } from '../core/errors.ts';
import { exists } from '../core/files.ts';
import { Secret } from '../core/secret.ts';
import { sortedPcrs } from '../host/plan/tpm.ts';
import { isRefusal, seal, unseal } from '../host/tpm.ts';
import { kitPassphrase } from '../project/passphrase.ts';
import type { Settings } from '../settings/schema.ts';
import { openKit, readKit } from '../state/kit-file.ts';
import { currentPassphrase, newPassphrase } from './passphrase.ts';
import { type Header, identifierOf, type Slot, unwrap, wrap } from './plan/header.ts';
import type { VerdictFacts } from './plan/verdict.ts';
import { lookAtStorage, newSlot, type Places, readKeys } from './store.ts';

/** What a person gives with a command. */
export interface Given {
  /** A file with the passphrase: of the data, or of the kit where there is one. */
  file?: unknown;
  /** A recovery kit that holds the key of the data. */
  kit?: unknown;
}

/**
 * The key of the data: by the kit where one is given, or else by the key file, the TPM or the passphrase.
 * @throws UserError USAGE, FOREIGN_STATE, HOST_UNFIT where none opens it; nothing was changed
 */
export async function openHeader(context: Context, header: Header, places: Places, { file, kit }: Given): Promise<Buffer> {
  if (typeof kit === 'string') return keyByKit(context, header.key, kit, file);
  const has = (kind: Slot['kind']) => header.slots.some((slot) => slot.kind === kind);
  const byFile = has('file') ? keyByFile(header, places) : undefined;
  if (Buffer.isBuffer(byFile)) return byFile;
  const byTpm = keyByTpm(header);
  if (Buffer.isBuffer(byTpm)) return byTpm;
  if (!has('passphrase')) throw byFile ?? byTpm ?? noKeyFile(places);
  const secret = Buffer.from((await currentPassphrase(context, file)).normalize('NFC'));
  for (const slot of header.slots.filter(({ kind }) => kind === 'passphrase')) {
    const key = unwrap(header, slot, secret);
    if (key) return key;
  }
  throw new UserError(
    'USAGE',
    'the passphrase does not open the data: it is another, or the header was changed; nothing was changed',
    'run the same command again with the right one',
  );
}

function noKeyFile({ keyFile }: Places): UserError {
  const there = exists(keyFile);
  return new UserError(
    'FOREIGN_STATE',
    `${there ? 'the key file' : 'there is no key file'} ${keyFile}${there ? ' does not open the data' : ''}; nothing was changed`,
    'put the key file back (`storage.keyFile`); without it, restore a backup into a new folder',
  );
}

/** @returns the key, why the key file cannot be read, or undefined where it does not open the data */
function keyByFile(header: Header, { keyFile }: Places): Buffer | UserError | undefined {
  try {
    const keys = readKeys(keyFile) ?? {};
    for (const slot of header.slots) {
      const secret = slot.kind === 'file' ? keys[slot.id] : undefined;
      const key = secret === undefined ? undefined : unwrap(header, slot, Buffer.from(secret, 'base64'));
      if (key) return key;
    }
    return undefined;
  } catch (error) {
    if (error instanceof UserError) return error;
    throw error;
  }
}

/** @returns the key, why the TPM does not open it, or undefined where nothing is sealed to one */
export function keyByTpm(header: Header): Buffer | UserError | undefined {
  let failed: UserError | undefined;
  for (const slot of header.slots) {
    if (slot.kind !== 'tpm' || !slot.tpm) continue;
    try {
      const key = unwrap(header, slot, unseal(slot.tpm));
      if (key) return key;
      failed ??= new UserError(
        'STATE_DAMAGED',
        'what the TPM holds does not open the data: the header was changed; nothing was changed',
        'put a copy of header.json back (docs/encryption.md)',
      );
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      failed ??= error;
    }
  }
  return failed;
}

/** @param id of the key, as the kernel names it @throws UserError USAGE where the kit holds none of it */
export async function keyByKit(context: Context, id: string, name: string, passphraseFile: unknown): Promise<Buffer> {
  const file = path.resolve(context.cwd, name);
  const kit = readKit(file);
  const part = openKit(kit, await kitPassphrase(context, passphraseFile), file).parts?.storage;
  const key = Buffer.from(part?.secret ?? '', 'base64');
  if (part && identifierOf(key) === id) return key;
  throw new UserError(
    'USAGE',
    `${file}, made ${kit.madeAt.slice(0, 10)}, ${part ? 'holds the key of other data' : 'holds no key of the data: none was sealed to a TPM then'}; nothing was changed`,
    'name a newer kit; without one, restore a backup into a new folder',
  );
}

/** A new slot, what opens it, and what a key file holds for that. */
export interface NewSlot {
  slot: Slot;
  secret: Buffer;
  stored: string | undefined;
}

/** @param option the option by which `file` names one with the new passphrase @throws UserError HOST_UNFIT where the TPM does not take it */
export async function makeSlot(
  context: Context,
  key: Buffer,
  { unlock: kind, tpmPcrs }: Pick<Settings['storage'], 'unlock' | 'tpmPcrs'>,
  file: unknown,
  option?: string,
): Promise<NewSlot> {
  const secret = kind === 'passphrase' ? Buffer.from((await newPassphrase(context, file, option)).normalize('NFC')) : randomBytes(32);
  const sealed = kind === 'tpm' ? seal(secret, sortedPcrs(tpmPcrs)) : undefined;
  if (sealed && !unseal(sealed).equals(secret))
    throw new UserError(
      'HOST_UNFIT',
      'the TPM gives back something else than was sealed; nothing was changed',
      'use another `storage.unlock`',
    );
  return { slot: wrap(key, kind, secret, newSlot(), sealed), secret, stored: kind === 'file' ? secret.toString('base64') : undefined };
}

/** Whether the TPM opens the data: yes, no, or that it cannot be told; undefined where something else does, too. It changes nothing. */
export function tryTpm(project: Project): VerdictFacts['tpm'] {
  const { header } = lookAtStorage(project);
  if (!header?.slots.every(({ kind }) => kind === 'tpm')) return undefined;
  if (process.geteuid?.() !== 0)
    return { opens: null, why: 'whether the TPM opens it only root is told (sudo medianest storage status)', remedy: undefined };
  const found = keyByTpm(header);
  if (found === undefined) return undefined;
  if (Buffer.isBuffer(found)) return { opens: true };
  const opens = found.code === 'STATE_DAMAGED' || isRefusal(found) ? false : null;
  return { opens, why: found.message.replace(/; nothing was changed$/, ''), remedy: found.hint };
}

/** For the recovery kit: the key of data that is sealed to a TPM, since that may die. @throws UserError where it cannot be opened */
export function kitPart(project: Project): KitPart | undefined {
  const { header } = lookAtStorage(project);
  if (!header?.slots.some(({ kind }) => kind === 'tpm')) return undefined;
  if (process.geteuid?.() !== 0)
    throw new UserError(
      'USAGE',
      'the kit is to hold the key of the data, which only root may ask the TPM for; nothing was written',
      'run the same command with sudo',
    );
  const key = keyByTpm(header);
  if (Buffer.isBuffer(key)) return { id: header.key, secret: new Secret(key.toString('base64')) };
  throw key;
}
