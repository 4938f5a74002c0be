import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { chromium } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { finishRotation, rotateRoot } from '../../src/certificates/ca/ca-changes.ts';
import type { CaRecord, CaStore } from '../../src/certificates/ca/ca-record.ts';
import { internalCa } from '../../src/certificates/ca/internal-ca.ts';
import { docker, HOME, type Run } from '../support/cli.ts';
import { PREFIX } from '../support/workspace.ts';

/** A machine of somebody who visits: Debian with its trust stores and clients, and nothing of this machine’s. */
const MACHINE = `${PREFIX}-clients`;
const IMAGE = 'medianest-test/clients:1';
const dir = mkdtempSync(path.join(os.tmpdir(), 'medianest-trust-'));
const home = path.join(dir, 'home');
const firefox = path.join(home, '.mozilla/firefox/abcd1234.default');
const record = path.join(dir, '.medianest/ca/root.json');
const store: CaStore = {
  load: () => {
    try {
      return JSON.parse(readFileSync(record, 'utf8')) as CaRecord;
    } catch {
      return undefined;
    }
  },
  save: (ca) => writeFileSync(record, JSON.stringify(ca), { mode: 0o600 }),
};
let server: https.Server;
let url: string;

const must = async (args: string[]): Promise<Run> => {
  const done = await docker(args);
  if (done.status !== 0) throw new Error(`docker ${args.join(' ')}: ${done.stderr}`);
  return done;
};
const inside = (...command: string[]): Promise<Run> => docker(['exec', '--workdir', dir, '--env', `HOME=${home}`, MACHINE, ...command]);
const certs = (...args: string[]) => inside('node', '/opt/medianest/bin/medianest.js', 'certs', 'ca', ...args);
const stored = async () => (await inside('sh', '-c', 'ls /usr/local/share/ca-certificates')).stdout.split('\n').filter(Boolean);
const shared = (uid: number, gid: number) => inside('chown', '-R', `${uid}:${gid}`, dir);

beforeAll(async () => {
  for (const folder of [path.dirname(record), firefox, path.join(home, '.pki/nssdb')]) mkdirSync(folder, { recursive: true });
  writeFileSync(path.join(dir, 'medianest.yml'), 'version: 1\nproject: trusted\nprofile: dev-compose\n');
  const leaf = await internalCa(store, 'trusted').issue(
    { name: 'edge', subjects: ['localhost'], issuer: 'internal-ca', days: 90, listUrl: 'http://localhost/ca.crl' },
    new Date(),
  );
  writeFileSync(path.join(dir, 'leaf.pem'), leaf.certificate);
  writeFileSync(path.join(dir, 'chain.pem'), leaf.chain);
  server = https.createServer({ cert: leaf.certificate + leaf.chain, key: leaf.privateKey }, (_request, response) =>
    response.end('welcome'),
  );
  server.on('tlsClientError', () => {});
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `https://localhost:${(server.address() as AddressInfo).port}/`;
  await must(['build', '--quiet', '--tag', IMAGE, path.join(HOME, 'test/support/certificates/clients')]);
  await docker(['rm', '--force', MACHINE]);
  await must([
    ...['run', '--detach', '--init', '--name', MACHINE, '--network', 'host'],
    ...['--volume', `${HOME}:/opt/medianest:ro`, '--volume', `${dir}:${dir}`, IMAGE, 'sleep', 'infinity'],
  ]);
  for (const folder of [firefox, path.join(home, '.pki/nssdb')]) await inside('certutil', '-N', '--empty-password', '-d', `sql:${folder}`);
});
afterAll(async () => {
  server?.close();
  await shared(process.getuid?.() ?? 0, process.getgid?.() ?? 0);
  await docker(['rm', '--force', MACHINE]);
  rmSync(dir, { recursive: true, force: true });
});

const PYTHON = `
import ssl, sys, urllib.request
assert sys.version_info >= (3, 13) and ssl.create_default_context().verify_flags & ssl.VERIFY_X509_STRICT
print(urllib.request.urlopen(sys.argv[1], timeout=10).read().decode())
`;
const NODE = 'fetch(process.argv[1]).then((r) => r.text()).then(console.log, (e) => { console.log(e.cause.code); process.exit(1); })';

/** Chromium on this machine with the home of that person: what it shows, or why it refuses. */
async function chromiumSees(): Promise<string> {
  await shared(process.getuid?.() ?? 0, process.getgid?.() ?? 0);
  const browser = await chromium.launch({
    executablePath: '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-dev-shm-usage', '--disable-gpu'],
    env: { ...(process.env as Record<string, string>), HOME: home },
  });
  try {
    for (let attempt = 1; ; attempt++) {
      const page = await browser.newPage();
      const seen = await page.goto(url).then(
        async (response) => (await response?.text()) ?? 'nothing',
        (error: Error) => /ERR_\w+/.exec(error.message)?.[0] ?? error.message,
      );
      // Chromium drops requests whenever an interface of its host comes or goes: only a verdict on the certificate counts.
      if (seen === 'welcome' || seen.startsWith('ERR_CERT') || attempt === 5) return seen;
    }
  } finally {
    await browser.close();
  }
}

