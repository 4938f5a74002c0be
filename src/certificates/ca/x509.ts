import 'reflect-metadata';
import { createPrivateKey, generateKeyPair, randomBytes, webcrypto } from 'node:crypto';
import { promisify } from 'node:util';
import * as x509 from '@peculiar/x509';

/** The one file that builds certificates. Costly to load (50 ms), so it is imported where something is signed. */

const makeKeyPair = promisify(generateKeyPair);

/** A key made on this host: its public half in DER, its private one in PEM. */
export interface KeyPair {
  spki: Buffer;
  privateKey: string;
}

export async function rsaKey(bits: number): Promise<KeyPair> {
  const { publicKey, privateKey } = await makeKeyPair('rsa', {
    modulusLength: bits,
    publicKeyEncoding: { type: 'spki', format: 'der' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });
  return { spki: publicKey, privateKey };
}

export async function ecKey(): Promise<KeyPair> {
  const { publicKey, privateKey } = await makeKeyPair('ec', {
    namedCurve: 'P-256',
    publicKeyEncoding: { type: 'spki', format: 'der' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });
  return { spki: publicKey, privateKey };
}

/** 127 random bits with the top bit clear and not zero: positive and unguessable (CA/Browser Forum BR 7.1 asks for 64). */
function newSerial(): string {
  const bytes = randomBytes(16);
  bytes[0] = ((bytes[0] as number) & 0x7f) | 0x40;
  return bytes.toString('hex');
}

/** A key as WebCrypto signs with it. */
async function signingKey(pem: string): Promise<webcrypto.CryptoKey> {
  const key = createPrivateKey(pem);
  const der = key.export({ format: 'der', type: 'pkcs8' });
  const curve = key.asymmetricKeyDetails?.namedCurve === 'secp384r1' ? 'P-384' : 'P-256';
  const algorithm = key.asymmetricKeyType === 'ec' ? { name: 'ECDSA', namedCurve: curve } : { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' };
  return webcrypto.subtle.importKey('pkcs8', der, algorithm, true, ['sign']);
}

/** A name, its values byte for byte: as plain texts they would be read for quotes and escapes. A country is a PrintableString (RFC 5280). */
const nameOf = (parts: Record<string, string>): x509.Name =>
  new x509.Name(
    Object.entries(parts).map(([part, value]) => ({ [part]: [part === 'C' ? { printableString: value } : { utf8String: value }] })),
  );

export interface Wish {
  subject: Record<string, string>;
  notBefore: Date;
  notAfter: Date;
  /** The signer; the certificate's own name and key if it is self-signed. */
  issuer?: { certificate: string; privateKey: string };
  extensions: x509.Extension[];
}

/** Signs what is wished for (RFC 5280): with a serial, and the identifiers of both keys. */
export async function sign(wish: Wish, spki: Buffer, ownKey: string): Promise<{ certificate: string; serial: string }> {
  const serial = newSerial();
  const subject = nameOf(wish.subject);
  const parent = wish.issuer && new x509.X509Certificate(wish.issuer.certificate);
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: serial,
    subject,
    issuer: parent?.subjectName ?? subject,
    notBefore: wish.notBefore,
    notAfter: wish.notAfter,
    publicKey: new Uint8Array(spki),
    signingKey: await signingKey(wish.issuer?.privateKey ?? ownKey),
    signingAlgorithm: { name: 'ECDSA', hash: 'SHA-256' } as never,
    extensions: [
      ...wish.extensions,
      await x509.SubjectKeyIdentifierExtension.create(new x509.PublicKey(new Uint8Array(spki))),
      ...(parent ? [authorityKey(parent)] : []),
    ],
  });
  return { certificate: `${certificate.toString('pem')}\n`, serial: serial.toUpperCase() };
}

const authorityKey = (parent: x509.X509Certificate): x509.Extension => new x509.AuthorityKeyIdentifierExtension(keyIdentifier(parent));

/** As the certificate says it: its children have to say the same. */
function keyIdentifier(certificate: x509.X509Certificate): string {
  const own = certificate.getExtension(x509.SubjectKeyIdentifierExtension);
  if (!own) throw new Error('the authority has no subject key identifier');
  return own.keyId;
}

export const authorityExtensions = (pathLength: number): x509.Extension[] => [
  new x509.BasicConstraintsExtension(true, pathLength, true),
  new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
];

const isAddress = (subject: string): boolean => subject.includes(':') || /^\d+\.\d+\.\d+\.\d+$/.test(subject);

const alternativeNames = (subjects: readonly string[]): x509.Extension =>
  new x509.SubjectAlternativeNameExtension(
    subjects.map((value) => ({ type: isAddress(value) ? ('ip' as const) : ('dns' as const), value })),
  );

/** What a leaf may be used for, and where its revocation is published. */
export const leafExtensions = (
  subjects: readonly string[],
  purposes: readonly ('server' | 'client')[],
  listUrl?: string,
): x509.Extension[] => [
  new x509.BasicConstraintsExtension(false, undefined, true),
  new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
  new x509.ExtendedKeyUsageExtension(
    purposes.map((purpose) => (purpose === 'server' ? x509.ExtendedKeyUsage.serverAuth : x509.ExtendedKeyUsage.clientAuth)),
  ),
  ...(subjects.length > 0 ? [alternativeNames(subjects)] : []),
  ...(listUrl ? [new x509.CRLDistributionPointsExtension([listUrl])] : []),
];

export interface Revocation {
  /** Upper-case hex. */
  serial: string;
  at: string;
  reason: RevocationReason;
}

export const REASONS = ['unspecified', 'keyCompromise', 'affiliationChanged', 'superseded', 'cessationOfOperation'] as const;
export type RevocationReason = (typeof REASONS)[number];

/** A list of revoked certificates, as openssl and nginx read it. */
export async function signList(
  issuer: { certificate: string; privateKey: string },
  revoked: readonly Revocation[],
  thisUpdate: Date,
  nextUpdate: Date,
): Promise<string> {
  const parent = new x509.X509Certificate(issuer.certificate);
  // CRLNumber (RFC 5280, 5.2.3): a growing INTEGER, which seconds since 1970 are.
  const number = Buffer.from(
    Math.floor(thisUpdate.getTime() / 1000)
      .toString(16)
      .padStart(10, '0'),
    'hex',
  );
  const list = await x509.X509CrlGenerator.create({
    issuer: parent.subjectName,
    thisUpdate,
    nextUpdate,
    signingAlgorithm: { name: 'ECDSA', hash: 'SHA-256' } as never,
    signingKey: await signingKey(issuer.privateKey),
    entries: revoked.map(({ serial, at, reason }) => ({
      serialNumber: serial,
      revocationDate: new Date(at),
      ...(reason !== 'unspecified' && { reason: x509.X509CrlReason[reason] }),
    })),
    extensions: [authorityKey(parent), new x509.Extension('2.5.29.20', false, Buffer.concat([Buffer.from([2, number.length]), number]))],
  });
  return `${list.toString('pem').replaceAll(' CRL-----', ' X509 CRL-----')}\n`;
}

/** A request for a certificate (PKCS#10): the key signs it and stays here. */
export async function signRequest(subject: Record<string, string>, subjects: readonly string[], key: KeyPair): Promise<string> {
  const privateKey = await signingKey(key.privateKey);
  const publicKey = await webcrypto.subtle.importKey('spki', key.spki, privateKey.algorithm, true, ['verify']);
  const request = await x509.Pkcs10CertificateRequestGenerator.create({
    name: nameOf(subject),
    keys: { privateKey, publicKey },
    signingAlgorithm: { ...privateKey.algorithm, hash: 'SHA-256' } as never,
    extensions: [alternativeNames(subjects)],
  });
  return `${request.toString('pem')}\n`;
}
