import { createPrivateKey, X509Certificate } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import type { CaRecord } from '../../src/certificates/ca/ca-record.ts';
import { internalCa } from '../../src/certificates/ca/internal-ca.ts';
import type { IssuedCertificate } from '../../src/certificates/ca/issuer.ts';
import { bundleOf, checkBundle } from '../../src/certificates/plan/import-check.ts';

const NOW = new Date('2026-06-01T00:00:00Z');
const DAY = 86_400_000;
const NAMES = ['a.example', '*.b.example', '10.0.0.1', '::1'];

let ca: CaRecord | undefined;
const store = {
  load: () => ca,
  save: (next: CaRecord) => {
    ca = next;
  },
};
const issue = (subjects = NAMES) => internalCa(store, 'test').issue({ name: 'x', subjects, issuer: 'internal-ca', days: 90 }, NOW);

let good: IssuedCertificate;
let other: IssuedCertificate;
beforeAll(async () => {
  good = await issue();
  other = await issue();
});

const check = (text: string, names = NAMES, now = NOW, password?: string) =>
  checkBundle(bundleOf(text, password), names, now, [new X509Certificate(good.root as string)]);
const kinds = (...args: Parameters<typeof check>) => check(...args).problems.map(({ kind }) => kind);

/** A key as openssl protects it. */
const locked = (password: string) =>
  createPrivateKey(good.privateKey).export({ format: 'pem', type: 'pkcs8', cipher: 'aes-256-cbc', passphrase: password }) as string;

describe('a bundle', () => {
  it('is put in order, whatever the order of its parts', () => {
    const parts = [good.certificate, good.chain, good.root as string, good.privateKey];
    const overrides = [
      [0, 1, 2, 3],
      [3, 2, 1, 0],
      [1, 3, 0, 2],
      [2, 0, 3, 1],
    ];
    for (const order of overrides) {
      const { chain, key, problems } = check(order.map((index) => parts[index]).join(''));
      expect(problems).toEqual([]);
      expect(chain.map(({ serialNumber }) => serialNumber)).toEqual([good.serial, new X509Certificate(good.chain).serialNumber]);
      expect(key?.equals(createPrivateKey(good.privateKey))).toBe(true);
    }
  });
  it('is read with Windows line ends, a byte-order mark, words between its parts, and what belongs to nothing', () => {
    const text = `\ufeffBag Attributes\n    friendlyName: x\n${good.certificate}subject=CN = x\n${good.chain}${good.privateKey}${other.certificate}`;
    expect(kinds(text.replaceAll('\n', '\r\n'))).toEqual([]);
  });
  it('is read with a key that a password protects, by the right one alone', () => {
    const text = good.certificate + good.chain + locked('geheim');
    expect(kinds(text, NAMES, NOW, 'geheim')).toEqual([]);
    expect(kinds(text, NAMES, NOW, 'falsch')).toEqual(['wrong-password']);
    expect(kinds(text)).toEqual(['wrong-password']);
  });
});

describe('what is wrong is told apart', () => {
  const all = () => good.certificate + good.chain + good.privateKey;
  it.each<[string, () => ReturnType<typeof kinds>, string[]]>([
    ['nothing at all', () => kinds(''), ['no-certificate']],
    ['a key alone', () => kinds(good.privateKey), ['no-certificate']],
    ['no key', () => kinds(good.certificate + good.chain), ['no-key']],
    ['another key', () => kinds(good.certificate + good.chain + other.privateKey), ['wrong-key']],
    ['no intermediate', () => kinds(good.certificate + good.privateKey), ['missing-intermediate']],
    ['expired', () => kinds(all(), NAMES, new Date(NOW.getTime() + 91 * DAY)), ['expired']],
    ['not valid yet', () => kinds(all(), NAMES, new Date(NOW.getTime() - DAY)), ['not-yet-valid', 'not-yet-valid']],
    ['other names', () => kinds(all(), ['a.example', 'c.example']), ['wrong-names']],
    ['a wildcard that reaches one level', () => kinds(all(), ['x.b.example', '*.b.example']), []],
    ['a wildcard below a wildcard', () => kinds(all(), ['x.y.b.example']), ['wrong-names']],
    ['an address in another spelling', () => kinds(all(), ['0:0:0:0:0:0:0:1', '10.0.0.1']), []],
    ['an address that it lacks', () => kinds(all(), ['10.0.0.2']), ['wrong-names']],
  ])('%s', (_name, told, expected) => {
    expect(told()).toEqual(expected);
  });
  it('a key that is too weak, and a signature that nobody believes', () => {
    const weak = bundleOf(WEAK, undefined);
    const { problems } = checkBundle(weak, ['weak.example'], new Date('2027-01-01T00:00:00Z'), []);
    expect(problems.map(({ kind }) => kind)).toEqual(['no-key', 'weak-key', 'weak-signature']);
  });
});

/** openssl req -x509 -newkey rsa:1024 -sha1 -days 36500 -subj /CN=weak.example -addext subjectAltName=DNS:weak.example */
const WEAK = `-----BEGIN CERTIFICATE-----
MIICJTCCAY6gAwIBAgIUfaCjR2+g8fTl4zD2EGeImO5gt9cwDQYJKoZIhvcNAQEF
BQAwFzEVMBMGA1UEAwwMd2Vhay5leGFtcGxlMCAXDTI2MTEyNTAwMDk1MVoYDzIx
MjYxMTAxMDAwOTUxWjAXMRUwEwYDVQQDDAx3ZWFrLmV4YW1wbGUwgZ8wDQYJKoZI
hvcNAQEBBQADgY0AMIGJAoGBALGQsq01y6GrJNi7h3JLTRblQzI7MJQnp/jh3oqC
f2Jes/NVoXb7fn0XxPrq6CXoyLk8QXWPUrd2zN9ElxCrFQOtAB2DKuJ1k0H5yYxu
GviWUxNtbVBOA4F/cPLaDcJNzLkj96IQ4PIrC1CMVleA6MM58Rfnkg1uIt32lA+P
gETPAgMBAAGjbDBqMB0GA1UdDgQWBBSYZbbaQr/jvUgSDkADfaVSoi+J6jAfBgNV
HSMEGDAWgBSYZbbaQr/jvUgSDkADfaVSoi+J6jAPBgNVHRMBAf8EBTADAQH/MBcG
A1UdEQQQMA6CDHdlYWsuZXhhbXBsZTANBgkqhkiG9w0BAQUFAAOBgQCjAPI8D+/k
5UudnN9K9TPVNJ+dHrycBw+12FJS97GmtksYLhupq8/zHiqkV0CpFolQcAwbf5H/
Ojxzidp8mP0WdXTYP8fzJe5VxgRFv+1hdt33Q2enGlcmL2n9JiiQue9W75hFQTCd
YNl4i3k+7BArYkW4ltVb84YDKxup0Ls0jw==
-----END CERTIFICATE-----
`;
