import { createPrivateKey, type KeyObject, type X509Certificate } from 'node:crypto';
import { certificatesIn, chainFrom, isSelfSigned, isSignedBy } from './chain.ts';
import { normalAddress } from './renewal.ts';

export type ProblemKind =
  | 'no-certificate'
  | 'no-key'
  | 'wrong-password'
  | 'wrong-key'
  | 'missing-intermediate'
  | 'expired'
  | 'not-yet-valid'
  | 'wrong-names'
  | 'weak-key'
  | 'weak-signature'
  | 'wrong-use';

export interface Problem {
  kind: ProblemKind;
  message: string;
  fix: string;
}

/** What was found in the files that an operator named, in whatever order and spelling. */
export interface Bundle {
  certificates: X509Certificate[];
  keys: KeyObject[];
  /** Keys that a password protects and that none opened. */
  locked: number;
}

const BLOCK = /-----BEGIN ([A-Z0-9 ]+)-----[^-]+-----END \1-----/g;

/** Certificates and keys of a text, whatever stands between them: a byte-order mark, Windows line ends, `Bag Attributes`. */
export function bundleOf(text: string, password: string | undefined): Bundle {
  const bundle: Bundle = { certificates: [], keys: [], locked: 0 };
  for (const [block, label = ''] of text.replaceAll('\r', '').replaceAll('\ufeff', '').matchAll(BLOCK)) {
    if (/CERTIFICATE$/.test(label) && !label.includes('REQUEST'))
      bundle.certificates.push(...certificatesIn(block.replace(label, 'CERTIFICATE').replace(`END ${label}`, 'END CERTIFICATE')));
    if (!label.endsWith('PRIVATE KEY')) continue;
    try {
      bundle.keys.push(createPrivateKey({ key: block, ...(password !== undefined && { passphrase: password }) }));
    } catch {
      bundle.locked++;
    }
  }
  return bundle;
}

export interface Checked {
  /** From the leaf upwards, without a root. */
  chain: X509Certificate[];
  key: KeyObject | undefined;
  problems: Problem[];
}

/**
 * What can be said of a bundle: its chain in order, the key that fits, and everything that is wrong with it.
 * @param roots that clients know
 */
export function checkBundle(bundle: Bundle, names: readonly string[], now: Date, roots: readonly X509Certificate[]): Checked {
  const { certificates, keys, locked } = bundle;
  const pairs = certificates.flatMap((certificate) =>
    keys.flatMap((key) => (certificate.checkPrivateKey(key) ? [{ certificate, key }] : [])),
  );
  const leaf = pairs.find(({ certificate }) => !certificate.ca) ?? pairs[0];
  const likely = leaf?.certificate ?? certificates.find((one) => !one.ca) ?? certificates[0];
  if (!likely)
    return {
      chain: [],
      key: undefined,
      problems: [problem('no-certificate', 'there is no certificate in what was given', 'name the file that your CA sent')],
    };
  const chain = chainFrom(likely, certificates);
  const problems = [
    ...keyProblems(leaf !== undefined, keys.length, locked),
    ...chainProblems(chain, roots),
    ...leafProblems(likely, names, now),
    ...chain.slice(1).flatMap((certificate) => dateProblems(certificate, now)),
  ];
  return { chain, key: leaf?.key, problems };
}

const problem = (kind: ProblemKind, message: string, fix: string): Problem => ({ kind, message, fix });

function keyProblems(fits: boolean, keys: number, locked: number): Problem[] {
  if (fits) return [];
  if (locked > 0)
    return [
      problem('wrong-password', 'the key is protected by a password that was not given, or another one', 'give it: --password-file FILE'),
    ];
  return keys === 0
    ? [problem('no-key', 'there is no private key in what was given, and none of `certs csr` fits', 'name its file too')]
    : [
        problem(
          'wrong-key',
          'the private key belongs to another certificate',
          'name the key that the request for this certificate was made with',
        ),
      ];
}

const commonName = (text: string): string => /(?:^|\n)CN=(.*)/.exec(text)?.[1] ?? text.replaceAll('\n', ', ');

function chainProblems(chain: readonly X509Certificate[], roots: readonly X509Certificate[]): Problem[] {
  const last = chain.at(-1) as X509Certificate;
  if (isSelfSigned(last) || roots.some((root) => isSignedBy(last, root))) return [];
  return [
    problem(
      'missing-intermediate',
      `nothing in what was given has signed ${commonName(last.subject)}: the certificate of ${commonName(last.issuer)} is missing`,
      'name the file with the intermediates (the CA’s “chain” or “bundle”); the root of a CA of your own: --ca FILE',
    ),
  ];
}

