import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { mailReceiver } from '../../support/alerts/receivers.ts';
import { PROGRAM, run } from '../../support/cli.ts';
import { folder, json } from '../../support/command.ts';
import { request } from '../../support/stack.ts';

const SETTINGS = 'profile: prod\nobservability: light\n';
const own = folder(SETTINGS);
/** No engine answers there. */
const env = { DOCKER_HOST: 'unix:///none.sock' };
const medianest = (...args: string[]) => own.run(args, { env });
const file = (name: string) => path.join(own.dir, name);
const pages = () => readdirSync(own.dir).filter((name) => name.endsWith('.html'));

beforeAll(async () => {
  expect((await medianest('render')).status).toBe(0);
});

it.each([
  [['report', '--days', '0'], /--days 0: should be a number of days/],
  [['report', '--days', '401'], /--days 401/],
  [['report', '--days', 'many'], /--days many/],
  [['dashboard', '--port', '65536'], /--port 65536: should be a port/],
  [['dashboard', '--port', '-1'], /--port -1/],
  [['report', 'send'], /no channel is sent the report/],
  [['report', 'send', 'desk'], /there is no channel desk/],
])('%j is refused', async (args, words) => {
  const { status, stderr, stdout } = await medianest(...args);
  expect([status, stdout]).toEqual([2, '']);
  expect(stderr).toMatch(words);
  expect(pages()).toEqual([]);
});

describe('report without an engine', () => {
  it('writes a page that says what it cannot tell, and tells the rest', async () => {
    const { status, stdout } = await medianest('report');
    expect(status).toBe(0);
    const [, name = ''] = /^Cannot tell whether all is well: (mt-cli-report-\d{4}-\d\d-\d\d\.html)\n$/.exec(stdout) ?? [];
    const page = readFileSync(file(name), 'utf8');
    expect(statSync(file(name)).mode & 0o777).toBe(0o600);
    expect(page).toMatch(/Cannot tell: .*none\.sock/);
    expect(page).toContain('None yet.');
    expect(page).toContain('There is no backup yet');
    expect(page).toContain('data-node="postgres-1"');
  });
  it('writes into a folder, and to a file that is named', async () => {
    mkdirSync(file('out'));
    expect((await medianest('report', '--out', 'out')).stdout).toMatch(/: out\/mt-cli-report-.*\.html\n$/);
    expect((await medianest('report', '--out', 'out/a.html', '--days', '1')).stdout).toMatch(/: out\/a\.html\n$/);
    expect(readdirSync(file('out'))).toHaveLength(2);
    expect(readFileSync(file('out/a.html'), 'utf8')).toContain('the last day');
  });
  it('replaces a report of its own, and nothing else', async () => {
    writeFileSync(file('kept.html'), '<!doctype html><title>mine</title>');
    const refused = await medianest('report', '--out', 'kept.html', '--json');
    expect([refused.status, json(refused.stdout).error.code]).toEqual([1, 'FILE_UNUSABLE']);
    expect(json(refused.stdout).error.hint).toContain('--force');
    expect(readFileSync(file('kept.html'), 'utf8')).toContain('mine');
    expect((await medianest('report', '--out', 'kept.html', '--force')).status).toBe(0);
    expect(readFileSync(file('kept.html'), 'utf8')).not.toContain('mine');
    expect((await medianest('report', '--out', 'kept.html')).status).toBe(0);
    expect(statSync(file('kept.html')).mode & 0o777).toBe(0o600);
  });
  it('does not wait for a pipe to be read, nor write into a device', async () => {
    await run('mkfifo', [file('pipe')]);
    for (const out of ['pipe', '/dev/null']) {
      const refused = await medianest('report', '--out', out, '--force');
      expect([refused.status, refused.stderr]).toEqual([1, expect.stringContaining('is no file')]);
    }
    const below = await medianest('report', '--out', 'medianest.yml/x.html');
    expect([below.status, below.stderr]).toEqual([1, expect.stringMatching(/choose another place with --out/)]);
  });
  it('prints facts for a script, and writes a page only where one is named', async () => {
    const before = pages();
    const printed = await medianest('report', '--json');
    expect(printed.status).toBe(0);
    expect(JSON.parse(printed.stdout)).toMatchObject({
      file: null,
      project: 'mt-cli',
      profile: 'prod',
      days: 30,
      verdict: { missing: expect.stringMatching(/^Cannot tell: /) },
      slo: { missing: expect.stringMatching(/^Cannot tell: /) },
      backups: { value: { sets: [], newestAgeSeconds: null } },
      releases: { value: [] },
    });
    expect(pages()).toEqual(before);
    expect(JSON.parse((await medianest('report', '--json', '--out', 'b.html')).stdout)).toMatchObject({ file: file('b.html') });
  });
  it('writes nothing in a dry run', async () => {
    expect((await medianest('report', '--dry-run', '--out', 'dry.html')).stdout).toBe(`would write ${file('dry.html')}\n`);
    expect(existsSync(file('dry.html'))).toBe(false);
  });
  it('says which file of the state is damaged, and goes on', async () => {
    const damaged = path.join(own.state, 'releases.json');
    writeFileSync(damaged, '{ "half');
    expect(JSON.parse((await medianest('report', '--json')).stdout)).toMatchObject({
      releases: { missing: expect.stringMatching(/Cannot tell: .*releases\.json/) },
      backups: { value: { sets: [] } },
    });
    writeFileSync(damaged, '[]');
  });
  it('says that nothing is measured where there is no Prometheus', async () => {
    const plain = folder('profile: dev-compose\n');
    await plain.run(['render'], { env });
    expect(JSON.parse((await plain.run(['report', '--json'], { env })).stdout)).toMatchObject({
      slo: { missing: expect.stringMatching(/^Not measured: there is no Prometheus/) },
      disks: { missing: expect.stringMatching(/^Not measured: /) },
    });
  });
});

