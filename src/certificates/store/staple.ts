import type { X509Certificate } from 'node:crypto';
import { statSync, writeFileSync } from 'node:fs';
import { exists, readOptional, writeAtomic, writing } from '../../core/files.ts';
import type { StateFolder } from '../../state/state.ts';
import { certificateOf, isSignedBy } from '../plan/chain.ts';
import { caStore } from './ca-store.ts';

const DAY = 24 * 3600 * 1000;
/** Firefox refuses answers older than ten days; nginx sends none that has expired. */
const VALID_DAYS = 7;

/** Where an issuer answers questions about its certificates; undefined where it does not offer that. */
export const responderOf = (certificate: X509Certificate): string | undefined => /OCSP - URI:(\S+)/.exec(certificate.infoAccess ?? '')?.[1];

/**
 * What the edge sends along with a certificate: the internal CA's answer, signed here and renewed daily, or that of the
 * issuer's own responder. nginx fetches both, checks them, and sends nothing where there is no valid answer.
 */
export async function writeStaple(state: StateFolder, name: string, serial: string, now: Date): Promise<void> {
  const folder = state.at('certs', name, serial);
  const leaf = certificateOf(readOptional(`${folder}/fullchain.pem`) ?? '');
  const ca = caStore(state).load();
  const issuer = [ca?.intermediate, ...(ca?.retired ?? [])].find((entry) => entry && isSignedBy(leaf, certificateOf(entry.certificate)));
  const own = `ssl_stapling on;\nssl_stapling_responder http://127.0.0.1:8081/ocsp/${name};\n`;
  const wanted = issuer ? own : responderOf(leaf) ? 'ssl_stapling on;\n' : undefined;
  if (wanted !== undefined && readOptional(`${folder}/stapling.conf`) !== wanted) writeAtomic(`${folder}/stapling.conf`, wanted);
  if (!issuer) return;
  const file = `${folder}/ocsp.der`;
  const revoked = ca?.revoked?.find((entry) => entry.serial === serial);
  if (!revoked && exists(file) && now.getTime() - statSync(file).mtimeMs < DAY) return;
  const { ocspResponse } = await import('../ca/ocsp.ts');
  // A minute ago: a clock that is a little behind takes it too.
  const from = new Date(now.getTime() - 60_000);
  const response = ocspResponse(leaf.toString(), issuer, revoked, from, new Date(now.getTime() + VALID_DAYS * DAY));
  // Bytes; nginx reads it whole by the next request at the latest, and a torn one does not verify.
  writing(file, () => writeFileSync(file, response, { mode: 0o644 }));
}
