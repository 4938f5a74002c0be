import { createHash, createHmac, createPrivateKey, randomBytes, timingSafeEqual, X509Certificate } from 'node:crypto';
import {
  type BaseBlock,
  BmpString,
  Constructed,
  fromBER,
  Integer,
  Null,
  ObjectIdentifier,
  OctetString,
  Primitive,
  Sequence,
  Set as SetOf,
} from 'asn1js';
import { UserError } from '../../core/errors.ts';
import type { IssuedCertificate } from './issuer.ts';
import { bytesOf, decrypt, deriveKey, encryptAes, encryptTripleDes, inside, listed, oidOf, roundsOf } from './password-ciphers.ts';

const DATA = '1.2.840.113549.1.7.1';
const ENCRYPTED_DATA = '1.2.840.113549.1.7.6';
const KEY_BAG = '1.2.840.113549.1.12.10.1.1';
const SHROUDED_KEY_BAG = '1.2.840.113549.1.12.10.1.2';
const CERTIFICATE_BAG = '1.2.840.113549.1.12.10.1.3';
const X509 = '1.2.840.113549.1.9.22.1';
const FRIENDLY_NAME = '1.2.840.113549.1.9.20';
const LOCAL_KEY_ID = '1.2.840.113549.1.9.21';
const SHA1 = '1.3.14.3.2.26';
const DIGESTS: Readonly<Record<string, string>> = {
  [SHA1]: 'sha1',
  '2.16.840.1.101.3.4.2.4': 'sha224',
  '2.16.840.1.101.3.4.2.1': 'sha256',
  '2.16.840.1.101.3.4.2.2': 'sha384',
  '2.16.840.1.101.3.4.2.3': 'sha512',
};
/** Of the key and of the integrity of a file whose password is generated. */
const FILE_ROUNDS = 20_000;
/** Of a root's key: a guess at the passphrase costs a tenth of a second. */
const ROOT_ROUNDS = 100_000;

const sequence = (...value: BaseBlock[]) => new Sequence({ value });
const oid = (value: string) => new ObjectIdentifier({ value });
const octets = (valueHex: Buffer) => new OctetString({ valueHex });
const tagged = (...value: BaseBlock[]) => new Constructed({ idBlock: { tagClass: 3, tagNumber: 0 }, value });
const der = (block: BaseBlock) => Buffer.from(block.toBER());
const data = (contents: BaseBlock) => sequence(oid(DATA), tagged(octets(der(contents))));

function parse(bytes: Buffer): BaseBlock {
  const { offset, result } = fromBER(bytes);
  if (offset === -1) throw new Error(result.error || 'it is no ASN.1');
  return result;
}

const pkcs8 = (pem: string): Buffer => createPrivateKey(pem).export({ format: 'der', type: 'pkcs8' });

/**
 * A PKCS#12 file of a certificate with its key, its chain and its root. Encrypted as every phone and browser reads it
 * (3DES, SHA-1 for its integrity): what protects it is a password that cannot be guessed.
 */
export function writePkcs12(issued: IssuedCertificate, name: string, password: string): Buffer {
  const chain = issued.certificate + issued.chain + (issued.root ?? '');
  const certificates = (chain.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? []).map(
    (pem) => new X509Certificate(pem).raw,
  );
  const attribute = (type: string, value: BaseBlock) => sequence(oid(type), new SetOf({ value: [value] }));
  // The certificate that the key belongs to, and the key, are found by the same attributes.
  const attributes = new SetOf({
    value: [
      attribute(FRIENDLY_NAME, new BmpString({ value: name })),
      attribute(
        LOCAL_KEY_ID,
        octets(
          createHash('sha1')
            .update(certificates[0] as Buffer)
            .digest(),
        ),
      ),
    ],
  });
  const bag = (type: string, value: BaseBlock, own: boolean) => sequence(oid(type), tagged(value), ...(own ? [attributes] : []));
  const certificateBags = certificates.map((raw, i) => bag(CERTIFICATE_BAG, sequence(oid(X509), tagged(octets(raw))), i === 0));
  const keyBag = bag(SHROUDED_KEY_BAG, encryptTripleDes(pkcs8(issued.privateKey), password, FILE_ROUNDS), true);
  const contents = der(sequence(data(sequence(...certificateBags)), data(sequence(keyBag))));
  const salt = randomBytes(8);
  const mac = createHmac('sha1', deriveKey('sha1', password, salt, 'mac', FILE_ROUNDS, 20))
    .update(contents)
    .digest();
  const macData = sequence(sequence(sequence(oid(SHA1), new Null()), octets(mac)), octets(salt), new Integer({ value: FILE_ROUNDS }));
  return der(sequence(new Integer({ value: 3 }), sequence(oid(DATA), tagged(octets(contents))), macData));
}

