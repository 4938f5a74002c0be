import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { hostAddress } from '../../../src/core/cidr.ts';
import { hashImageSource } from '../../../src/reconcile/sources.ts';
import { BALANCER_HOST, BALANCER_PORTS } from '../../../src/services/app/balancer.ts';
import { registry } from '../../../src/services/index.ts';
import { buildStack } from '../../../src/stack/build.ts';
import { docker, HOME } from '../../support/cli.ts';
import { load, rendered, SUBNETS } from '../../support/settings.ts';
import { freeRange, PREFIX } from '../../support/workspace.ts';

// The balancer of prod, with its image, configuration and memory limit, before one small application.

const project = `${PREFIX}-balancer`;
const names = { balancer: `${project}-balancer`, app: `${project}-app-1` };
const dir = mkdtempSync(path.join(os.tmpdir(), 'medianest-balancer-'));
let address: (host: number) => string;

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

beforeAll(async () => {
  await clean();
  const subnet = await freeRange();
  address = (host) => hostAddress(subnet, host) as string;
  const { settings } = load({ file: 'app: { tls: false, timeout: 4 }', flags: { profile: 'prod' } });
  const stack = buildStack(settings, registry, {
    version: '0.0.0',
    overrides: {},
    subnets: { ...SUBNETS, app: subnet },
    sourceHash: (folder: string) => hashImageSource(HOME, folder),
    engineSocket: { path: '/var/run/docker.sock', gid: 999 },
  });
  const service = (role: string) => stack.services.find((entry) => entry.role === role);
  const [balancer, app] = [service('balancer'), service('application')];
  if (!balancer || !app) throw new Error('the stack has no balancer');
  const config = path.join(dir, 'current');
  mkdirSync(config);
  for (const file of rendered(stack).files.filter((entry) => entry.path.startsWith('balancer/'))) {
    writeFileSync(path.join(config, path.basename(file.path)), file.contents);
  }
  chmodSync(dir, 0o755);
  await must(['network', 'create', '--subnet', subnet, project]);
  const origin = path.join(HOME, 'test/support/edge/edge-origin.mjs');
  await must([
    ...['run', '--detach', '--init', '--name', names.app, '--network', project, '--ip', address(100), '--entrypoint', 'node'],
    ...['--volume', `${origin}:/origin.mjs:ro`, app.image.ref, '/origin.mjs', 'app-1', '3000'],
  ]);
  const memory = String(balancer.memoryBytes);
  await must([
    ...['run', '--detach', '--init', '--name', names.balancer, '--network', project, '--ip', address(BALANCER_HOST)],
    ...['--read-only', '--tmpfs', '/tmp:mode=1777', '--tmpfs', '/run:mode=1777', '--cap-drop', 'ALL'],
    ...['--memory', memory, '--memory-swap', memory, '--ulimit', 'nofile=16384:16384'],
    ...['--volume', `${dir}:/etc/medianest:ro`, balancer.image.ref],
  ]);
  await vi.waitFor(async () => expect((await ask('/echo')).status).toBe(200), { timeout: 30_000, interval: 200 });
});

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

it('refuses to take out a replica while fewer than the others that are needed serve', async () => {
  const backend = (...argv: string[]) => docker(['exec', names.balancer, 'backend', ...argv]);
  const refused = await backend('drain', 'app-1', '5', '1', '-');
  expect([refused.status, refused.stdout.trim()]).toEqual([1, '0 other replicas are in service, and 1 are needed']);
  expect((await ask('/echo')).status).toBe(200);
  // Where none is needed besides, it goes, and comes back.
  expect((await backend('drain', 'app-1', '5', '0', '-')).status).toBe(0);
  expect((await ask('/echo')).status).toBe(503);
  expect((await backend('admit', 'app-1', `${address(100)}:3000`, '30', '0', '-')).status).toBe(0);
  expect((await ask('/echo')).status).toBe(200);
}, 120_000);
