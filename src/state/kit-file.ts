import { createCipheriv, createDecipheriv, randomBytes, scryptSync } from 'node:crypto';
import { UserError } from '../core/errors.ts';
import { readOptional } from '../core/files.ts';
import { PROJECT_NAME } from '../settings/project-name.ts';
import type { StateFolder } from './state.ts';

/** The file of a recovery kit. */
export interface Kit {
  format: 'medianest-kit-1';
  project: string;
  madeAt: string;
  /** scrypt (RFC 7914) and AES-256-GCM, in base64. */
  salt: string;
  iv: string;
  tag: string;
  data: string;
}

export interface KitContents {
  settingsName: string | undefined;
  settings: string | undefined;
  /** Profiles of the operator's own: file -> text. */
  profiles: Record<string, string>;
  /** The operator's own rules and targets for Prometheus, and rules for Suricata: file -> text. Older kits have none, or those in YAML alone. */
  monitoring?: Record<string, string>;
  /** Files that secret settings name, as they name them -> text. Kits before 0.5 have none. */
  secretFiles?: Record<string, string>;
  /** Which repository holds the backups; undefined where none was made yet. */
  repository: string | undefined;
  state: Record<string, string>;
  /** What capabilities add to it, by their names: what it is of, and the secret. Kits before 0.6 have none. */
  parts?: Record<string, { id: string; secret: string }>;
}

/** `kit.json`: what the kit that was exported last holds. */
export interface KitNote {
  secrets: string;
  madeAt: string;
  /** Capability -> what its part is of. */
  parts?: Record<string, string>;
}

const SCRYPT = { N: 2 ** 16, r: 8, p: 1, maxmem: 128 * 1024 ** 2 };
const keyOf = (passphrase: string, salt: Buffer): Buffer => scryptSync(passphrase.normalize('NFC'), salt, 32, SCRYPT);

/** Encrypts the contents of a kit. @param madeAt ISO time */
export function sealKit(contents: KitContents, passphrase: string, { project, madeAt }: Pick<Kit, 'project' | 'madeAt'>): Kit {
  const [salt, iv] = [randomBytes(16), randomBytes(12)];
  const cipher = createCipheriv('aes-256-gcm', keyOf(passphrase, salt), iv);
  const data = Buffer.concat([cipher.update(JSON.stringify(contents), 'utf8'), cipher.final()]);
  const text = (bytes: Buffer) => bytes.toString('base64');
  return { format: 'medianest-kit-1', project, madeAt, salt: text(salt), iv: text(iv), tag: text(cipher.getAuthTag()), data: text(data) };
}

/** @throws UserError USAGE where the file is missing, or no kit */
export function readKit(file: string): Kit {
  const text = readOptional(file);
  if (text === undefined) throw new UserError('USAGE', `there is no ${file}`, 'name the file that `medianest backup kit` wrote');
  try {
    const kit = JSON.parse(text) as Kit;
    if (kit.format === 'medianest-kit-1' && PROJECT_NAME.test(kit.project)) return kit;
  } catch {
    // Told below.
  }
  throw new UserError('USAGE', `${file} is no recovery kit, or is damaged`, 'name the file that `medianest backup kit` wrote');
}

/** @throws UserError USAGE where the passphrase is another, or the file is damaged */
export function openKit(kit: Kit, passphrase: string, file: string): KitContents {
  const bytes = (value: string) => Buffer.from(value, 'base64');
  try {
    const decipher = createDecipheriv('aes-256-gcm', keyOf(passphrase, bytes(kit.salt)), bytes(kit.iv), { authTagLength: 16 });
    decipher.setAuthTag(bytes(kit.tag));
    return JSON.parse(Buffer.concat([decipher.update(bytes(kit.data)), decipher.final()]).toString('utf8')) as KitContents;
  } catch (cause) {
    throw new UserError(
      'USAGE',
      `${file} cannot be opened: the passphrase is another, or the file is damaged`,
      'try again; nothing was changed',
      { cause },
    );
  }
}

/** Undefined where none was exported. */
export const readKitNote = (state: StateFolder): KitNote | undefined =>
  state.readJson<KitNote>('kit.json', 'the recovery kit has to be exported again');
