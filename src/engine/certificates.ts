import { createPrivateKey, X509Certificate } from 'node:crypto';
import { chmodSync, mkdirSync } from 'node:fs';
import { UserError } from '../errors.ts';
import { type CaRecord, type CaStore, trustedRoots } from '../issuers/ca-record.ts';
import type { IssuedCertificate } from '../issuers/issuer.ts';
import type { DockerCli } from './compose.ts';
import { readLink, readOptional, switchLink, writeAtomic, writing } from './files.ts';
import { writeOwned } from './owned.ts';
import type { StateFolder } from './state.ts';

/** The CA's keys and certificates, in `ca/` (mode 0600). One file, so that they always belong together. */
export function caStore(state: StateFolder): CaStore {
  const file = state.at('ca', 'root.json');
  return {
    load: () => state.readJson<CaRecord>('ca/root.json', 'a new root is made, which devices have to trust anew'),
    save: (ca) => {
      const text = `${JSON.stringify(ca)}\n`;
      const shown = shownFiles(state, ca);
      if (readOptional(file) === text && shown.every(([name, contents]) => readOptional(name) === contents)) return;
      writing(state.root, () => mkdirSync(state.at('ca'), { recursive: true, mode: 0o700 }));
      writeAtomic(file, text, 0o600);
      writing(state.root, () => {
        mkdirSync(state.at('ca', 'trust'), { recursive: true });
        // Read by every container's uid, whatever the umask.
        chmodSync(state.at('ca', 'trust'), 0o755);
      });
      for (const [name, contents] of shown) writeAtomic(name, contents);
    },
  };
}

/** What others read of the CA: no key among it. */
const shownFiles = (state: StateFolder, ca: CaRecord): [file: string, contents: string][] => [
  [state.at('ca', 'root.crt'), ca.certificate],
  [state.at('ca', 'trust', 'internal-ca.pem'), trustedRoots(ca).join('')],
  ...(ca.lists ? [[state.at('ca', 'trust', 'internal-ca.crl'), ca.lists] as [string, string]] : []),
];

/** The roots that the stack trusts; undefined before there is a CA. */
export function internalRoots(state: StateFolder): string[] | undefined {
  const ca = caStore(state).load();
  return ca && trustedRoots(ca);
}

/** The serial that is installed under a name: the folder that `current` points to. */
export const installedSerial = (state: StateFolder, name: string): string | undefined => readLink(state.at('certs', name, 'current'));

export const installedCertificate = (state: StateFolder, name: string): string | undefined =>
  readOptional(state.at('certs', name, 'current', 'fullchain.pem'));

/**
 * Installs a certificate in a folder of its own and switches to it at once with its key, after proving that the two
 * belong together: whoever reads `current/` always finds a matching pair.
 */
export async function installCertificate(
  state: StateFolder,
  name: string,
  issued: IssuedCertificate,
  owner: { uid: number; image: string },
  cli: DockerCli,
): Promise<void> {
  if (!new X509Certificate(issued.certificate).checkPrivateKey(createPrivateKey(issued.privateKey))) {
    throw new UserError(
      'CERTIFICATE_FAILED',
      `the certificate issued for ${name} does not belong to its key; the old one stays`,
      'try again, and report it if it recurs',
    );
  }
  const folder = state.at('certs', name, issued.serial);
  await writeOwned(folder, { 'privkey.pem': issued.privateKey }, owner, cli);
  writeAtomic(`${folder}/fullchain.pem`, issued.certificate + issued.chain);
  if (issued.root) writeAtomic(`${folder}/root.pem`, issued.root);
  switchLink(state.at('certs', name, 'current'), issued.serial);
}
