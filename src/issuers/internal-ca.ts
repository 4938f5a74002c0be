import { generateKeyPair, randomBytes } from 'node:crypto';
import { promisify } from 'node:util';
import forge from 'node-forge';
import { UserError } from '../errors.ts';
import type { CertificateSpec } from '../stack/types.ts';
import type { IssuedCertificate, Issuer } from './issuer.ts';

const makeKeyPair = promisify(generateKeyPair);

/** Where the CA keeps its key and certificate. */
export interface CaStore {
  load(): { certificate: string; privateKey: string } | undefined;
  save(ca: { certificate: string; privateKey: string }): void;
}

const ROOT_YEARS = 10;
const DAY = 24 * 3600 * 1000;
/** Clocks of phones and televisions run late. */
const BACKDATE = 3600 * 1000;

/** The CA of this installation: a root made at first use, RSA and SHA-256 (RFC 5280 profiles), leaves for servers. */
export function internalCa(store: CaStore, project: string): Issuer {
  return {
    name: 'internal-ca',
    issue: async (spec, now) => {
      const ca = store.load() ?? (await createRoot(project, now));
      // Kept before its first use: a root that signed something must never be lost.
      store.save(ca);
      refuseExpired(ca.certificate, now);
      return issueLeaf(ca, spec, now);
    },
  };
}

/** A new root is the operator's decision: every device has to be told to trust it. */
function refuseExpired(root: string, now: Date): void {
  const { notAfter } = forge.pki.certificateFromPem(root).validity;
  if (notAfter > now) return;
  throw new UserError(
    'CERTIFICATE_FAILED',
    `the root certificate of the internal CA expired on ${notAfter.toISOString().slice(0, 10)}; nothing was changed`,
    'correct the clock, or move ca/root.json out of the state folder: a new root is made, for every device to trust',
  );
}

async function keyPair(bits: number): Promise<{ publicKey: forge.pki.rsa.PublicKey; privatePem: string }> {
  const { publicKey, privateKey } = await makeKeyPair('rsa', {
    modulusLength: bits,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });
  return { publicKey: forge.pki.publicKeyFromPem(publicKey), privatePem: privateKey };
}

/** 127 random bits with the top bit clear and not zero: positive and unguessable (CA/Browser Forum BR 7.1 asks for 64). */
function newSerial(): string {
  const bytes = randomBytes(16);
  bytes[0] = ((bytes[0] as number) & 0x7f) | 0x40;
  return bytes.toString('hex');
}

async function createRoot(project: string, now: Date) {
  const { publicKey, privatePem } = await keyPair(3072);
  const certificate = forge.pki.createCertificate();
  const name = [
    { shortName: 'CN', value: `MediaNest ${project} root ${now.getUTCFullYear()}` },
    { shortName: 'O', value: 'MediaNest' },
  ];
  certificate.publicKey = publicKey;
  certificate.serialNumber = newSerial();
  certificate.validity.notBefore = new Date(now.getTime() - BACKDATE);
  certificate.validity.notAfter = new Date(now.getTime() + ROOT_YEARS * 365 * DAY);
  certificate.setSubject(name);
  certificate.setIssuer(name);
  certificate.setExtensions([
    { name: 'basicConstraints', critical: true, cA: true },
    { name: 'keyUsage', critical: true, keyCertSign: true, cRLSign: true },
    { name: 'subjectKeyIdentifier' },
  ]);
  certificate.sign(forge.pki.privateKeyFromPem(privatePem), forge.md.sha256.create());
  return { certificate: forge.pki.certificateToPem(certificate), privateKey: privatePem };
}

async function issueLeaf(ca: { certificate: string; privateKey: string }, spec: CertificateSpec, now: Date): Promise<IssuedCertificate> {
  const issuer = forge.pki.certificateFromPem(ca.certificate);
  const { publicKey, privatePem } = await keyPair(2048);
  const leaf = forge.pki.createCertificate();
  leaf.publicKey = publicKey;
  leaf.serialNumber = newSerial();
  leaf.validity.notBefore = new Date(now.getTime() - BACKDATE);
  leaf.validity.notAfter = new Date(Math.min(now.getTime() + spec.days * DAY, issuer.validity.notAfter.getTime()));
  // RFC 5280 limits a common name to 64 characters; clients read the alternative names only.
  leaf.setSubject([{ shortName: 'CN', value: (spec.subjects[0] ?? spec.name).slice(0, 64) }]);
  leaf.setIssuer(issuer.subject.attributes);
  leaf.setExtensions([
    { name: 'basicConstraints', critical: true, cA: false },
    { name: 'keyUsage', critical: true, digitalSignature: true, keyEncipherment: true },
    { name: 'extKeyUsage', serverAuth: true },
    {
      name: 'subjectAltName',
      altNames: spec.subjects.map((subject) => (isAddress(subject) ? { type: 7, ip: subject } : { type: 2, value: subject })),
    },
    { name: 'subjectKeyIdentifier' },
    { name: 'authorityKeyIdentifier', keyIdentifier: issuer.generateSubjectKeyIdentifier().getBytes() },
  ]);
  leaf.sign(forge.pki.privateKeyFromPem(ca.privateKey), forge.md.sha256.create());
  return {
    serial: leaf.serialNumber.toUpperCase(),
    certificate: forge.pki.certificateToPem(leaf),
    chain: '',
    root: ca.certificate,
    privateKey: privatePem,
  };
}

const isAddress = (subject: string): boolean => subject.includes(':') || /^\d+\.\d+\.\d+\.\d+$/.test(subject);
