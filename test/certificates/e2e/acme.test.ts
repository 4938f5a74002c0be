import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import path from 'node:path';
import tls from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Context } from '../../../src/capability/capability.ts';
import { acmeIssuer } from '../../../src/certificates/acme/acme.ts';
import { preflight } from '../../../src/certificates/acme/preflight.ts';
import { silent } from '../../../src/core/reporter.ts';
import { dockerCli } from '../../../src/docker/compose.ts';
import { connectEngine } from '../../../src/docker/docker.ts';
import { loadSettings } from '../../../src/project/load-settings.ts';
import { registry } from '../../../src/services/index.ts';
import type { AcmeSettings } from '../../../src/settings/certificate-fields.ts';
import { StateFolder } from '../../../src/state/state.ts';
import { type Pebble, removePebble, startPebble } from '../../support/certificates/pebble.ts';
import { docker, HOME, run } from '../../support/cli.ts';
import { freeRange, type Workspace, workspace } from '../../support/workspace.ts';
import { issuerContract } from '../contract/issuer-contract.ts';

const NAME = 'media.medianest.test';
let space: Workspace;
let pebble: Pebble;
let edge: string;
let gateway: string;
let router: net.Server;
let reached = true;

/** What the operator's router does: port 80 of the public address leads to the edge. */
const forward = (from: net.Socket) => {
  if (!reached) return from.destroy();
  const to = net.connect(8080, edge);
  from.on('error', () => to.destroy()).pipe(to);
  to.on('error', () => from.destroy()).pipe(from);
};

interface Row {
  name: string;
  status: string;
  serial: string;
  servedSerial: string;
  issuer: string;
  lastError?: string;
  nextTry?: string;
}
interface Renewal {
  name: string;
  action: string;
  cause: string;
  serial: string;
  nextTry?: string;
}
const certificates = async (): Promise<Row[]> => JSON.parse((await space.run(['certs', 'status', '--json'])).stdout).certificates;
const publicRow = async () => (await certificates()).find((row) => row.name.startsWith('edge-')) as Row;
const renew = async (...more: string[]): Promise<Renewal> => {
  const { stdout, stderr } = await space.run(['certs', 'renew', '--json', ...more]);
  if (!stdout) throw new Error(stderr);
  return JSON.parse(stdout).certificates.find((entry: Renewal) => entry.name.startsWith('edge-'));
};

/** The edge as a visitor sees it, by one of its names: the issuer and the serial that are served. */
const seen = (servername: string): Promise<{ serial: string; issuer: string; chain: number }> =>
  new Promise((resolve, reject) => {
    const socket = tls.connect({ host: edge, port: 8443, servername, rejectUnauthorized: false }, () => {
      const certificate = socket.getPeerCertificate(true);
      resolve({ serial: certificate.serialNumber, issuer: String(certificate.issuer.CN), chain: certificate.issuerCertificate ? 2 : 1 });
      socket.destroy();
    });
    socket.on('error', reject);
  });

const settings = (acme: object, edgeMore: object = {}) =>
  space.configure({
    profile: 'dev-compose',
    networks: { dmz: { subnet: range } },
    edge: { domains: [NAME], certificate: 'acme', ...edgeMore },
    certificates: { acme: { directory: pebble.directory, root: pebble.root, dns: { resolvers: [pebble.resolver] }, ...acme } },
  });

let range: string;
beforeAll(async () => {
  await removePebble('acme');
  range = await freeRange();
  space = await workspace('acme');
  // Pebble joins the network, which leads outside only where a certificate is ordered there. This server does not exist.
  space.configure({
    profile: 'dev-compose',
    networks: { dmz: { subnet: range } },
    edge: { domains: [NAME], certificate: 'acme' },
    certificates: { acme: { directory: 'https://127.0.0.1:9/dir', preflight: false } },
  });
  const up = await space.run(['up']);
  if (up.status !== 0) throw new Error(up.stderr);
  rmSync(path.join(space.state, 'certs/edge-public/attempts.json'), { force: true });
  const network = `${space.project}_dmz`;
  const inspect = async (format: string, what: string) => (await docker(['inspect', '--format', format, what])).stdout.trim();
  edge = await inspect(`{{(index .NetworkSettings.Networks "${network}").IPAddress}}`, `${space.project}-edge-1`);
  gateway = await inspect('{{(index .IPAM.Config 0).Gateway}}', network);
  router = net.createServer(forward);
  await new Promise<void>((resolve) => router.listen(80, gateway, resolve));
  pebble = await startPebble('acme', network, { env: { PEBBLE_WFE_NONCEREJECT: '30' } });
  await pebble.dns('set-default-ipv4', { ip: gateway });
});
afterAll(async () => {
  router?.close();
  await pebble?.destroy();
  await space?.destroy();
});

