import { createHash, generateKeyPair, randomBytes, sign } from 'node:crypto';
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

/**
 * The CA of this installation: a root made at first use (RSA 3072), leaves for servers with ECDSA keys on P-256, all signed
 * with SHA-256 (RFC 5280 profiles). An ECDSA handshake costs a server a twentieth of an RSA one, and replicas have one thread.
 */
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

/** The root's key. */
async function rsaKeyPair(): Promise<{ publicKey: forge.pki.rsa.PublicKey; privatePem: string }> {
  const { publicKey, privateKey } = await makeKeyPair('rsa', {
    modulusLength: 3072,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });
  return { publicKey: forge.pki.publicKeyFromPem(publicKey), privatePem: privateKey };
}

/** A leaf's key: P-256, its public half as SubjectPublicKeyInfo (RFC 5480). */
async function ecKeyPair(): Promise<{ spki: Buffer; privatePem: string }> {
  const { publicKey, privateKey } = await makeKeyPair('ec', {
    namedCurve: 'P-256',
    publicKeyEncoding: { type: 'spki', format: 'der' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });
  return { spki: publicKey, privatePem: privateKey };
}

/** SHA-1 of the key's bits (RFC 5280, 4.2.1.2, method 1): the last element of a SubjectPublicKeyInfo, after its 26 bytes of header. */
const keyIdentifier = (spki: Buffer): string => createHash('sha1').update(spki.subarray(26)).digest('binary');

/** forge knows RSA keys only, so it assembles the certificate around the CA's, which is replaced before it is signed. */
function signedWithKey(leaf: forge.pki.Certificate, spki: Buffer, caKey: string): string {
  const { asn1, pki } = forge;
  leaf.signatureOid = pki.oids.sha256WithRSAEncryption as string;
  leaf.siginfo.algorithmOid = leaf.signatureOid;
  leaf.signature = '';
  const certificate = pki.certificateToAsn1(leaf);
  const [tbs, , signature] = certificate.value as [forge.asn1.Asn1, forge.asn1.Asn1, forge.asn1.Asn1];
  // TBSCertificate: version, serialNumber, signature, issuer, validity, subject, subjectPublicKeyInfo (RFC 5280, 4.1).
  (tbs.value as forge.asn1.Asn1[])[6] = asn1.fromDer(spki.toString('binary'));
  // A bit string's first octet counts its unused bits.
  signature.value = `\0${sign('sha256', Buffer.from(asn1.toDer(tbs).getBytes(), 'binary'), caKey).toString('binary')}`;
  return forge.pem.encode({ type: 'CERTIFICATE', body: asn1.toDer(certificate).getBytes() });
}

/** 127 random bits with the top bit clear and not zero: positive and unguessable (CA/Browser Forum BR 7.1 asks for 64). */
function newSerial(): string {
  const bytes = randomBytes(16);
  bytes[0] = ((bytes[0] as number) & 0x7f) | 0x40;
  return bytes.toString('hex');
}

async function createRoot(project: string, now: Date) {
  const { publicKey, privatePem } = await rsaKeyPair();
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
  const { spki, privatePem } = await ecKeyPair();
  const leaf = forge.pki.createCertificate();
  leaf.publicKey = issuer.publicKey;
  leaf.serialNumber = newSerial();
  leaf.validity.notBefore = new Date(now.getTime() - BACKDATE);
  leaf.validity.notAfter = new Date(Math.min(now.getTime() + spec.days * DAY, issuer.validity.notAfter.getTime()));
  // RFC 5280 limits a common name to 64 characters; clients read the alternative names only.
  // etcd takes the common name of a client for that of a user, and its gateway refuses one that has any: members have none.
  leaf.setSubject([{ shortName: spec.client && !spec.named ? 'OU' : 'CN', value: (spec.subjects[0] ?? spec.name).slice(0, 64) }]);
  leaf.setIssuer(issuer.subject.attributes);
  leaf.setExtensions([
    { name: 'basicConstraints', critical: true, cA: false },
    { name: 'keyUsage', critical: true, digitalSignature: true },
    { name: 'extKeyUsage', serverAuth: true, ...(spec.client && { clientAuth: true }) },
    {
      name: 'subjectAltName',
      altNames: spec.subjects.map((subject) => (isAddress(subject) ? { type: 7, ip: subject } : { type: 2, value: subject })),
    },
    { id: forge.pki.oids.subjectKeyIdentifier, value: `\x04\x14${keyIdentifier(spki)}` },
    { name: 'authorityKeyIdentifier', keyIdentifier: issuer.generateSubjectKeyIdentifier().getBytes() },
  ]);
  return {
    serial: leaf.serialNumber.toUpperCase(),
    certificate: signedWithKey(leaf, spki, ca.privateKey),
    chain: '',
    root: ca.certificate,
    privateKey: privatePem,
  };
}

const isAddress = (subject: string): boolean => subject.includes(':') || /^\d+\.\d+\.\d+\.\d+$/.test(subject);