/** What each client gets: `welcome`, or why it refuses. */
async function everybody(): Promise<Record<string, string>> {
  const port = new URL(url).port;
  const said = ({ stdout, stderr }: Run) =>
    /^welcome$|Chain is good|Verification: OK|leaf.pem: OK/m.test(stdout + stderr) ? 'welcome' : (stdout + stderr).trim();
  const openssl = ['-verify_return_error', '-x509_strict', '-verify_hostname', 'localhost', '-connect', `localhost:${port}`];
  return {
    chromium: await chromiumSees(),
    'firefox’s library': said(await inside('vfychain', '-d', `sql:${firefox}`, '-u', '1', '-a', 'leaf.pem', '-a', 'chain.pem')),
    python: said(await inside('python3', '-c', PYTHON, url)),
    node: said(await inside('node', '--use-openssl-ca', '-e', NODE, url)),
    curl: said(await inside('curl', '--silent', '--show-error', url)),
    openssl: said(await inside('sh', '-c', `openssl s_client ${openssl.join(' ')} </dev/null | grep 'Verification: OK'`)),
    'openssl verify': said(await inside('openssl', 'verify', '-x509_strict', '-untrusted', 'chain.pem', 'leaf.pem')),
  };
}
const CLIENTS = ['chromium', 'firefox’s library', 'python', 'node', 'curl', 'openssl', 'openssl verify'];
const all = (answer: unknown) => Object.fromEntries(CLIENTS.map((name) => [name, answer]));

describe('the root of the internal CA', () => {
  it('is what Chromium, NSS, Python 3.13, Node, curl and openssl -x509_strict miss before', async () => {
    expect(await everybody()).toEqual({ ...all(expect.not.stringContaining('welcome')), chromium: 'ERR_CERT_AUTHORITY_INVALID' });
  });
  it('is trusted by all of them once `certs ca trust` was run, and stays as it is when it is run again', async () => {
    expect(await certs('trust', '--dry-run')).toMatchObject({ status: 0, stdout: expect.stringContaining('would trust it') });
    expect(await stored()).toEqual([]);
    const done = await certs('trust');
    expect(done).toMatchObject({ status: 0, stdout: expect.stringMatching(/system: trusts it .*[\s\S]*iPhone[\s\S]*Android/) });
    expect(await everybody()).toEqual(all('welcome'));
    const again = await certs('trust', '--json');
    expect(JSON.parse(again.stdout).done).toEqual(Array(3).fill(expect.stringContaining('trusts it already')));
    expect(await stored()).toHaveLength(1);
  });
  it('is trusted beside the one before it while roots change, and that one no longer afterwards', async () => {
    const before = await stored();
    await rotateRoot(store, 'trusted', new Date());
    expect(await certs('trust')).toMatchObject({ status: 0 });
    expect(await stored()).toHaveLength(2);
    // The leaf is the old root’s.
    expect(await everybody()).toEqual(all('welcome'));
    await finishRotation(store, new Date());
    expect(await certs('trust')).toMatchObject({ status: 0 });
    expect(await stored()).not.toEqual(before);
    expect(await stored()).toHaveLength(1);
    expect(await everybody()).toEqual(all(expect.not.stringContaining('welcome')));
  });
  it('is trusted by nobody after `untrust`, which may be said twice', async () => {
    expect(await certs('untrust')).toMatchObject({ status: 0, stdout: expect.stringContaining('system: no longer trusts it') });
    expect(await stored()).toEqual([]);
    expect((await inside('certutil', '-L', '-d', `sql:${firefox}`)).stdout).not.toContain('MediaNest');
    expect(await certs('untrust')).toMatchObject({ status: 0, stdout: 'no store had it\n' });
  });
  it('names the tool that is missing, and leaves nothing half-done', async () => {
    await inside('sh', '-c', 'mkdir -p /tmp/bare && ln -sf "$(command -v node)" /tmp/bare/node');
    const { status, stdout } = await inside('env', 'PATH=/tmp/bare', 'node', '/opt/medianest/bin/medianest.js', 'certs', 'ca', 'trust');
    expect(stdout).toMatch(/not done: system: update-ca-certificates is not installed \(Debian: apt install ca-certificates\)/);
    expect(stdout).toMatch(/not done: browser: .*certutil is not installed \(Debian: apt install libnss3-tools\)/);
    expect(status).toBe(1);
    expect(await stored()).toEqual([]);
  });
  it('reaches the browsers of a person without root, and says what root has to do', async () => {
    await shared(1000, 1000);
    const person = ['setpriv', '--reuid', '1000', '--regid', '1000', '--clear-groups'];
    const { status, stdout } = await inside(...person, 'node', '/opt/medianest/bin/medianest.js', 'certs', 'ca', 'trust');
    expect(stdout).toMatch(/browser: trusts it .*\.pki[\s\S]*browser: trusts it .*firefox/);
    expect(stdout).toMatch(/not done: system: only root may change .*sudo/);
    expect(status).toBe(4);
  });
});
