import { createPrivateKey, type X509Certificate } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { UserError } from '../../core/errors.ts';
import { exists, readOptional } from '../../core/files.ts';
import type { CertificateSpec } from '../../stack/types.ts';
import type { IssuedCertificate } from '../ca/issuer.ts';
import { certificatesIn, chainFrom } from '../plan/chain.ts';
import { certificateFacts } from '../plan/renewal.ts';

const nameInLego = (spec: CertificateSpec): string => (spec.subjects[0] as string).replace('*', '_');

/** What lego knows of its accounts, without their keys. */
export const accountFiles = (data: string): string[] =>
  exists(`${data}/accounts`)
    ? readdirSync(`${data}/accounts`, { recursive: true, encoding: 'utf8' })
        .filter((name) => path.basename(name) === 'account.json')
        .map((name) => path.join(data, 'accounts', name))
    : [];

/** lego renews only what it has complete, for the same names; everything else is a new order. */
export function canRenew(data: string, spec: CertificateSpec): boolean {
  if (accountFiles(data).length === 0) return false;
  const file = `${data}/certificates/${nameInLego(spec)}`;
  const [key, order, certificate] = [`${file}.key`, `${file}.json`, `${file}.crt`].map(readOptional);
  if (key === undefined || order === undefined || certificate === undefined) return false;
  try {
    createPrivateKey(key);
    JSON.parse(order);
    const { subjects } = certificateFacts(certificate);
    return subjects.length === spec.subjects.length && spec.subjects.every((name) => subjects.includes(name));
  } catch {
    return false;
  }
}

/** What lego was issued. */
export function readIssued(data: string, spec: CertificateSpec): IssuedCertificate {
  const read = (ending: string) => readFileSync(`${data}/certificates/${nameInLego(spec)}.${ending}`, 'utf8');
  const [leaf, ...others] = certificatesIn(read('crt'));
  if (!leaf)
    throw new UserError(
      'CERTIFICATE_FAILED',
      `lego wrote no certificate for ${spec.name}; the old one stays`,
      'medianest certs issue again',
    );
  const [, ...chain] = chainFrom(leaf, others);
  const text = (certificate: X509Certificate) => certificate.toString();
  return { serial: leaf.serialNumber, certificate: text(leaf), chain: chain.map(text).join(''), root: undefined, privateKey: read('key') };
}