/** Certificates and key of a PKCS#12 file, of any kind of key. @throws UserError where the password is wrong, or it is none */
export function readPkcs12(file: Buffer, password: string): { certificates: string[]; keys: string[] } {
  try {
    const bags = bagsOf(parse(file), password);
    const values = (type: string) => bags.filter((bag) => oidOf(inside(bag, 0)) === type).map((bag) => inside(bag, 1, 0));
    const shrouded = values(SHROUDED_KEY_BAG).map((value) => opened(inside(value, 0), bytesOf(inside(value, 1)), password));
    return {
      certificates: values(CERTIFICATE_BAG).map(certificateIn),
      keys: [...values(KEY_BAG).map(der), ...shrouded].map(
        (key) => createPrivateKey({ key, format: 'der', type: 'pkcs8' }).export({ format: 'pem', type: 'pkcs8' }) as string,
      ),
    };
  } catch (error) {
    const wrong = error instanceof WrongPassword;
    throw new UserError(
      'CERTIFICATE_REFUSED',
      wrong
        ? 'the password does not open the PKCS#12 file; nothing was changed'
        : `this is no PKCS#12 file that can be read: ${(error as Error).message}`,
      wrong ? 'give the right one: --password-file FILE' : 'export it again, or as PEM: openssl pkcs12 -in FILE -nodes',
      { cause: error },
    );
  }
}

class WrongPassword extends Error {}

/** Padding that is right by chance, as one in 256 is, hides no ASN.1. */
function opened(algorithm: BaseBlock, bytes: Buffer, password: string): Buffer {
  const plain = decrypt(algorithm, bytes, password);
  if (!plain || fromBER(plain).offset === -1) throw new WrongPassword();
  return plain;
}

function certificateIn(bag: BaseBlock): string {
  if (oidOf(inside(bag, 0)) !== X509) throw new Error('a certificate in it is none of X.509');
  return new X509Certificate(bytesOf(inside(bag, 1, 0))).toString();
}

function bagsOf(file: BaseBlock, password: string): BaseBlock[] {
  if (oidOf(inside(file, 1, 0)) !== DATA) throw new Error('its integrity is proven by a signature, not by a password');
  const contents = bytesOf(inside(file, 1, 1, 0));
  const mac = listed(file)[2];
  if (mac) proveMac(mac, contents, password);
  return listed(parse(contents)).flatMap((part) => listed(parse(contentsOf(part, password))));
}

function proveMac(mac: BaseBlock, contents: Buffer, password: string): void {
  const name = oidOf(inside(mac, 0, 0, 0));
  const digest = Object.hasOwn(DIGESTS, name) ? DIGESTS[name] : undefined;
  if (!digest) throw new Error(`its integrity is proven by ${name}, which is not known here`);
  const expected = bytesOf(inside(mac, 0, 1));
  const rounds = listed(mac)[2];
  const key = deriveKey(digest, password, bytesOf(inside(mac, 1)), 'mac', rounds ? roundsOf(rounds) : 1, expected.length);
  const real = createHmac(digest, key).update(contents).digest();
  if (real.length !== expected.length || !timingSafeEqual(real, expected)) throw new WrongPassword();
}

/** What is in one part of the file: plain, or encrypted with the password. */
function contentsOf(part: BaseBlock, password: string): Buffer {
  const type = oidOf(inside(part, 0));
  if (type === DATA) return bytesOf(inside(part, 1, 0));
  if (type !== ENCRYPTED_DATA) throw new Error(`a part of it is ${type}, which a password does not open`);
  const encrypted = inside(part, 1, 0, 1);
  const last = inside(encrypted, 2);
  // Tagged implicitly: in one piece, or in several.
  const bytes = last instanceof Primitive ? Buffer.from(last.valueBlock.valueHexView) : Buffer.concat(listed(last).map(bytesOf));
  return opened(inside(encrypted, 1), bytes, password);
}

/** A root with its key, the key encrypted with a passphrase (PBES2, AES-256), in one PEM file. */
export function sealRoot(root: { certificate: string; privateKey: string }, passphrase: string): string {
  const sealed = der(encryptAes(pkcs8(root.privateKey), passphrase, ROOT_ROUNDS)).toString('base64');
  const lines = (sealed.match(/.{1,64}/g) ?? []).join('\n');
  return `${root.certificate}-----BEGIN ENCRYPTED PRIVATE KEY-----\n${lines}\n-----END ENCRYPTED PRIVATE KEY-----\n`;
}
