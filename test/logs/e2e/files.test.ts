import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { docker } from '../../support/cli.ts';
import { writeFrom } from '../../support/logs/noise.ts';
import { parsed, until } from '../../support/stack.ts';
import { type Workspace, workspace } from '../../support/workspace.ts';

// A small stack with the real agent and its proxy: redis writes what a test has it write.
let space: Workspace;
const name = (service: string) => `${space.project}-${service}-1`;
const SETTINGS = {
  profile: 'dev',
  components: { 'all-in-one': false, redis: true, 'engine-proxy': true, agent: true },
  agent: { healing: 'off' },
};

interface Shown {
  service: string;
  time: string;
  message: string;
  level: string;
}

async function shown(...args: string[]): Promise<Shown[]> {
  const { status, stdout, stderr } = await space.run(['logs', '--json', ...args]);
  expect([status, stderr]).toEqual([0, '']);
  return stdout
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Shown);
}

/** What is stored alone, as the agent reads it. */
async function stored(containing: string): Promise<string[]> {
  const { stdout } = await docker(['exec', name('agent'), 'agent', 'logs', '--services', 'redis', '--containing', containing]);
  return stdout
    .split('\n')
    .filter(Boolean)
    .map((line) => (JSON.parse(line) as Shown).message);
}

const numbered = (mark: string, count: number) => Array.from({ length: count }, (_, index) => `${mark} ${index}`);
const start = new Date().toISOString();

beforeAll(async () => {
  space = await workspace('logs-files', '');
  space.configure({ ...SETTINGS, logs: { store: 'files' } });
  const up = await space.run(['up']);
  expect([up.status, up.stderr]).toEqual([0, expect.any(String)]);
  await until('the agent keeps what redis writes', async () => (await stored('Ready to accept connections')).length > 0, 30);
});
afterAll(() => space?.destroy());

test('5,000 lines a second are kept, each once, while the agent is killed with SIGKILL again and again', async () => {
  const lines = numbered('burst', 25_000);
  const writing = writeFrom(name('redis'), lines, 5_000);
  for (let kill = 0; kill < 3; kill++) {
    await sleep(1_300);
    await docker(['kill', '--signal', 'KILL', name('agent')]);
    await docker(['start', name('agent')]);
  }
  await writing;
  await until('all lines are kept', async () => (await stored('burst')).length >= lines.length, 60);
  expect(await stored('burst')).toEqual(lines);
});

test('a line of 1 MB, bytes that are no UTF-8, and secrets', async () => {
  const long = `long ${'x'.repeat(1_000_000)}`;
  await writeFrom(name('redis'), [
    long,
    Buffer.from([...Buffer.from('odd '), 0xff, 0xfe, 0x41]),
    'odd postgres://portal:hunter2-Zq9@postgres/portal, Authorization: Bearer hunter2-Zq9',
    '{"level":"error","msg":"odd request","correlationId":"corr-12345678","apiKey":"hunter2-Zq9"}',
  ]);
  await until('they are kept', async () => (await stored('odd ')).length === 3, 20);
  expect(await stored('long ')).toEqual([long]);
  const odd = await stored('odd ');
  expect(odd[0]).toBe('odd \ufffd\ufffdA');
  const { stdout } = await docker(['exec', name('agent'), 'agent', 'logs']);
  expect(stdout).not.toContain('hunter2');
  expect((await space.run(['logs', 'redis'])).stdout).not.toContain('hunter2');
  expect(await shown('--correlation', 'corr-12345678')).toEqual([
    expect.objectContaining({ service: 'redis', level: 'error', message: 'odd request' }),
  ]);
});

test('what a replaced container has written is still shown, and each line once', async () => {
  const before = (await shown('--since', start, '--grep', '^burst', 'redis')).map(({ message }) => message);
  expect(before).toEqual(numbered('burst', 25_000));
  await docker(['rm', '--force', name('redis')]);
  expect((await space.run(['up'])).status).toBe(0);
  await writeFrom(name('redis'), ['after the replacement']);
  await until('it is kept', async () => (await stored('after the')).length === 1, 20);
  const engine = await shown('--grep', '^(burst|after)', 'redis');
  expect(engine.map(({ message }) => message)).toEqual(['after the replacement']);
  const all = await shown('--since', start, '--grep', '^(burst|after)', 'redis');
  expect(all.map(({ message }) => message)).toEqual([...numbered('burst', 25_000), 'after the replacement']);
});

test('health says that they are stored, and lines are read while the agent is away', async () => {
  const health = parsed<{ checks: { id: string; status: string; message: string }[] }>(await space.run(['health', '--json']));
  expect(health.checks).toContainEqual(expect.objectContaining({ id: 'logs', status: 'ok', message: 'logs are stored (files)' }));
  await docker(['stop', name('agent')]);
  expect(await shown('--since', start, '--correlation', 'corr-12345678')).toHaveLength(1);
  await docker(['start', name('agent')]);
});

test('the proxy lets nothing else of logs through', async () => {
  const ask = async (path: string) => {
    const program = `require('node:http').get({socketPath:'/srv/engine-proxy/engine.sock',path:process.argv[1]},(r)=>{console.log(r.statusCode);process.exit(0)})`;
    return Number((await docker(['exec', name('agent'), 'node', '-e', program, path])).stdout);
  };
  const query = 'follow=1&stdout=1&stderr=1&timestamps=1&since=';
  const own = `/containers/${name('redis')}/logs?${query}`;
  expect(await ask(`${own}1764475200.000000000`)).toBe(200);
  for (const path of [
    `${own}1764475200`,
    `${own}1764475200.000000000&details=1`,
    `${own}-1764475200.000000000`,
    `/containers/${name('redis')}/logs?stdout=1`,
    `/containers/${name('redis')}x/logs?${query}1764475200.000000000`,
    `/containers/x${name('redis')}/logs?${query}1764475200.000000000`,
    `/v1.40/containers/${name('redis')}/logs?${query}1764475200.000000000`,
    `/containers/${name('redis')}/export`,
  ])
    expect([path, await ask(path)]).toEqual([path, 403]);
});
