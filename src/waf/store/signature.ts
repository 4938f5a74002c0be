import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { systemCode, UserError } from '../../core/errors.ts';
import { writing } from '../../core/files.ts';
import { runProgram } from '../../docker/compose.ts';
import type { CrsRelease } from '../plan/crs.ts';
import { download } from './archive.ts';

/** Where the signature and the key of a release are: beside the archive, in a mirror. */
export interface SignatureSource {
  signature: string;
  key: string;
}

export type SignatureState = 'good' | { unchecked: string };

interface Way {
  signal: AbortSignal;
  hint: string;
  ca?: string | undefined;
}

/** Or why it is not to be had. */
async function optional(address: string, { signal, hint, ca }: Way): Promise<Buffer | string> {
  try {
    return await download(address, signal, hint, ca);
  } catch (error) {
    signal.throwIfAborted();
    return (error as UserError).message.replace('; nothing was changed', '');
  }
}

/** Base64 between the lines of an OpenPGP armor: gpgv reads keys in binary form alone. */
function withoutArmor(key: Buffer): Buffer {
  const text = key.toString('latin1');
  const body = /-----BEGIN PGP [A-Z ]+-----\r?\n(?:[\w-]+: .*\r?\n)*\r?\n([A-Za-z0-9+/=\s]+?)(?:\r?\n=[A-Za-z0-9+/]{4})?\r?\n-----END/.exec(
    text,
  )?.[1];
  return body === undefined ? key : Buffer.from(body, 'base64');
}

/**
 * What the publisher's signature says of the archive, by the host's gpgv and the key with the fingerprint that medianest knows.
 * The rules themselves were compared already, so a signature that is not to be had is told, and no reason to refuse them.
 * @throws UserError where there is one, and it is of another archive
 */
export async function checkSignature(
  archive: Buffer,
  { fingerprint, version }: CrsRelease,
  source: SignatureSource,
  way: Way,
): Promise<SignatureState> {
  const signature = await optional(source.signature, way);
  if (typeof signature === 'string') return { unchecked: `no signature: ${signature}` };
  const key = await optional(source.key, way);
  if (typeof key === 'string') return { unchecked: `no key of its publisher: ${key}` };
  const folder = writing(os.tmpdir(), () => mkdtempSync(path.join(os.tmpdir(), 'medianest-signature-')));
  try {
    const at = (name: string, contents: Buffer): string => {
      const file = path.join(folder, name);
      writing(file, () => writeFileSync(file, contents, { mode: 0o600 }));
      return file;
    };
    const files = [at('archive.asc', signature), at('archive', archive)];
    const args = ['--homedir', folder, '--status-fd', '1', '--keyring', at('key.gpg', withoutArmor(key)), ...files];
    const ran = await runProgram('gpgv', args, { signal: way.signal }).catch((error: unknown) => {
      way.signal.throwIfAborted();
      const missing = systemCode((error as Error).cause) === 'ENOENT';
      return { unchecked: missing ? 'gpgv is not on this machine (Debian: apt install gpgv)' : (error as Error).message };
    });
    if ('unchecked' in ran) return ran;
    if (!ran.stdout.includes('[GNUPG:] ')) return { unchecked: `gpgv says nothing of it: ${ran.tail.at(-1) ?? `status ${ran.exitCode}`}` };
    return verdict(ran.stdout, fingerprint, version, source.signature, way.hint);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function verdict(status: string, fingerprint: string, version: string, address: string, hint: string): SignatureState {
  const lines = status.split('\n').filter((line) => line.startsWith('[GNUPG:] '));
  if (lines.some((line) => line.startsWith('[GNUPG:] BADSIG')))
    throw new UserError('ARCHIVE_DAMAGED', `the signature at ${address} is not of this archive of ${version}; nothing was changed`, hint);
  const valid =
    lines
      .find((line) => line.startsWith('[GNUPG:] VALIDSIG'))
      ?.trim()
      .split(' ') ?? [];
  // The last word is the fingerprint of the primary key, also where a key below it has signed.
  if (valid.at(-1) === fingerprint) return 'good';
  return { unchecked: valid.length > 0 ? `it is by another key, ${valid.at(-1)}` : 'the key there is not the one that has signed' };
}
