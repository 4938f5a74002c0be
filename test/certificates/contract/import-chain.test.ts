import { createPrivateKey, X509Certificate } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { completeChain } from '../../../src/certificates/import/complete-chain.ts';
import { run } from '../../support/cli.ts';

/** What a CA publishes at the address in its certificates, honestly or not. */
let server: http.Server;
let at: string;
let answer: (response: http.ServerResponse) => void;
const asked: string[] = [];
const dir = mkdtempSync(path.join(os.tmpdir(), 'medianest-aia-'));
const openssl = async (...args: string[]) => {
  const { status, stderr } = await run('openssl', args, { cwd: dir });
  if (status !== 0) throw new Error(stderr);
};
const read = (name: string) => new X509Certificate(readFileSync(path.join(dir, name)));

/** Signs a certificate that names the address of its issuer’s own. */
async function sign(name: string, signer: string, extensions: string): Promise<void> {
  writeFileSync(path.join(dir, `${name}.ext`), `${extensions}\nauthorityInfoAccess=caIssuers;URI:${at}/${signer}.der\n`);
  await openssl('req', '-new', '-newkey', 'rsa:2048', '-nodes', '-keyout', `${name}.key`, '-out', `${name}.csr`, '-subj', `/CN=${name}`);
  const by = ['-CA', `${signer}.pem`, '-CAkey', `${signer}.key`, '-CAcreateserial'];
  await openssl('x509', '-req', '-in', `${name}.csr`, ...by, '-days', '30', '-extfile', `${name}.ext`, '-out', `${name}.pem`);
}

const CA = 'basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign';
beforeAll(async () => {
  server = http.createServer((request, response) => {
    asked.push(request.url ?? '');
    answer(response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  at = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const self = ['-keyout', 'root.key', '-out', 'root.pem', '-subj', '/CN=root', '-days', '30'];
  await openssl('req', '-x509', '-newkey', 'rsa:2048', '-nodes', ...self);
  await sign('upper', 'root', CA);
  await sign('lower', 'upper', CA);
  await sign('leaf', 'lower', 'subjectAltName=DNS:shop.example\nextendedKeyUsage=serverAuth');
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
  rmSync(dir, { recursive: true, force: true });
});

/** What an import of the leaf and its key alone comes to. */
async function imported(serve: typeof answer) {
  asked.length = 0;
  answer = serve;
  const told: string[] = [];
  const bundle = { certificates: [read('leaf.pem')], keys: [createPrivateKey(readFileSync(path.join(dir, 'leaf.key')))], locked: 0 };
  const started = performance.now();
  const { chain, problems } = await completeChain(bundle, ['shop.example'], new Date(), [read('root.pem')], (url) => told.push(url));
  return { chain: chain.map(({ subject }) => subject), problems, told, seconds: (performance.now() - started) / 1000 };
}
const der = (name: string) => read(`${name}.pem`).raw;

describe('a chain that ends early', () => {
  it('is completed, one issuer after the other, from where its certificates say', async () => {
    const done = await imported((response) => response.end(der(asked.length === 1 ? 'lower' : 'upper')));
    expect(done).toMatchObject({ chain: ['CN=leaf', 'CN=lower', 'CN=upper'], problems: [], told: [`${at}/lower.der`, `${at}/upper.der`] });
  });

  const drip = (response: http.ServerResponse) => {
    const timer = setInterval(() => response.write('.'), 100);
    response.on('close', () => clearInterval(timer));
  };
  const flood = (response: http.ServerResponse) => {
    let going = true;
    response.on('close', () => {
      going = false;
    });
    const pour = () => {
      while (going && response.write(Buffer.alloc(65_536)));
      if (going) response.once('drain', pour);
    };
    pour();
  };
  it.each([
    ['never answers', () => {}, /did not answer within 8 s/],
    ['answers a byte at a time', drip, /did not answer within 8 s/],
    ['answers without end', flood, /answered with more than 64 KiB/],
    ['sends elsewhere', (r: http.ServerResponse) => r.writeHead(302, { location: `${at}/secret` }).end(), /answered with status 302/],
    ['has nothing', (r: http.ServerResponse) => r.writeHead(404).end(), /answered with status 404/],
    ['answers with a page', (r: http.ServerResponse) => r.end('<html>'), /something else than a certificate/],
    ['closes', (r: http.ServerResponse) => r.destroy(), /cannot be reached \(ECONNRESET\)/],
    ['gives another’s certificate', (r: http.ServerResponse) => r.end(der('upper')), /a certificate that has not signed it/],
    ['gives a root', (r: http.ServerResponse) => r.end(der('root')), /gave a root/],
  ])('is refused, with the reason and in bounded time, where its address %s', async (_what, serve, why) => {
    const refused = await imported(serve);
    expect(refused.problems).toEqual([expect.objectContaining({ kind: 'missing-intermediate', message: expect.stringMatching(why) })]);
    expect(refused.problems[0]?.message).toContain(`its address ${at}/lower.der`);
    expect(refused.seconds).toBeLessThan(15);
    expect(asked).toEqual(['/lower.der']);
  });
});
