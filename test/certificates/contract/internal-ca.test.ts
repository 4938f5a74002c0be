import { X509Certificate } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { issuerNamed } from '../../../src/certificates/ca/index.ts';
import { type CaStore, internalCa } from '../../../src/certificates/ca/internal-ca.ts';
import { run } from '../../support/cli.ts';
import { temporaryFolder } from '../../support/temporary.ts';

const NOW = new Date('2026-01-01T00:00:00Z');
const DAY = 86_400_000;
const spec = (more = {}) => ({ name: 'edge', subjects: ['a.example', '::1'], issuer: 'internal-ca', days: 90, ...more });

function memory(): CaStore & { kept: ReturnType<CaStore['load']>; saves: number } {
  const store = {
    kept: undefined as ReturnType<CaStore['load']>,
    saves: 0,
    load: () => store.kept,
    save: (ca: NonNullable<ReturnType<CaStore['load']>>) => {
      store.saves++;
      store.kept = ca;
    },
  };
  return store;
}

/** A certificate as openssl prints it. */
async function printed(pem: string): Promise<string> {
  const file = path.join(temporaryFolder('ca'), 'x.pem');
  writeFileSync(file, pem);
  const { stdout } = await run('openssl', ['x509', '-in', file, '-noout', '-text']);
  return stdout.replace(/\s+/g, ' ');
}

describe('the internal CA', () => {
  const store = memory();
  const first = internalCa(store, 'home').issue(spec(), NOW);

  it('marks the root as an authority that may sign certificates and lists of revoked ones, and nothing else', async () => {
    const text = await printed((await first).root ?? '');
    expect(text).toContain('X509v3 Basic Constraints: critical CA:TRUE');
    expect(text).toContain('X509v3 Key Usage: critical Certificate Sign, CRL Sign X509v3');
    expect(text).toMatch(/Public-Key: \(3072 bit\).*X509v3 Subject Key Identifier/);
    expect(text).toContain('Signature Algorithm: sha256WithRSAEncryption');
  });
  it('signs with an intermediate that may sign leaves and nothing else', async () => {
    const text = await printed((await first).chain);
    expect(text).toContain('X509v3 Basic Constraints: critical CA:TRUE, pathlen:0');
    expect(text).toContain('X509v3 Key Usage: critical Certificate Sign, CRL Sign X509v3');
    expect(new X509Certificate((await first).chain).checkIssued(new X509Certificate((await first).root ?? ''))).toBe(true);
  });
  it('marks the certificate as one for servers, of this intermediate', async () => {
    const { certificate, chain } = await first;
    const [leaf, ca] = [await printed(certificate), await printed(chain)];
    expect(leaf).toContain('X509v3 Basic Constraints: critical CA:FALSE');
    expect(leaf).toContain('X509v3 Key Usage: critical Digital Signature X509v3');
    expect(leaf).toContain('X509v3 Extended Key Usage: TLS Web Server Authentication X509v3');
    expect(leaf).toMatch(/Public Key Algorithm: id-ecPublicKey .*ASN1 OID: prime256v1/);
    const identifier = /Subject Key Identifier: ([0-9A-F:]+)/.exec(ca)?.[1];
    expect(/Authority Key Identifier: (?:keyid:)?([0-9A-F:]+)/.exec(leaf)?.[1]).toBe(identifier);
    expect(leaf).toContain('X509v3 Subject Alternative Name: DNS:a.example, IP Address:0:0:0:0:0:0:0:1');
  });
  it('makes its root once', async () => {
    const { root } = await first;
    const again = await internalCa(store, 'home').issue(spec({ subjects: ['b.example'] }), new Date(NOW.getTime() + DAY));
    expect([again.root, store.kept?.certificate]).toEqual([root, root]);
    expect(new X509Certificate(again.certificate).checkIssued(new X509Certificate(again.chain))).toBe(true);
  });
  it('never signs for longer than its intermediate lives, which is renewed, and that for no longer than its root lives', async () => {
    await first;
    const own = memory();
    own.kept = store.kept;
    const end = (pem: string | undefined) => new Date(new X509Certificate(pem ?? '').validTo);
    const rootEnd = end(own.kept?.certificate);
    const late = await internalCa(own, 'home').issue(spec(), new Date(rootEnd.getTime() - 10 * DAY));
    expect([end(late.certificate), end(late.chain)]).toEqual([rootEnd, rootEnd]);
    expect(own.kept?.intermediate?.certificate).not.toBe(store.kept?.intermediate?.certificate);
  });
  it('refuses to sign with a root that has expired, and says what to do', async () => {
    await first;
    const rootEnd = new Date(new X509Certificate(store.kept?.certificate ?? '').validTo);
    await expect(internalCa(store, 'home').issue(spec(), rootEnd)).rejects.toMatchObject({
      code: 'CERTIFICATE_FAILED',
      message: expect.stringContaining('expired on 2035-12-30'),
      hint: expect.stringContaining('ca/root.json'),
    });
  });
  it('takes a name longer than a common name may be', async () => {
    const long = `${'a'.repeat(60)}.${'b'.repeat(60)}.example`;
    const { certificate } = await internalCa(store, 'home').issue(spec({ subjects: [long] }), NOW);
    expect(new X509Certificate(certificate).checkHost(long)).toBe(long);
  });
  it('gives each certificate a positive serial of its own', async () => {
    const { certificate } = await first;
    expect(new X509Certificate(certificate).serialNumber).toMatch(/^[4-7]/);
    const serials = await Promise.all(Array.from({ length: 8 }, () => internalCa(store, 'home').issue(spec(), NOW)));
    expect(new Set(serials.map((issued) => issued.serial)).size).toBe(8);
  });
});

it('refuses an issuer that does not exist, naming those that do', () => {
  expect(() => issuerNamed('acmee', memory(), 'home')).toThrow(/no certificate issuer acmee/);
});
