import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { docker, run } from '../../support/cli.ts';
import { ElasticsearchDouble } from '../../support/logs/elasticsearch.ts';
import { writeFrom } from '../../support/logs/noise.ts';
import { containers, parsed, until } from '../../support/stack.ts';
import { type Workspace, workspace } from '../../support/workspace.ts';

// The real agent, its proxy and its way out; a strict double of Elasticsearch on the host, over TLS by a CA of its own.
const HOST = Object.values(os.networkInterfaces())
  .flat()
  .find((entry) => entry && !entry.internal && entry.family === 'IPv4')?.address;

let space: Workspace;
let store: ElasticsearchDouble;
let port: number;
let tls: { key: string; cert: string };
const name = (service: string) => `${space.project}-${service}-1`;

/** Messages of redis in the store that begin so, in their order of time. */
const stored = (mark: string): string[] =>
  [...store.documents.values()]
    .filter(({ replica, message }) => replica === 'redis' && String(message).startsWith(mark))
    .sort((a, b) => (String(a['@timestamp']) < String(b['@timestamp']) ? -1 : 1))
    .map(({ message }) => message as string);
/** How many lines all containers but redis have written. */
async function linesOfOthers(since: string): Promise<number> {
  const others = (await containers(space.project)).filter((container) => container.name !== name('redis'));
  const written = await Promise.all(others.map((container) => docker(['logs', '--since', since, container.name])));
  return written.flatMap(({ stdout, stderr }) => `${stdout}${stderr}`.split('\n').filter(Boolean)).length;
}
const numbered = (mark: string, count: number) => Array.from({ length: count }, (_, index) => `${mark} ${index}`);

async function status(): Promise<{ up: boolean; dropped: { buffer: number; refused: number }; shipped: number; bytes: number }> {
  const { stdout } = await docker(['exec', name('agent'), 'cat', '/run/agent-logs.json']);
  return JSON.parse(stdout || '{}');
}

beforeAll(async () => {
  space = await workspace('logs-store');
  tls = { key: path.join(space.dir, 'key.pem'), cert: path.join(space.dir, 'store-ca.pem') };
  const made = await run('openssl', [
    ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2', '-subj', '/CN=store'],
    ...['-addext', `subjectAltName=IP:${HOST}`, '-keyout', tls.key, '-out', tls.cert],
  ]);
  expect(made.status).toBe(0);
  store = new ElasticsearchDouble();
  store.authorization = `Basic ${Buffer.from('shipper:pass of the store').toString('base64')}`;
  port = await store.listen(0, tls);
  space.configure({
    profile: 'dev',
    components: { 'all-in-one': false, redis: true, 'engine-proxy': true, agent: true },
    agent: { healing: 'off' },
    logs: {
      store: 'elasticsearch',
      url: `https://${HOST}:${port}`,
      user: 'shipper',
      password: 'pass of the store',
      ca: 'file:./store-ca.pem',
      buffer: '16m',
    },
  });
  const up = await space.run(['up']);
  expect([up.status, up.stderr]).toEqual([0, expect.any(String)]);
  await until('the first lines arrive', () => stored('').length > 0, 60);
});
afterAll(async () => {
  await space?.destroy();
  await store?.close();
});

test('the audit log arrives in a data stream of its own', async () => {
  const audit = () => [...store.documents].filter(([id]) => store.streamOf.get(id) === `logs-medianest-${space.project}.audit`);
  const commands = () => audit().map(([, { message }]) => message);
  await until('the first `up` is there', () => commands().length === 1, 30);
  expect(commands()).toEqual(['medianest up --profile dev done']);
  expect((await space.run(['restart', 'redis'])).status).toBe(0);
  await until('the restart is there', () => commands().length === 2, 30);
  expect(audit()[1]?.[1]).toMatchObject({ stream: 'audit', fields: { result: 'done', chain: expect.stringMatching(/^[0-9a-f]{64}$/) } });
});

test('lines arrive once each, while the agent is killed with SIGKILL again and again', async () => {
  expect(store.requests.slice(0, 3)).toEqual([
    `PUT /_ilm/policy/medianest-${space.project}`,
    `PUT /_index_template/medianest-${space.project}`,
    `PUT /_data_stream/logs-medianest-${space.project}`,
  ]);
  const lines = numbered('burst', 15_000);
  const writing = writeFrom(name('redis'), lines, 5_000);
  for (let kill = 0; kill < 2; kill++) {
    await sleep(1_200);
    await docker(['kill', '--signal', 'KILL', name('agent')]);
    await docker(['start', name('agent')]);
  }
  await writing;
  await until('all lines arrive', () => stored('burst').length >= lines.length, 60);
  expect(stored('burst')).toEqual(lines);
});

test('lines wait while the store is away; beyond the buffer the oldest go, and are counted; health says so', async () => {
  await store.close();
  const since = new Date().toISOString();
  // About 24 MB on disk, of which 16 MiB fit.
  const lines = Array.from({ length: 40_000 }, (_, index) => `away ${index} ${'x'.repeat(300)}`);
  await writeFrom(name('redis'), lines);
  // The way to the store is tried for some seconds before it counts as away.
  const lost = async () => {
    const { dropped, bytes, up } = await status();
    return dropped.buffer > 0 && bytes < 17 * 1024 ** 2 && !up;
  };
  await until('lines are dropped', lost, 60);
  const health = parsed<{ checks: { id: string; status: string }[] }>(await space.run(['health', '--json']));
  expect(health.checks).toContainEqual(expect.objectContaining({ id: 'logs', status: 'warn' }));
  expect(health.checks).toContainEqual(expect.objectContaining({ id: 'logs.dropped', status: 'warn' }));
  await store.listen(port, tls);
  // Of the dropped ones some may be of other containers: the agent says meanwhile that the store is away.
  const beyond = async () => stored('away').length + (await status()).dropped.buffer - lines.length;
  await until('what was kept arrives', async () => (await beyond()) >= 0, 90).catch(async () => expect(await beyond()).toBe(0));
  await until('the store counts as there', async () => (await status()).up, 10);
  const { dropped } = await status();
  const arrived = stored('away');
  expect(arrived.length + dropped.buffer - lines.length).toBeLessThanOrEqual(await linesOfOthers(since));
  expect(new Set(arrived).size).toBe(arrived.length);
  expect(arrived.at(-1)).toBe(lines.at(-1));
  expect(dropped.refused).toBe(0);
});
