import { UserError } from '../../core/errors.ts';
import { BACKDATE, endOf, readyCa } from './authority.ts';
import { type CaStore, chainOf } from './ca-record.ts';
import type { IssuedCertificate } from './issuer.ts';

const DAY = 24 * 3600 * 1000;

/**
 * A certificate by which a person or a device shows who it is. Its key is RSA: phones and browsers import that
 * everywhere, and node-forge puts it into a PKCS#12 file.
 */
export async function issueClient(store: CaStore, project: string, name: string, days: number, now: Date): Promise<IssuedCertificate> {
  if (!/^[\p{L}\p{N}][\p{L}\p{N} .@_-]{0,63}$/u.test(name)) {
    throw new UserError(
      'USAGE',
      `--client ${JSON.stringify(name)}: should be a name of 1 to 64 letters, digits, spaces and . @ _ -`,
      'for example --client "Anna’s phone" without the apostrophe: --client anna-phone',
    );
  }
  const ca = await readyCa(store, project, now);
  const { leafExtensions, rsaKey, sign } = await import('./x509.ts');
  const { spki, privateKey } = await rsaKey(2048);
  const notAfter = new Date(Math.min(now.getTime() + days * DAY, endOf(ca.intermediate.certificate).getTime()));
  const { certificate, serial } = await sign(
    {
      subject: { CN: name, O: 'MediaNest' },
      notBefore: new Date(now.getTime() - BACKDATE),
      notAfter,
      issuer: ca.intermediate,
      extensions: leafExtensions([], ['client']),
    },
    spki,
    privateKey,
  );
  store.save({ ...ca, issued: { ...ca.issued, [serial]: { name, notAfter: notAfter.toISOString() } } });
  return { serial, certificate, chain: chainOf(ca), root: ca.certificate, privateKey };
}