function dateProblems(certificate: X509Certificate, now: Date): Problem[] {
  const name = commonName(certificate.subject);
  if (new Date(certificate.validTo) <= now)
    return [problem('expired', `${name} expired on ${day(certificate.validTo)}`, 'ask the CA for a new one')];
  if (new Date(certificate.validFrom) > now)
    return [
      problem(
        'not-yet-valid',
        `${name} is good from ${day(certificate.validFrom)} on, and not before`,
        'wait until then; or correct this host’s clock',
      ),
    ];
  return [];
}

const day = (text: string): string => new Date(text).toISOString().slice(0, 10);

const SERVER_AUTH = '1.3.6.1.5.5.7.3.1';
const CURVES = ['prime256v1', 'secp384r1', 'secp521r1'];
/** DER of the object identifiers: MD5 and SHA-1 with RSA, SHA-1 with ECDSA and DSA. */
const WEAK_SIGNATURES = ['2a864886f70d010104', '2a864886f70d010105', '2a8648ce3d0401', '2a8648ce380403'];

function leafProblems(leaf: X509Certificate, names: readonly string[], now: Date): Problem[] {
  const missing = names.filter((name) => !isFor(leaf, name));
  const { asymmetricKeyType: type, asymmetricKeyDetails: details } = leaf.publicKey;
  const weak =
    type === 'rsa' || type === 'rsa-pss'
      ? (details?.modulusLength ?? 0) < 2048
      : type === 'ec' && !CURVES.includes(details?.namedCurve ?? '');
  const size = type === 'ec' ? details?.namedCurve : `${details?.modulusLength} bits`;
  return [
    ...dateProblems(leaf, now),
    ...(missing.length > 0
      ? [
          problem(
            'wrong-names',
            `it is for ${(leaf.subjectAltName ?? 'no name').replaceAll(/(DNS|IP Address):/g, '')}, not for ${missing.join(', ')}`,
            'ask for one with these names (medianest certs csr), or change `edge.domains`',
          ),
        ]
      : []),
    ...(weak
      ? [
          problem(
            'weak-key',
            `its key is too weak (${type}, ${size})`,
            'ask for one with RSA of 2048 bits or more, or P-256 (medianest certs csr)',
          ),
        ]
      : []),
    ...(isWeaklySigned(leaf)
      ? [
          problem(
            'weak-signature',
            'it is signed with SHA-1 or MD5, which no browser believes',
            'ask the CA for one that is signed with SHA-256',
          ),
        ]
      : []),
    ...(leaf.keyUsage && !leaf.keyUsage.includes(SERVER_AUTH)
      ? [problem('wrong-use', 'it may not be used by a server', 'ask the CA for a server’s certificate')]
      : []),
  ];
}

function isFor(leaf: X509Certificate, name: string): boolean {
  const listed = (leaf.subjectAltName ?? '').split(', ').map((entry) => entry.replace(/^(DNS|IP Address):/, ''));
  if (name.startsWith('*.')) return listed.includes(name);
  if (name.includes(':') || /^\d+(\.\d+){3}$/.test(name)) return listed.some((entry) => /[:.]/.test(entry) && sameAddress(entry, name));
  return leaf.checkHost(name, { subject: 'never' }) !== undefined;
}

function sameAddress(a: string, b: string): boolean {
  try {
    return normalAddress(a) === normalAddress(b);
  } catch {
    return false;
  }
}

/** The algorithm stands behind the signed part: SEQUENCE { tbs, SEQUENCE { OID ... } ... }. */
function isWeaklySigned({ raw }: X509Certificate): boolean {
  const length = (at: number): [header: number, length: number] => {
    const first = raw[at + 1] as number;
    return first < 128 ? [2, first] : [2 + (first & 127), raw.readUIntBE(at + 2, first & 127)];
  };
  const [outer] = length(0);
  const [header, size] = length(outer);
  const algorithm = outer + header + size;
  const oid = algorithm + length(algorithm)[0];
  return WEAK_SIGNATURES.includes(raw.subarray(oid + 2, oid + 2 + (raw[oid + 1] as number)).toString('hex'));
}