describe('HTTP-01', () => {
  it('replaces the stand-in of the internal CA during `up`, although the server refuses a third of all nonces', async () => {
    settings({});
    const up = await space.run(['up']);
    expect(up).toMatchObject({ status: 0 });
    const served = await seen(NAME);
    expect(served.issuer).toMatch(/^Pebble Intermediate/);
    expect(await publicRow()).toMatchObject({ status: 'ok', serial: served.serial, servedSerial: served.serial });
    // Other names still get the internal CA's.
    expect((await seen('localhost')).issuer).toMatch(/^MediaNest/);
    expect((await space.run(['plan'])).status).toBe(0);
  });
  it('leads to a root that its clients know, with every intermediate', async () => {
    writeFileSync(path.join(space.dir, 'issuing.pem'), await pebble.issuingRoot());
    const chain = readFileSync(path.join(space.state, 'certs/edge-public/current/fullchain.pem'), 'utf8');
    const [leaf = '', ...rest] = chain.match(/-----BEGIN[^-]+-----[^-]+-----END[^-]+-----\n/g) ?? [];
    writeFileSync(path.join(space.dir, 'leaf.pem'), leaf);
    writeFileSync(path.join(space.dir, 'rest.pem'), rest.join(''));
    const args = ['verify', '-CAfile', 'issuing.pem', '-untrusted', 'rest.pem', '-verify_hostname', NAME, 'leaf.pem'];
    const told = await run('openssl', args, { cwd: space.dir });
    expect(told).toMatchObject({ status: 0, stdout: expect.stringContaining('OK') });
  });
  it('is renewed with nothing due in no time, and by force', async () => {
    const before = await publicRow();
    expect(await renew()).toMatchObject({ action: 'kept', serial: before.serial });
    const forced = await renew('--force');
    expect(forced.action).toBe('renewed');
    expect((await seen(NAME)).serial).toBe(forced.serial);
    expect(forced.serial).not.toBe(before.serial);
  });
  it('keeps the account’s key, and makes a new account when it is lost', async () => {
    const [server = ''] = readdirSync(path.join(space.state, 'acme')).filter((name) => name !== 'webroot');
    const folder = path.join(space.state, 'acme', server);
    expect(statSync(folder).mode & 0o077).toBe(0);
    rmSync(path.join(folder, 'accounts'), { recursive: true });
    expect(await renew('--force')).toMatchObject({ action: 'renewed' });
    expect(readdirSync(path.join(folder, 'accounts'))).toHaveLength(1);
  });
});

it('is renewed when its CA wants it, by what it says of renewals', async () => {
  const info = () => path.join(space.state, 'certs/edge-public/renewal-info.json');
  const pem = readFileSync(path.join(space.state, 'certs/edge-public/current/fullchain.pem'), 'utf8');
  const [leaf = ''] = pem.match(/-----BEGIN[^-]+-----[^-]+-----END[^-]+-----\n/) ?? [];
  const before = await renew();
  expect(before.action).toBe('kept');
  expect(JSON.parse(readFileSync(info(), 'utf8'))).toMatchObject({ serial: before.serial, renewAt: expect.any(String) });
  await pebble.renewalWindow(leaf, new Date(Date.now() - 7_200_000), new Date(Date.now() - 3_600_000));
  // It is not asked again before its time.
  expect((await renew()).action).toBe('kept');
  rmSync(info());
  expect(await renew()).toMatchObject({ action: 'renewed', cause: 'is to be renewed now, its CA says' });
});

const issuer = async () => {
  const loaded = loadSettings({ home: HOME, cwd: space.dir, env: {}, registry, flags: {} });
  const ref = (await docker(['images', '--format', '{{.Repository}}:{{.Tag}}', 'medianest/lego'])).stdout.split('\n')[0] as string;
  const context = { report: silent, signal: new AbortController().signal, home: HOME, env: process.env } as unknown as Context;
  return acmeIssuer({
    ...{ context, loaded, state: new StateFolder(space.state), engine: connectEngine(process.env), docker: dockerCli },
    ...{ lock: { noteChild: () => undefined }, image: { name: 'lego', ref } },
  });
};
issuerContract('acme', issuer, { subjects: ['contract.medianest.test', NAME], root: () => pebble.issuingRoot() });

describe('before an order', () => {
  const refused = async (what: RegExp) => {
    const before = (await seen(NAME)).serial;
    const failed = await renew('--force');
    expect(failed).toMatchObject({ action: 'failed', cause: expect.stringMatching(what) });
    expect(failed.cause).toContain('the ACME server was not asked');
    expect((await seen(NAME)).serial).toBe(before);
  };
  it('a router that leads elsewhere is found', async () => {
    reached = false;
    await refused(/does not lead to this edge/);
    reached = true;
  });
  it('a name that leads nowhere is found', async () => {
    await pebble.dns('set-default-ipv4', { ip: '' });
    await refused(/leads nowhere/);
    await pebble.dns('set-default-ipv4', { ip: gateway });
  });
  it('name servers that fail are found', async () => {
    await pebble.dns('set-servfail', { host: NAME });
    await refused(/does not say whether CAA records/);
    await pebble.dns('clear-servfail', { host: NAME });
  });
});