describe('report send', () => {
  it('sends it to the channels that are meant, and says which one did not take it', async () => {
    const mail = await mailReceiver();
    const channel = (port: number) =>
      `{ kind: email, tls: none, host: 127.0.0.1, port: ${port}, from: a@b.example, to: [c@d.example], report: true }`;
    own.settings(`${SETTINGS}alerts: { channels: { desk: ${channel(mail.port)}, away: ${channel(9)} } }\n`);
    expect((await medianest('report', 'send', '--dry-run')).stdout).toBe('would send the report to desk, away\n');
    expect(mail.received).toEqual([]);
    const sent = await medianest('report', 'send');
    expect([sent.status, sent.stdout]).toEqual([4, 'desk: sent\naway: not sent: nothing listens there\n']);
    expect((await medianest('report', 'send', 'desk')).status).toBe(0);
    expect(mail.received).toHaveLength(2);
    expect(mail.received[0]).toMatch(/^Subject: mt-cli: Cannot tell whether all is well\r$/m);
    expect((await medianest('jobs', 'list')).stdout).toMatch(/^report +0 7 \* \* 1/m);
    own.settings(SETTINGS);
    expect((await medianest('jobs', 'list')).stdout).not.toMatch(/^report /m);
    await mail.close();
  });
});

describe('dashboard', () => {
  const running: ChildProcess[] = [];
  afterEach(() => {
    for (const child of running.splice(0)) child.kill('SIGKILL');
  });
  const start = async (...args: string[]) => {
    const child = spawn(process.execPath, [PROGRAM, 'dashboard', ...args], { cwd: own.dir, env: { ...process.env, ...env } });
    running.push(child);
    const ended = new Promise<number | null>((resolve) => child.on('close', resolve));
    const said = await new Promise<string>((resolve) => child.stdout.once('data', (chunk: Buffer) => resolve(String(chunk).trim())));
    return { child, ended, said };
  };

  it('serves what it knows on the loopback, until Ctrl-C', async () => {
    const { child, ended, said } = await start();
    expect(said).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/[\w-]{32}\/$/);
    const { status, body, headers } = await request(said, { timeout: 20_000 });
    expect(status).toBe(200);
    expect(body).toMatch(/Cannot tell: .*none\.sock/);
    expect(headers['content-security-policy']).toContain("default-src 'none'");
    expect([headers['cache-control'], headers['referrer-policy']]).toEqual(['no-store', 'no-referrer']);
    expect((await request(said.replace(/\/[\w-]{32}\//, '/')))?.status).toBe(404);
    expect((await request(said, { headers: { host: 'evil.example' } })).status).toBe(421);
    expect((await request(said, { method: 'POST' })).status).toBe(405);
    child.kill('SIGINT');
    expect(await ended).toBe(0);
  });
  it('has another address each time, and says it as JSON', async () => {
    const [one, two] = [await start('--json'), await start('--json')].map(({ said }) => JSON.parse(said) as { url: string; port: number });
    expect(one?.url).toContain(`:${one?.port}/`);
    expect(new URL(one?.url ?? '').pathname).not.toBe(new URL(two?.url ?? '').pathname);
  });
  it('says that a port is in use', async () => {
    const server = http.createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const { status, stderr } = await medianest('dashboard', '--port', String(port));
    server.close();
    expect([status, stderr]).toEqual([1, expect.stringMatching(/port \d+ is in use.*\n.*leave --port out/)]);
  });
});
