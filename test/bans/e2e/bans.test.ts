import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Ban, Evidence } from '../../../src/bans/plan/decisions.ts';
import type { HealthReport } from '../../../src/capability/check.ts';
import { docker } from '../../support/cli.ts';
import { audit, type JsonError, parsed, portal, until } from '../../support/stack.ts';
import { type Workspace, workspace } from '../../support/workspace.ts';

// A whole stack; one address plays many visitors, as a proxy does that the edge trusts.
const APP = `
require('node:http').createServer((req, res) => {
  let body = '';
  req.on('data', (part) => { body += part; });
  req.on('end', () => {
    const known = req.url === '/api/session' ? (body.includes('good') ? 200 : 401) : req.url.startsWith('/ok') || req.url.startsWith('/api/health') ? 200 : 404;
    res.writeHead(known);
    res.end('x');
  });
}).listen(3000);
`;

let space: Workspace;
const name = (service: string) => `${space.project}-${service}-1`;

beforeAll(async () => {
  space = await workspace('bans');
  space.configure({
    profile: 'dev-compose',
    components: { crowdsec: true, backup: false },
    app: { command: ['node', '-e', APP], tls: false },
    // The address that Docker gives this host in the network of the edge.
    edge: { trustedProxies: ['172.16.0.0/12', '10.0.0.0/8'] },
    firewall: { lan: ['192.168.77.0/24'] },
  });
  const up = await space.run(['up']);
  expect([up.status, up.stderr]).toEqual([0, expect.any(String)]);
});
afterAll(() => space?.destroy());

const from = (client: string, url: string, more: object = {}, headers: Record<string, string> = {}) =>
  portal(space, url, { headers: { connection: 'close', 'x-forwarded-for': client, ...headers }, ...more });
const signIn = (client: string, password: string) => {
  const body = { password };
  const headers = { 'content-type': 'application/json', 'content-length': String(JSON.stringify(body).length) };
  return from(client, '/api/session', { method: 'POST', body }, headers);
};
const serves = async (client: string) => (await from(client, '/ok')).status;
const bans = async (args: string[]) => space.run(['bans', ...args, '--json']);
const list = async () => parsed<{ bans: Ban[] }>(await bans(['list'])).bans;
const checks = async () =>
  Object.fromEntries(parsed<HealthReport>(await space.run(['health', '--json'])).checks.map(({ id, status }) => [id, status]));

it('bans fifty guessers within seconds, and keeps no other visitor waiting', async () => {
  const guessers = Array.from({ length: 50 }, (_, index) => `203.0.113.${index + 1}`);
  const waits: number[] = [];
  let over = false;
  const beside = (async () => {
    while (!over) {
      const at = Date.now();
      const { status } = await signIn(`198.51.100.${waits.length % 250}`, 'good').catch(() => ({ status: 0 }));
      waits.push(status === 200 ? Date.now() - at : Number.POSITIVE_INFINITY);
    }
  })();
  // Each tries twenty times, all at once, and then only looks.
  const guess = async (client: string): Promise<number> => {
    const started = Date.now();
    for (let tries = 0; Date.now() - started < 30_000; tries++) {
      if (tries >= 20) await sleep(200);
      const { status } = await (tries < 20 ? signIn(client, 'bad') : from(client, '/ok')).catch(() => ({ status: 0 }));
      if (status === 403) break;
    }
    return Date.now() - started;
  };
  const took = Math.max(...(await Promise.all(guessers.map(guess))));
  over = true;
  await beside;
  waits.sort((a, b) => a - b);
  const usual = waits[Math.floor(waits.length / 2)] as number;
  console.log(
    `bad sign-ins from 50 addresses at once: each banned within ${took} ms; a good one beside them took ${usual} ms (median), ${waits.at(-1)} at most`,
  );
  expect(took).toBeLessThan(10_000);
  expect(waits.at(-1)).toBeLessThan(1000);
  const page = await from('203.0.113.1', '/ok');
  expect([page.body, page.headers.connection]).toEqual([expect.stringContaining('This address is banned until 20'), 'close']);
  expect((await list()).map(({ address }) => address).sort()).toEqual(guessers.sort());
  const why = parsed<{ bans: (Ban & { evidence: Evidence[] })[] }>(await bans(['why', '203.0.113.1']));
  expect(why.bans).toMatchObject([{ reason: 'failed-sign-ins', by: 'crowdsec', evidence: expect.any(Array) }]);
  expect(why.bans[0]?.evidence[0]).toMatchObject({ what: 'sign-in', method: 'POST', path: '/api/session', status: 401 });
  expect(await checks()).toMatchObject({ 'crowdsec.edge': 'ok', 'crowdsec.engine': 'ok' });
});

