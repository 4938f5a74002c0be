import { chmodSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { internalCa } from '../../../src/certificates/ca/internal-ca.ts';
import { hostAddress } from '../../../src/core/cidr.ts';
import { hashImageSource } from '../../../src/reconcile/sources.ts';
import { BALANCER_HOST, BALANCER_PORTS } from '../../../src/services/app/balancer.ts';
import { APP_CERTIFICATE } from '../../../src/services/app/portal.ts';
import { registry } from '../../../src/services/index.ts';
import { buildStack } from '../../../src/stack/build.ts';
import { docker, HOME } from '../../support/cli.ts';
import { load, rendered, SUBNETS } from '../../support/settings.ts';
import { freeRange, PREFIX } from '../../support/workspace.ts';

// The balancer of prod, with its image, configuration and memory limit, before small applications: two of plain HTTP, one of TLS.

const TRACES = 'traces: { endpoint: "http://10.1.1.1:4318" }';
const project = `${PREFIX}-balancer`;
const names = { balancer: `${project}-balancer`, app: `${project}-app-1`, second: `${project}-app-2` };
const dir = mkdtempSync(path.join(os.tmpdir(), 'medianest-balancer-'));
let address: (host: number) => string;
let trust: string;
let image: string;

const clean = async () => {
  await docker(['rm', '--force', '--volumes', ...Object.values(names)]);
  await docker(['network', 'rm', project]);
};
afterAll(async () => {
  await clean();
  rmSync(dir, { recursive: true, force: true });
});

const must = async (args: string[]) => {
  const done = await docker(args);
  if (done.status !== 0) throw new Error(`docker ${args.join(' ')}: ${done.stderr}`);
};

/** A small application instead of what had the name; one of TLS with the certificate that all replicas have. */
async function origin(name: string, host: number, pair: string[] = [], port = 3000): Promise<void> {
  const script = path.join(HOME, 'test/support/edge/edge-origin.mjs');
  await docker(['rm', '--force', '--volumes', name]);
  await must([
    ...['run', '--detach', '--init', '--name', name, '--network', project, '--ip', address(host), '--entrypoint', 'node'],
    ...['--volume', `${script}:/origin.mjs:ro`, '--volume', `${dir}/app:/pair:ro`],
    ...[image, '/origin.mjs', name.slice(project.length + 1), String(port), ...pair],
  ]);
}

beforeAll(async () => {
  await clean();
  const subnet = await freeRange();
  address = (host) => hostAddress(subnet, host) as string;
  const stackOf = (tls: boolean) =>
    buildStack(load({ file: `app: { tls: ${tls}, timeout: 4, sticky: true }\n${TRACES}`, flags: { profile: 'prod' } }).settings, registry, {
      version: '0.0.0',
      overrides: {},
      subnets: { ...SUBNETS, app: subnet },
      sourceHash: (folder: string) => hashImageSource(HOME, folder),
      engineSocket: { path: '/var/run/docker.sock', gid: 999 },
    });
  const stack = stackOf(false);
  const service = (role: string) => stack.services.find((entry) => entry.role === role);
  const [balancer, app] = [service('balancer'), service('application')];
  if (!balancer?.certificate || !app) throw new Error('the stack has no balancer');
  chmodSync(dir, 0o755);
  for (const tls of [true, false]) configure(stackOf(tls));
  let root: { certificate: string; privateKey: string } | undefined;
  const store = {
    load: () => root,
    save: (ca: NonNullable<typeof root>) => {
      root = ca;
    },
  };
  for (const [spec, folder] of [
    [balancer.certificate, 'certs/current'],
    [APP_CERTIFICATE, 'app'],
  ] as const) {
    const issued = await internalCa(store, project).issue(spec, new Date());
    mkdirSync(path.join(dir, folder), { recursive: true });
    writeFileSync(path.join(dir, folder, 'fullchain.pem'), issued.certificate + issued.chain);
    writeFileSync(path.join(dir, folder, 'privkey.pem'), issued.privateKey);
  }
  trust = root?.certificate ?? '';
  mkdirSync(path.join(dir, 'trust'));
  writeFileSync(path.join(dir, 'trust/internal-ca.pem'), trust);
  await must(['network', 'create', '--subnet', subnet, project]);
  image = app.image.ref;
  await origin(names.app, 100);
  const memory = String(balancer.memoryBytes);
  await must([
    ...['run', '--detach', '--init', '--name', names.balancer, '--network', project, '--ip', address(BALANCER_HOST)],
    ...['--read-only', '--tmpfs', '/tmp:mode=1777', '--tmpfs', '/run:mode=1777', '--cap-drop', 'ALL'],
    ...['--memory', memory, '--memory-swap', memory, '--ulimit', 'nofile=16384:16384'],
    ...['--volume', `${dir}/config:/etc/medianest:ro`, '--volume', `${dir}/certs:/run/certs:ro`, '--volume', `${dir}/trust:/run/trust:ro`],
    balancer.image.ref,
  ]);
  await vi.waitFor(async () => expect((await ask('/echo')).status).toBe(200), { timeout: 30_000, interval: 200 });
});

/** Renders the balancer's configuration and switches to it, as `up` does before a reload. */
function configure(stack: ReturnType<typeof buildStack>, version = `${stack.services.find(({ rolling }) => rolling)?.rolling?.tls}`): void {
  const folder = path.join(dir, 'config', version);
  mkdirSync(folder, { recursive: true });
  for (const file of rendered(stack).files.filter((entry) => entry.path.startsWith('balancer/')))
    writeFileSync(path.join(folder, path.basename(file.path)), file.contents);
  use(version);
}

function use(version: string): void {
  rmSync(path.join(dir, 'config/next'), { force: true });
  symlinkSync(version, path.join(dir, 'config/next'));
  renameSync(path.join(dir, 'config/next'), path.join(dir, 'config/current'));
}

function ask(where: string, { headers = {}, body = '' }: { headers?: Record<string, string>; body?: string } = {}) {
  return new Promise<{ status: number; headers: http.IncomingHttpHeaders; body: string }>((resolve, reject) => {
    const options = { host: address(BALANCER_HOST), port: BALANCER_PORTS.plain, path: where, agent: false, maxHeaderSize: 128 * 1024 };
    const call = http.request({ ...options, method: body ? 'POST' : 'GET', headers }, (res) => {
      let text = '';
      res.on('data', (part: Buffer) => {
        text += part;
      });
      res.on('error', reject);
      res.on('end', () => resolve({ status: res.statusCode ?? 0, headers: res.headers, body: text }));
    });
    call.on('error', reject);
    call.end(body);
  });
}

const tell = (answers: object) => fetch(`http://${address(100)}:3000/control`, { method: 'POST', body: JSON.stringify(answers) });

const cookie = Array.from({ length: 60 }, (_, index) => `c${index}=${'z'.repeat(996)}`).join('; ');

it('passes as many cookies as the edge does, and answers with 32 KB of headers', async () => {
  expect(JSON.parse((await ask('/echo', { headers: { cookie } })).body).headers.cookie).toBe(cookie);
  const headers = Object.fromEntries(Array.from({ length: 4 }, (_, index) => [`x-policy-${index}`, 'y'.repeat(8000)]));
  await tell({ '/many': { headers, body: 'ok' } });
  expect(await ask('/many')).toMatchObject({ status: 200, headers, body: 'ok' });
});

it('stays within its memory limit while many send and get as much as may be', async () => {
  await tell({ '/heavy': { delay: 200, headers: { 'x-policy': 'y'.repeat(30_000) }, body: 'b'.repeat(200_000) } });
  const statuses: number[] = [];
  const one = async () => {
    for (let i = 0; i < 4; i++) statuses.push((await ask('/heavy', { headers: { cookie }, body: 'x'.repeat(60_000) })).status);
  };
  await Promise.all(Array.from({ length: 400 }, one));
  expect([statuses.length, [...new Set(statuses)]]).toEqual([1600, [200]]);
  const { stdout } = await docker(['inspect', '--format', '{{.State.OOMKilled}} {{.State.Running}} {{.RestartCount}}', names.balancer]);
  expect(stdout.trim()).toBe('false true 0');
});

it('waits for a silent application as long as `app.timeout` says', async () => {
  await tell({ '/slow': { delay: 3000, body: 'late' }, '/too-slow': { delay: 8000, body: 'never' } });
  const [slow, tooSlow] = await Promise.all([ask('/slow'), ask('/too-slow')]);
  expect([slow.status, slow.body, tooSlow.status]).toEqual([200, 'late', 504]);
});

it('logs the id of the trace that the edge has begun, and nothing else that stands in its place', async () => {
  // Only what fails is logged.
  await tell({ '/traced': { status: 500 } });
  const trace = '0123456789abcdef'.repeat(2);
  const wrong = [
    `00-${trace}-${'1'.repeat(16)}`,
    `00-","level":"error-${'1'.repeat(16)}-01`,
    `00-${trace.toUpperCase()}-${'1'.repeat(16)}-01`,
  ];
  for (const traceparent of [`00-${trace}-${'1'.repeat(16)}-01`, ...wrong]) await ask('/traced', { headers: { traceparent } });
  await ask('/traced');
  await vi.waitFor(async () => {
    const { stdout } = await docker(['logs', '--tail', '50', names.balancer]);
    const lines = stdout.split('\n').filter((line) => line.includes('"path":"/traced"'));
    expect(lines.map((line) => (JSON.parse(line) as { traceId: string }).traceId)).toEqual([trace, '-', '-', '-', '-']);
  });
});

it('passes 103 Early Hints on before the answer', async () => {
  await tell({ '/hints': { hints: 2, body: 'ok' } });
  const informed: number[] = [];
  const body = await new Promise<string>((resolve, reject) => {
    const call = http.get({ host: address(BALANCER_HOST), port: BALANCER_PORTS.plain, path: '/hints', agent: false }, (res) => {
      let text = '';
      res.on('data', (part: Buffer) => {
        text += part;
      });
      res.on('end', () => resolve(text));
    });
    call.on('information', ({ statusCode }) => informed.push(statusCode));
    call.on('error', reject);
  });
  expect([informed, body]).toEqual([[103, 103], 'ok']);
});

const backend = (...argv: string[]) => docker(['exec', names.balancer, 'backend', ...argv]);

it('refuses to take out a replica while fewer than the others that are needed serve', async () => {
  // It waits for a minute: bash counts on from the environment's SECONDS.
  const refused = await docker(['exec', '--env', 'SECONDS=56', names.balancer, 'backend', 'drain', 'app-1', '5', '1', '-']);
  expect([refused.status, refused.stdout.trim()]).toEqual([1, '0 other replicas are in service, and 1 are needed']);
  expect((await ask('/echo')).status).toBe(200);
  // Where none is needed besides, it goes, and comes back.
  expect((await backend('drain', 'app-1', '5', '0', '-')).status).toBe(0);
  expect((await ask('/echo')).status).toBe(503);
  expect((await backend('admit', 'app-1', `${address(100)}:3000`, '30', '0', '-')).status).toBe(0);
  expect((await ask('/echo')).status).toBe(200);
}, 120_000);

describe('a replica that speaks the other protocol', () => {
  const from = async (options: { headers?: Record<string, string> } = {}) => {
    const { status, body, headers } = await ask('/echo', options);
    return {
      status,
      name: status === 200 ? (JSON.parse(body) as { name: string }).name : undefined,
      cookie: String(headers['set-cookie']),
    };
  };
  const overTls = (port: number = BALANCER_PORTS.tls) =>
    new Promise<number>((resolve, reject) => {
      const options = { host: address(BALANCER_HOST), port, path: '/echo', agent: false, servername: 'app', ca: trust };
      https.get(options, (res) => res.resume().on('end', () => resolve(res.statusCode ?? 0))).on('error', reject);
    });
  const column = async (name: string, at: number) =>
    (await backend('stats')).stdout
      .split('\n')
      .find((line) => line.startsWith(`app,${name},`))
      ?.split(',')[at - 1];
  /** A new container of this replica, as `up` makes it. */
  const replaced = async (name: 'app-1' | 'app-2', pair: string[], seconds = 15) => {
    expect(await backend('drain', name, '5', '1', '/echo', 'TLS')).toMatchObject({ status: 0, stdout: '' });
    await origin(name === 'app-1' ? names.app : names.second, name === 'app-1' ? 100 : 101, pair);
    return backend('admit', name, `${address(name === 'app-1' ? 100 : 101)}:3000`, String(seconds), '0', '/echo', 'TLS');
  };
  const IN_SERVICE = { status: 0, stdout: '', stderr: '' };

  beforeAll(async () => {
    await origin(names.second, 101);
    await vi.waitFor(async () => expect(await column('app-2', 18)).toBe('UP'), { timeout: 30_000, interval: 500 });
  });

  it('stands beside those that do not, by the same name, with the cookie and the limits that it had', async () => {
    const limits = async () => [await column('app-2', 7), await column('app-2', 32)];
    const before = await limits();
    // Connections to the old one are kept for the next request.
    for (let i = 0; i < 6; i++) await from();
    expect(await replaced('app-2', ['/pair'])).toEqual(IN_SERVICE);
    const seen = new Map<string | undefined, string>();
    for (let i = 0; i < 20; i++) {
      const { status, name, cookie } = await from();
      expect(status).toBe(200);
      seen.set(name, cookie.split(';')[0] as string);
    }
    expect(Object.fromEntries(seen)).toEqual({ 'app-1': 'medianest_replica=app-1', 'app-2': 'medianest_replica=app-2' });
    for (let i = 0; i < 4; i++) expect((await from({ headers: { cookie: 'medianest_replica=app-2' } })).name).toBe('app-2');
    expect(await limits()).toEqual(before);
  });

  it('gets no request while it does not speak it', async () => {
    expect(await replaced('app-2', [], 4)).toMatchObject({
      status: 1,
      stdout: expect.stringMatching(/its check at the balancer fails \(.*SSL/),
    });
    for (let i = 0; i < 4; i++) expect((await from()).name).toBe('app-1');
    expect(await replaced('app-2', ['/pair'])).toEqual(IN_SERVICE);
  });

  it('is known as it was before to a balancer that starts again, until it is told', async () => {
    await must(['restart', names.balancer]);
    await vi.waitFor(async () => expect((await from()).name).toBe('app-1'), { timeout: 30_000, interval: 500 });
    await vi.waitFor(async () => expect(await column('app-2', 18)).toMatch(/^DOWN/), { timeout: 30_000, interval: 500 });
    expect(await backend('admit', 'app-2', `${address(101)}:3000`, '15', '0', '/echo', 'TLS')).toEqual(IN_SERVICE);
    expect((await from({ headers: { cookie: 'medianest_replica=app-2' } })).name).toBe('app-2');
  });

  it('stays in service through the reload that makes it the rule, and the plain listener closes after a while', async () => {
    expect(await replaced('app-1', ['/pair'])).toEqual(IN_SERVICE);
    expect([(await from()).status, await overTls()]).toEqual([200, 200]);
    use('true');
    const began = Date.now();
    const reload = docker(['exec', names.balancer, 'reload']);
    let ended = false;
    void reload.finally(() => {
      ended = true;
    });
    let plain = 0;
    for (; !ended; await new Promise((resolve) => setTimeout(resolve, 100))) {
      expect(await overTls()).toBe(200);
      if (Date.now() - began < 25_000 && (await from()).status === 200) plain++;
    }
    expect(await reload).toMatchObject({ status: 0 });
    expect(plain).toBeGreaterThan(20);
    await expect(from()).rejects.toThrow(/ECONNREFUSED/);
    expect([await column('app-1', 18), await column('app-2', 18)]).toEqual(['UP', 'UP']);
  });

  it('stays reachable for edges of both versions while the balancer still has the configuration of an earlier one', async () => {
    const current = readFileSync(path.join(dir, 'config/true/haproxy.cfg'), 'utf8');
    mkdirSync(path.join(dir, 'config/earlier'));
    writeFileSync(path.join(dir, 'config/earlier/haproxy.cfg'), current.replace('bind :8443 ssl', 'bind :8080 ssl'));
    use('earlier');
    await must(['restart', names.balancer]);
    for (const port of [8080, 8443])
      await vi.waitFor(async () => expect(await overTls(port)).toBe(200), { timeout: 30_000, interval: 500 });
    use('true');
    expect(await docker(['exec', names.balancer, 'reload'])).toMatchObject({ status: 0 });
    expect(await overTls(8443)).toBe(200);
    await expect(overTls(8080)).rejects.toThrow(/ECONNREFUSED/);
  });

  it('is found at the port of a new configuration, also where all have been replaced without a word to the balancer', async () => {
    await origin(names.app, 100, ['/pair'], 3100);
    await origin(names.second, 101, ['/pair'], 3100);
    await vi.waitFor(async () => expect(await column('app-1', 18)).toMatch(/^DOWN/), { timeout: 30_000, interval: 500 });
    const current = readFileSync(path.join(dir, 'config/true/haproxy.cfg'), 'utf8');
    mkdirSync(path.join(dir, 'config/moved'));
    writeFileSync(path.join(dir, 'config/moved/haproxy.cfg'), current.replaceAll(':3000 ', ':3100 '));
    use('moved');
    expect(await docker(['exec', names.balancer, 'reload'])).toMatchObject({ status: 0 });
    await vi.waitFor(async () => expect([await column('app-1', 18), await column('app-2', 18)]).toEqual(['UP', 'UP']), {
      timeout: 30_000,
      interval: 500,
    });
    expect(await overTls()).toBe(200);
  });
});
