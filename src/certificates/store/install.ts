import { createPrivateKey, X509Certificate } from 'node:crypto';
import { chmodSync, readdirSync, rmSync } from 'node:fs';
import { UserError } from '../../core/errors.ts';
import { readLink, readOptional, switchLink, writeAtomic, writing } from '../../core/files.ts';
import type { DockerCli } from '../../docker/compose.ts';
import { writeOwned } from '../../state/owned.ts';
import type { StateFolder } from '../../state/state.ts';
import type { IssuedCertificate } from '../ca/issuer.ts';
import { certificatesIn, chainFrom } from '../plan/chain.ts';
import { writeStaple } from './staple.ts';

/** The serial that is installed under a name: the folder that `current` points to. */
export const installedSerial = (state: StateFolder, name: string): string | undefined => readLink(state.at('certs', name, 'current'));

export const installedCertificate = (state: StateFolder, name: string): string | undefined =>
  readOptional(state.at('certs', name, 'current', 'fullchain.pem'));

/** Whose container reads the key; `image` changes the owner of files if medianest does not run as root. */
export interface Owner {
  uid: number;
  image: string;
}

/**
 * Writes a certificate to a folder of its own, after checking that it belongs to its key and that its chain is complete. No
 * service reads it yet.
 */
export async function writeCertificate(
  state: StateFolder,
  name: string,
  issued: IssuedCertificate,
  owner: Owner,
  cli: DockerCli,
): Promise<void> {
  const leaf = new X509Certificate(issued.certificate);
  const refuse = (why: string) =>
    new UserError(
      'CERTIFICATE_FAILED',
      `the certificate issued for ${name} ${why}; the old one stays`,
      'try again, and report it if it recurs',
    );
  if (!leaf.checkPrivateKey(createPrivateKey(issued.privateKey))) throw refuse('does not belong to its key');
  const chain = certificatesIn(issued.chain);
  if (chainFrom(leaf, chain).length !== chain.length + 1) throw refuse('does not lead on to the chain that came with it');
  const folder = state.at('certs', name, issued.serial);
  await writeOwned(folder, { 'privkey.pem': issued.privateKey }, owner, cli);
  // nginx looks here for stapling.conf; the key has a mode of its own.
  writing(folder, () => chmodSync(folder, 0o755));
  writeAtomic(`${folder}/fullchain.pem`, issued.certificate + issued.chain);
  if (issued.root) writeAtomic(`${folder}/root.pem`, issued.root);
  await writeStaple(state, name, issued.serial, new Date());
}

/** Switches to a certificate and its key at once, so that a reader of `current/` always finds a matching pair. */
export function switchCertificate(state: StateFolder, name: string, serial: string): void {
  switchLink(state.at('certs', name, 'current'), serial);
}

/** Removes all but the present certificate and the one before it. */
export function pruneCertificates(state: StateFolder, name: string, keep: readonly (string | undefined)[]): void {
  for (const entry of readdirSync(state.at('certs', name)))
    if (/^[0-9A-F]+$/.test(entry) && !keep.includes(entry)) rmSync(state.at('certs', name, entry), { recursive: true, force: true });
}
