import { X509Certificate } from 'node:crypto';
import { chmodSync, mkdirSync } from 'node:fs';
import { UserError } from '../../core/errors.ts';
import { exists, readOptional, writeAtomic, writing } from '../../core/files.ts';
import type { StateFolder } from '../../state/state.ts';
import { type CaRecord, type CaStore, trustedRoots } from '../ca/ca-record.ts';
import type { Verdicts } from '../plan/renewal.ts';

/** The CA's keys and certificates, in `ca/` (mode 0600). One file, so that they always belong together. */
export function caStore(state: StateFolder): CaStore {
  const file = state.at('ca', 'root.json');
  return {
    load: () => state.readJson<CaRecord>('ca/root.json', { fix: MEND }),
    save: (ca) => {
      const text = `${JSON.stringify(ca)}\n`;
      const shown = shownFiles(state, ca);
      const list = state.at('ca', 'trust', 'revoked.crl');
      if (readOptional(file) === text && (!ca.lists || exists(list)) && shown.every(([name, contents]) => readOptional(name) === contents))
        return;
      refuseAnother(state, ca);
      writing(state.root, () => mkdirSync(state.at('ca'), { recursive: true, mode: 0o700 }));
      writeAtomic(file, text, 0o600);
      writing(state.root, () => {
        mkdirSync(state.at('ca', 'trust'), { recursive: true });
        // Read by every container's uid, whatever the umask.
        chmodSync(state.at('ca', 'trust'), 0o755);
      });
      for (const [name, contents] of shown) writeAtomic(name, contents);
      if (ca.lists) writeAtomic(list, presentList(ca));
    },
  };
}

const MEND =
  'bring it back from your copy of the state folder. Or bring back the root alone: move a damaged ca/root.json away, and medianest certs ca import FILE takes what `certs ca export` wrote. For a new root, which every device has to trust, move ca/root.crt away, too';

/**
 * Where the CA's keys are missing, its root is still trusted: another one in its place would cut off every service and device that
 * has a certificate of it. @throws UserError CERTIFICATE_FAILED
 */
function refuseAnother(state: StateFolder, ca: CaRecord): void {
  if (exists(state.at('ca', 'root.json'))) return;
  const shown = readOptional(state.at('ca', 'root.crt'));
  if (shown === undefined) return;
  const trusted = certificateIn(shown);
  if (trusted && new Date(trusted.validTo) < new Date()) return;
  if (trusted?.fingerprint256 === new X509Certificate(ca.certificate).fingerprint256) return;
  throw new UserError(
    'CERTIFICATE_FAILED',
    `${state.at('ca', 'root.json')}, the keys of the internal CA, is missing, and certificates of it are in use; nothing was changed`,
    MEND,
  );
}

/** Undefined where it is damaged. */
function certificateIn(pem: string): X509Certificate | undefined {
  try {
    return new X509Certificate(pem);
  } catch {
    return undefined;
  }
}

/** What others read of the CA: no key among it. */
const shownFiles = (state: StateFolder, ca: CaRecord): [file: string, contents: string][] => [
  [state.at('ca', 'root.crt'), ca.certificate],
  [state.at('ca', 'trust', 'internal-ca.pem'), trustedRoots(ca).join('')],
  ...(ca.lists ? [[state.at('ca', 'trust', 'internal-ca.crl'), ca.lists] as [string, string]] : []),
];

/** What the stack's certificates are judged by; undefined before there is a CA. */
export function internalVerdicts(state: StateFolder): Verdicts | undefined {
  const ca = caStore(state).load();
  return ca && { roots: trustedRoots(ca), revoked: (ca.revoked ?? []).map(({ serial }) => serial) };
}

/** The list of the present intermediate in DER, as clients fetch it. */
function presentList({ lists = '', rootLists = '' }: CaRecord): Buffer {
  const [, body = ''] = /-----BEGIN X509 CRL-----([^-]+)-----END/.exec(lists.replace(rootLists, '')) ?? [];
  return Buffer.from(body, 'base64');
}