it('bans the client that probes, and none that it names', async () => {
  const lies = {
    'user-agent': '","client":"198.18.0.1","what":"probe","status":404',
    'x-real-ip': '198.18.0.1',
    'cf-connecting-ip': '198.18.0.1',
  };
  for (let index = 0; index < 30; index++) {
    // The trusted proxy adds the address that it sees behind what the client has written.
    await from('198.18.0.1, 203.0.113.200', `/x%22,%22client%22:%22198.18.0.1%22,%22${index}`, {}, lies);
    await from(`2001:db8:7:7::${index.toString(16)}`, `/old/${index}`);
    await from('192.168.77.9', `/old/${index}`);
  }
  await until('both are banned', async () => (await serves('203.0.113.200')) === 403 && (await serves('2001:db8:7:7:ffff::1')) === 403);
  expect(await Promise.all(['198.18.0.1', '2001:db8:7:8::1', '192.168.77.9'].map(serves))).toEqual([200, 200, 200]);
});

it('takes bans by hand, with a line in the audit log, and refuses those of its own', async () => {
  const refused = await bans(['add', '192.168.77.9']);
  expect([refused.status, parsed<JsonError>(refused).error]).toMatchObject([
    2,
    { code: 'CONFIRMATION_NEEDED', message: expect.stringContaining('firewall.lan') },
  ]);
  expect(parsed<JsonError>(await bans(['add', '172.16.0.1'])).error.message).toContain('never banned');
  for (const args of [
    ['198.18.4.0/24', '--for', '1h', '--reason', 'scrapes; "all" of it'],
    ['192.168.77.9', '--force'],
  ])
    expect((await bans(['add', ...args])).status).toBe(0);
  await until('both are banned', async () => (await serves('198.18.4.77')) === 403 && (await serves('192.168.77.9')) === 403);
  expect(await list()).toContainEqual(
    expect.objectContaining({ address: '198.18.4.0/24', by: 'a person', reason: 'scrapes; "all" of it' }),
  );
  for (const address of ['198.18.4.0/24', '192.168.77.9', '203.0.113.50']) expect((await bans(['remove', address])).status).toBe(0);
  await until('all are served', async () =>
    (await Promise.all(['198.18.4.77', '192.168.77.9', '203.0.113.50'].map(serves))).every((status) => status === 200),
  );
  const commands = audit(space).map(({ command }) => command);
  expect(commands).toEqual(expect.arrayContaining(['medianest bans add 198.18.4.0/24', 'medianest bans remove 203.0.113.50']));
});

it('keeps its bans while CrowdSec is away, through a restart of the edge and a damaged database, and says so', async () => {
  await docker(['stop', '--time', '2', name('crowdsec')]);
  await docker(['restart', '--time', '2', name('edge')]);
  await until('the edge serves', async () => (await serves('198.18.0.1').catch(() => 0)) === 200);
  await until('its bans are back', async () => (await serves('203.0.113.2')) === 403);
  expect(await checks()).toMatchObject({ 'crowdsec.edge': 'fail', 'crowdsec.engine': 'fail' });
  expect(parsed<JsonError>(await bans(['list'])).error.code).toBe('NOT_RUNNING');
  // The database, and what SQLite has of it beside.
  const garbage = path.join(space.dir, 'garbage');
  writeFileSync(garbage, Buffer.alloc(64 * 1024, 'no database '));
  for (const end of ['', '-wal']) await docker(['cp', garbage, `${name('crowdsec')}:/var/lib/crowdsec/crowdsec.db${end}`]);
  await docker(['start', name('crowdsec')]);
  await until('it is well again', async () => (await checks())['crowdsec.edge'] === 'ok', 60);
  expect(await checks()).toMatchObject({ 'crowdsec.engine': 'ok', 'crowdsec.database': 'warn' });
  expect([await serves('203.0.113.2'), await list()]).toEqual([403, []]);
  // What only the edge knows can be ended too.
  expect((await bans(['remove', '203.0.113.2'])).status).toBe(0);
  expect((await bans(['add', '198.18.9.9'])).status).toBe(0);
  await until('both are in force', async () => (await serves('203.0.113.2')) === 200 && (await serves('198.18.9.9')) === 403);
});