describe('before an order, on this host', () => {
  it('a clock that is two days off is found', async () => {
    const shift = space.write(
      'shift.cjs',
      'const { now } = Date; const Real = Date; Date.now = () => now() + 172800000;\n' +
        'globalThis.Date = class extends Real { constructor(...args) { super(...(args.length ? args : [Real.now()])); } };\n',
    );
    const { stdout } = await space.run(['certs', 'renew', '--force', '--json', 'edge-public'], {
      env: { NODE_OPTIONS: `--require ${shift}` },
    });
    expect(JSON.parse(stdout).certificates[0]).toMatchObject({ action: 'failed', cause: expect.stringMatching(/clock is 48 hours ahead/) });
  });
  it('CAA records that name another CA are found, also for wildcards and above the name', async () => {
    const acme = { challenge: 'dns', dns: { resolvers: [pebble.resolver] } } as unknown as AcmeSettings;
    const told = (name: string) =>
      preflight([name], acme, { meta: { caaIdentities: ['ca.example'] } }, '/nowhere').then(
        () => 'allowed',
        (error: Error) => error.message,
      );
    await pebble.dns('add-caa', { host: 'caa.test', policies: [{ tag: 'issue', value: 'other.example' }] });
    await pebble.dns('add-caa', {
      host: 'ours.test',
      policies: [
        { tag: 'issue', value: 'ca.example' },
        { tag: 'issuewild', value: ';' },
      ],
    });
    expect(await told('a.b.caa.test')).toMatch(/CAA records of caa.test allow other.example/);
    expect([await told('ours.test'), await told('free.test')]).toEqual(['allowed', 'allowed']);
    expect(await told('*.ours.test')).toMatch(/issue certificates for \*.ours.test/);
  });
});

it('TLS-ALPN-01 issues where nothing else holds port 443', async () => {
  settings({ challenge: 'tls-alpn' }, { address: gateway });
  expect(await space.run(['up'])).toMatchObject({ status: 0 });
  expect(await renew('--force')).toMatchObject({ action: 'renewed' });
});

it('an account is bound to the one that the CA knows', async () => {
  const hmac = 'zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W';
  await pebble.restart({ config: { externalAccountBindingRequired: true, externalAccountMACKeys: { 'kid-1': hmac } } });
  settings({});
  expect(await renew('--force')).toMatchObject({ action: 'failed', cause: expect.stringMatching(/external/i) });
  space.write('hmac', hmac);
  settings({ eab: { kid: 'kid-1', hmac: 'file:hmac' } });
  expect(await renew('--force')).toMatchObject({ action: 'renewed' });
  await pebble.restart();
});

