import { createPrivateKey, X509Certificate } from 'node:crypto';
import forge from 'node-forge';
import { UserError } from '../../core/errors.ts';
import type { IssuedCertificate } from './issuer.ts';

/**
 * A PKCS#12 file of a certificate with an RSA key, its chain and its root. Encrypted as every phone and browser reads it
 * (3DES, SHA-1 for its integrity): what protects it is a password that cannot be guessed.
 */
export function writePkcs12(issued: IssuedCertificate, name: string, password: string): Buffer {
  const chain = issued.certificate + issued.chain + (issued.root ?? '');
  const certificates = (chain.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? []).map((pem) =>
    forge.pki.certificateFromPem(pem),
  );
  const container = forge.pkcs12.toPkcs12Asn1(forge.pki.privateKeyFromPem(rsaPem(issued.privateKey)), certificates, password, {
    friendlyName: name,
    algorithm: '3des',
    count: 20_000,
  });
  return Buffer.from(forge.asn1.toDer(container).getBytes(), 'binary');
}

const rsaPem = (pem: string): string => createPrivateKey(pem).export({ format: 'pem', type: 'pkcs1' }) as string;

/** Certificates and key of a PKCS#12 file, of any kind of key. @throws UserError where the password is wrong, or it is none */
export function readPkcs12(file: Buffer, password: string): { certificates: string[]; keys: string[] } {
  let container: forge.pkcs12.Pkcs12Pfx;
  try {
    container = openContainer(forge.asn1.fromDer(file.toString('binary')), password);
  } catch (error) {
    const wrong = /mac could not be verified|invalid password/i.test((error as Error).message);
    throw new UserError(
      'CERTIFICATE_REFUSED',
      wrong
        ? 'the password does not open the PKCS#12 file; nothing was changed'
        : `this is no PKCS#12 file that can be read: ${(error as Error).message}`,
      wrong ? 'give the right one: --password-file FILE' : 'export it again, or as PEM: openssl pkcs12 -in FILE -nodes',
      { cause: error },
    );
  }
  const bags = container.safeContents.flatMap(({ safeBags }) => safeBags) as (forge.pkcs12.Bag & { asn1?: forge.asn1.Asn1 })[];
  const der = (asn1: forge.asn1.Asn1) => Buffer.from(forge.asn1.toDer(asn1).getBytes(), 'binary');
  const { certBag, keyBag, pkcs8ShroudedKeyBag } = forge.pki.oids;
  return {
    // forge keeps what it does not know, such as EC keys, as it stands.
    certificates: bags
      .filter(({ type }) => type === certBag)
      .map((bag) => new X509Certificate(der(bag.cert ? forge.pki.certificateToAsn1(bag.cert) : (bag.asn1 as forge.asn1.Asn1))).toString()),
    keys: bags
      .filter(({ type }) => type === keyBag || type === pkcs8ShroudedKeyBag)
      .map((bag) => {
        const key = bag.key
          ? createPrivateKey(forge.pki.privateKeyToPem(bag.key))
          : createPrivateKey({ key: der(bag.asn1 as forge.asn1.Asn1), format: 'der', type: 'pkcs8' });
        return key.export({ format: 'pem', type: 'pkcs8' }) as string;
      }),
  };
}

/** Its integrity is proven with the password in UTF-16, and newer encryptions take it in UTF-8, which forge leaves to its caller. */
function openContainer(asn1: forge.asn1.Asn1, password: string): forge.pkcs12.Pkcs12Pfx {
  try {
    return forge.pkcs12.pkcs12FromAsn1(asn1, password);
  } catch (error) {
    const utf8 = forge.util.encodeUtf8(password);
    if (utf8 === password || !/Failed to decrypt/.test((error as Error).message)) throw error;
    (asn1.value as forge.asn1.Asn1[]).splice(2);
    return forge.pkcs12.pkcs12FromAsn1(asn1, utf8);
  }
}

/** Rounds of PBKDF2: a guess costs a tenth of a second. */
const ROUNDS = 100_000;

/** A root with its key, the key encrypted with a passphrase (PBES2, AES-256), in one PEM file. */
export function sealRoot(root: { certificate: string; privateKey: string }, passphrase: string): string {
  const der = createPrivateKey(root.privateKey).export({ format: 'der', type: 'pkcs8' });
  const sealed = forge.pki.encryptPrivateKeyInfo(forge.asn1.fromDer(der.toString('binary')), passphrase, {
    algorithm: 'aes256',
    count: ROUNDS,
    saltSize: 16,
    prfAlgorithm: 'sha256',
  });
  return `${root.certificate}${forge.pki.encryptedPrivateKeyToPem(sealed).replaceAll('\r\n', '\n')}`;
}
