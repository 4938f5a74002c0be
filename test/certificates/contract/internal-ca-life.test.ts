import { createPrivateKey, X509Certificate } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import tls from 'node:tls';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  finishRotation,
  removeRootKey,
  restoreRootKey,
  revoke,
  rotateIntermediate,
  rotateRoot,
} from '../../../src/certificates/ca/ca-changes.ts';
import { type CaRecord, trustedRoots } from '../../../src/certificates/ca/ca-record.ts';
import { issueClient } from '../../../src/certificates/ca/client.ts';
import { internalCa } from '../../../src/certificates/ca/internal-ca.ts';
import type { IssuedCertificate } from '../../../src/certificates/ca/issuer.ts';
import { ocspResponse } from '../../../src/certificates/ca/ocsp.ts';
import { readPkcs12, sealRoot, writePkcs12 } from '../../../src/certificates/ca/pkcs12.ts';
import { renewalCause } from '../../../src/certificates/plan/renewal.ts';
import { run } from '../../support/cli.ts';
import { temporaryFolder } from '../../support/temporary.ts';

const NOW = new Date();
const DAY = 86_400_000;
const SPEC = { name: 'edge', subjects: ['localhost'], issuer: 'internal-ca', days: 90 };

function memory() {
  const store = {
    ca: undefined as CaRecord | undefined,
    load: () => store.ca,
    save: (ca: CaRecord) => {
      store.ca = ca;
    },
  };
  return store;
}

const dir = temporaryFolder('ca-life');
const file = (name: string, contents: string | Buffer): string => {
  writeFileSync(path.join(dir, name), contents);
  return path.join(dir, name);
};
const verify = async (leaf: IssuedCertificate, roots: string[], ...more: string[]) => {
  const args = [
    'verify',
    '-x509_strict',
    '-CAfile',
    file('roots.pem', roots.join('')),
    '-untrusted',
    file('chain.pem', leaf.chain),
    ...more,
  ];
  const { status, stdout, stderr } = await run('openssl', [...args, file('leaf.pem', leaf.certificate)]);
  return status === 0 ? 'OK' : `${stdout}${stderr}`;
};

/** Whether a client that trusts these roots gets through to a server with this certificate. */
async function connects(leaf: IssuedCertificate, roots: string[]): Promise<boolean> {
  const server = tls.createServer({ cert: leaf.certificate + leaf.chain, key: leaf.privateKey });
  server.on('tlsClientError', () => {});
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  const outcome = await new Promise<boolean>((resolve) => {
    const socket = tls.connect({ host: '127.0.0.1', port, servername: 'localhost', ca: roots }, () => {
      resolve(true);
      socket.destroy();
    });
    socket.on('error', () => resolve(false));
  });
  server.close();
  return outcome;
}

describe('rotation', () => {
  const store = memory();
  const leaf = () => internalCa(store, 'home').issue(SPEC, NOW);
  let before: IssuedCertificate;
  let oldRoot: string;
  beforeAll(async () => {
    before = await leaf();
    oldRoot = before.root as string;
  });

  it('of the intermediate asks nobody to trust anything new', async () => {
    await rotateIntermediate(store, 'home', NOW);
    const after = await leaf();
    expect(after.chain).not.toBe(before.chain);
    expect([await verify(before, [oldRoot]), await verify(after, [oldRoot])]).toEqual(['OK', 'OK']);
  });
  it('of the root keeps old and new certificates good for whoever trusts either root', async () => {
    await rotateRoot(store, 'home', NOW);
    const after = await leaf();
    const newRoot = after.root as string;
    expect(newRoot).not.toBe(oldRoot);
    expect(trustedRoots(store.ca as CaRecord)).toEqual([newRoot, oldRoot]);
    for (const roots of [[oldRoot], [newRoot], [newRoot, oldRoot]]) {
      expect(await verify(after, roots)).toBe('OK');
      expect(await connects(after, roots)).toBe(true);
    }
    expect(await connects(before, [newRoot, oldRoot])).toBe(true);
    await expect(rotateRoot(store, 'home', NOW)).rejects.toThrow(/predecessor is still trusted/);
  });
  it('ends with the new root alone, and what the old one signed is to be replaced', async () => {
    await finishRotation(store, NOW);
    const after = await leaf();
    const roots = trustedRoots(store.ca as CaRecord);
    expect(roots).toEqual([after.root]);
    expect(await connects(after, roots)).toBe(true);
    expect(await connects(before, roots)).toBe(false);
    expect(renewalCause(SPEC, before.certificate + before.chain, NOW, { roots, revoked: [] })).toMatch(/authority that is not trusted/);
    expect(renewalCause(SPEC, after.certificate + after.chain, NOW, { roots, revoked: [] })).toBeUndefined();
    await expect(finishRotation(store, NOW)).rejects.toThrow(/no change of the root is under way/);
  });
});