describe('what the CA refuses', () => {
  it('is told in its words; the old certificate is kept, and the next attempt is scheduled', async () => {
    settings({ preflight: false });
    const before = (await seen(NAME)).serial;
    await pebble.dns('set-servfail', { host: NAME });
    const failed = await renew('--force');
    expect(failed).toMatchObject({ action: 'failed', cause: expect.stringMatching(/acme:error:\w+.*could not resolve/) });
    expect(Date.parse(failed.nextTry ?? '')).toBeGreaterThan(Date.now() + 3_000_000);
    await pebble.dns('clear-servfail', { host: NAME });
    expect((await seen(NAME)).serial).toBe(before);
    const row = await publicRow();
    expect(row).toMatchObject({ status: 'ok', lastError: failed.cause, nextTry: failed.nextTry });
    const health = JSON.parse((await space.run(['health', '--json'])).stdout);
    expect(health.checks).toContainEqual(expect.objectContaining({ id: 'certificate.edge-public', status: 'warn' }));
  });
  it('includes what would replace a certificate that it has revoked, until it gives one', async () => {
    // It knows what it has issued since it was started.
    expect(await renew('--force')).toMatchObject({ action: 'renewed' });
    const before = (await seen(NAME)).serial;
    const [server = ''] = readdirSync(path.join(space.state, 'acme')).filter((name) => name !== 'webroot');
    const image = (await docker(['images', '--format', '{{.Repository}}:{{.Tag}}', 'medianest/lego'])).stdout.split('\n')[0] as string;
    const told = await docker([
      ...['run', '--rm', '--network', `${space.project}_dmz`, '--user', `${process.getuid?.()}:${process.getgid?.()}`],
      ...['--volume', `${path.dirname(pebble.root)}:/pebble:ro`, '--volume', `${path.join(space.state, 'acme', server)}:/lego`],
      ...['--env', 'LEGO_CA_CERTIFICATES=/pebble/root.pem', image, '--path', '/lego', '--server', pebble.directory],
      ...['--domains', NAME, 'revoke', '--keep'],
    ]);
    expect([told.status, told.stderr]).toEqual([0, expect.anything()]);
    // Neither the CA is asked again nor what failed before is tried again before its time, which is over.
    const timeGoesBy = () => {
      for (const name of ['renewal-info.json', 'attempts.json']) rmSync(path.join(space.state, 'certs/edge-public', name), { force: true });
    };
    timeGoesBy();
    await pebble.dns('set-servfail', { host: NAME });
    const failed = await renew();
    await pebble.dns('clear-servfail', { host: NAME });
    expect(failed).toMatchObject({ action: 'failed', cause: expect.stringMatching(/could not resolve/), serial: before });
    expect((await seen(NAME)).serial).toBe(before);
    expect(await publicRow()).toMatchObject({ lastError: failed.cause, nextTry: failed.nextTry });
    expect(await renew()).toMatchObject({ action: 'waits', nextTry: failed.nextTry });
    timeGoesBy();
    const renewed = await renew();
    expect(renewed).toMatchObject({ action: 'renewed', cause: 'is to be renewed now, its CA says' });
    expect(await seen(NAME)).toMatchObject({ serial: renewed.serial });
  });
  it('includes being away', async () => {
    await pebble.stop();
    const before = (await seen(NAME)).serial;
    expect(await renew('--force')).toMatchObject({ action: 'failed', cause: expect.stringMatching(/ECONNREFUSED/) });
    expect((await seen(NAME)).serial).toBe(before);
    await pebble.restart();
    expect(await renew('--force')).toMatchObject({ action: 'renewed' });
    expect((await publicRow()).lastError).toBeUndefined();
  });
  it('includes a profile that it does not offer', async () => {
    settings({ profile: 'shortlived' });
    expect(await renew('--force')).toMatchObject({ action: 'failed', cause: expect.stringMatching(/no profile shortlived/) });
    await pebble.restart({ config: { profiles: { shortlived: { description: 'six days', validityPeriod: 518_400 } } } });
    expect(await renew('--force')).toMatchObject({ action: 'renewed' });
    const row = (await publicRow()) as Row & { daysLeft: number };
    expect([row.status, row.daysLeft]).toEqual(['ok', 5]);
  });
});

it('DNS-01 issues a wildcard with the credentials in no argument and no variable of the container', async () => {
  const asked: string[] = [];
  const api = http.createServer((request, response) => {
    let text = '';
    request.on('data', (part: Buffer) => {
      text += part;
    });
    request.on('end', async () => {
      asked.push(`${request.url} ${request.headers.authorization ?? ''}`);
      const { fqdn, value } = JSON.parse(text);
      await pebble.dns(request.url === '/present' ? 'set-txt' : 'clear-txt', { host: fqdn, value });
      response.end();
    });
  });
  await new Promise<void>((resolve) => api.listen(0, gateway, resolve));
  const { port } = api.address() as net.AddressInfo;
  mkdirSync(path.join(space.dir, 'secret'), { recursive: true });
  writeFileSync(
    path.join(space.dir, 'secret/dns.env'),
    `# by hand\nHTTPREQ_ENDPOINT=http://${gateway}:${port}\nHTTPREQ_USERNAME=me\nHTTPREQ_PASSWORD="s3cret-of-the-zone"\r\n`,
  );
  settings(
    { challenge: 'dns', dns: { provider: 'httpreq', credentials: 'file:secret/dns.env', resolvers: [pebble.resolver], waitSeconds: 1 } },
    { certificate: 'internal-ca', certificates: [{ names: ['*.medianest.test', 'medianest.test'], issuer: 'acme' }] },
  );
  const shown: string[] = [];
  const watch = setInterval(() => {
    docker(['ps', '--quiet', '--filter', `network=${space.project}_dmz`]).then(async ({ stdout }) => {
      for (const id of stdout.split('\n').filter(Boolean)) shown.push((await docker(['inspect', id])).stdout);
    });
  }, 300);
  const up = await space.run(['up', '--json']);
  clearInterval(watch);
  api.close();
  expect(up).toMatchObject({ status: 0 });
  expect((await seen(NAME)).issuer, up.stderr).toMatch(/^Pebble/);
  expect(asked).toContain(`/present Basic ${Buffer.from('me:s3cret-of-the-zone').toString('base64')}`);
  expect(shown.some((text) => text.includes('--dns'))).toBe(true);
  expect(shown.join('')).not.toContain('s3cret-of-the-zone');
  expect(up.stdout + up.stderr).not.toContain('s3cret-of-the-zone');
});