describe('the root’s key', () => {
  it('leaves the host sealed with a passphrase, and is not missed until the intermediate is old', async () => {
    const store = memory();
    const first = await internalCa(store, 'home').issue(SPEC, NOW);
    const ca = store.ca as CaRecord & { privateKey: string };
    const sealed = sealRoot(ca, 'correct horse battery staple');
    expect(sealed).not.toContain(ca.privateKey.split('\n')[2]);
    expect(() => createPrivateKey({ key: sealed, passphrase: 'wrong' })).toThrow();
    removeRootKey(store, ca);
    expect(JSON.stringify(store.ca)).not.toContain(ca.privateKey.split('\n')[2]);
    const again = await internalCa(store, 'home').issue(SPEC, new Date(NOW.getTime() + 1000 * DAY));
    expect([again.root, again.chain]).toEqual([first.root, first.chain]);
    await expect(rotateIntermediate(store, 'home', NOW)).rejects.toThrow(/key is not on this host/);
    await expect(internalCa(store, 'home').issue(SPEC, new Date(NOW.getTime() + 2000 * DAY))).rejects.toThrow(/needs a new intermediate/);
    const privateKey = createPrivateKey({ key: sealed, passphrase: 'correct horse battery staple' }).export({
      format: 'pem',
      type: 'pkcs8',
    });
    restoreRootKey(store, { certificate: new X509Certificate(sealed).toString(), privateKey: privateKey as string });
    await rotateIntermediate(store, 'home', NOW);
  });
});

describe('a certificate for a client', () => {
  const store = memory();
  let client: IssuedCertificate;
  beforeAll(async () => {
    client = await issueClient(store, 'home', 'anna@phone', 365, NOW);
  });

  it('is good for clients alone, and no longer once it is revoked', async () => {
    const roots = [client.root as string];
    expect(await verify(client, roots, '-purpose', 'sslclient')).toBe('OK');
    expect(await verify(client, roots, '-purpose', 'sslserver')).toMatch(/unsuitable certificate purpose/);
    await revoke(store, 'home', client.serial, 'keyCompromise', NOW);
    const lists = ['-crl_check_all', '-CRLfile', file('lists.pem', store.ca?.lists ?? '')];
    expect(await verify(client, roots, ...lists)).toMatch(/certificate revoked/);
    expect(await verify(await internalCa(store, 'home').issue(SPEC, NOW), roots, ...lists)).toBe('OK');
  });
  it('is good after the root was changed, and can still be revoked', async () => {
    const own = memory();
    const before = await issueClient(own, 'home', 'tv', 365, NOW);
    await rotateRoot(own, 'home', NOW);
    const roots = trustedRoots(own.ca as CaRecord);
    const lists = () => ['-crl_check_all', '-CRLfile', file('lists.pem', own.ca?.lists ?? '')];
    expect(await verify(before, roots, ...lists())).toBe('OK');
    expect(await verify(await issueClient(own, 'home', 'tv', 365, NOW), roots, ...lists())).toBe('OK');
    await revoke(own, 'home', before.serial, 'superseded', NOW);
    expect(await verify(before, roots, ...lists())).toMatch(/certificate revoked/);
  });
  it('comes as a PKCS#12 file that openssl opens with its password alone', async () => {
    const container = file('client.p12', writePkcs12(client, 'Anna', 'a long password'));
    const opened = (password: string) => run('openssl', ['pkcs12', '-in', container, '-passin', `pass:${password}`, '-noenc']);
    expect((await opened('a long password')).stdout).toMatch(/CN = anna@phone[\s\S]*BEGIN PRIVATE KEY/);
    expect((await opened('another')).status).not.toBe(0);
  });
  it.each(['', ' x', 'a/b', 'x'.repeat(65), 'a,b', 'a=b'])('is refused for the name %j', async (name) => {
    await expect(issueClient(store, 'home', name, 1, NOW)).rejects.toMatchObject({ code: 'USAGE' });
  });
});

it('reads PKCS#12 files that openssl wrote, with EC keys and modern encryption', async () => {
  const issued = await internalCa(memory(), 'home').issue(SPEC, NOW);
  const [key, chain] = [file('ec.key', issued.privateKey), file('ec.pem', issued.certificate + issued.chain)];
  const out = path.join(dir, 'ec.p12');
  const made = await run('openssl', ['pkcs12', '-export', '-inkey', key, '-in', chain, '-out', out, '-passout', 'pass:päss']);
  expect(made).toMatchObject({ status: 0 });
  const { readFileSync } = await import('node:fs');
  const read = readPkcs12(readFileSync(out), 'päss');
  expect(read.certificates.map((pem) => new X509Certificate(pem).serialNumber)).toContain(issued.serial);
  expect(createPrivateKey(read.keys[0] as string).equals(createPrivateKey(issued.privateKey))).toBe(true);
  expect(() => readPkcs12(readFileSync(out), 'other')).toThrow(/password does not open/);
  expect(() => readPkcs12(Buffer.from('no pkcs12'), '')).toThrow(/no PKCS#12 file/);
});

it('answers by OCSP that a certificate is good, or revoked', async () => {
  const store = memory();
  const issued = await internalCa(store, 'home').issue(SPEC, NOW);
  const issuer = store.ca?.intermediate as NonNullable<CaRecord['intermediate']>;
  const told = async (revoked: boolean) => {
    const response = ocspResponse(
      issued.certificate,
      issuer,
      revoked ? { serial: issued.serial, at: NOW.toISOString(), reason: 'unspecified' } : undefined,
      NOW,
      new Date(NOW.getTime() + 7 * DAY),
    );
    const args = ['ocsp', '-respin', file('ocsp.der', response), '-issuer', file('issuer.pem', issuer.certificate)];
    const { stdout, stderr } = await run('openssl', [
      ...args,
      '-cert',
      file('leaf.pem', issued.certificate),
      '-CAfile',
      file('root.pem', issued.root ?? ''),
    ]);
    return stdout + stderr;
  };
  expect(await told(false)).toMatch(/Response verify OK[\s\S]*: good|: good[\s\S]*Response verify OK/);
  expect(await told(true)).toMatch(/: revoked/);
});
