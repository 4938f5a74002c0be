import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { medianest, PROGRAM, run, typing } from '../../support/cli.ts';
import { asNobody, json } from '../../support/command.ts';

const made: string[] = [];
afterAll(() => {
  for (const dir of made) rmSync(dir, { recursive: true, force: true });
});
function empty(): string {
  const dir = mkdtempSync(path.join(os.tmpdir(), 'medianest-init ä-'));
  made.push(dir);
  return dir;
}
const settings = (dir: string) => parse(readFileSync(path.join(dir, 'medianest.yml'), 'utf8'));

/** Types answers on a terminal (script(1) makes one), each line once it is asked for. */
const converse = (dir: string, answers: readonly string[], args = '') =>
  run('script', ['--quiet', '--return', '--command', `'${process.execPath}' '${PROGRAM}' init ${args}`, '/dev/null'], {
    cwd: dir,
    env: { COLUMNS: '100' },
    interactive: true,
    onSpawn: (child) => typing(child, answers),
  });

describe('init with a terminal', () => {
  it('asks, says what does not fit, and writes what was answered, secrets apart', async () => {
    const dir = empty();
    const { stdout, status } = await converse(dir, [
      'nonsense',
      'dev-compose',
      'media.home.example, tv.home',
      '127.0.0.1',
      'http://192.168.1.20:32400',
      '-',
      '-',
      'my-plex-token',
    ]);
    expect(status).toBe(0);
    expect(stdout).toContain('choose one of dev, dev-compose');
    expect(stdout).not.toContain('my-plex-token');
    expect(settings(dir)).toEqual({
      version: 3,
      profile: 'dev-compose',
      edge: { domains: ['media.home.example', 'tv.home'], address: '127.0.0.1' },
      external: { plex: { url: 'http://192.168.1.20:32400', token: 'file:secrets/plex-token' } },
    });
    const secret = path.join(dir, 'secrets/plex-token');
    expect([readFileSync(secret, 'utf8'), statSync(secret).mode & 0o777]).toEqual(['my-plex-token\n', 0o600]);
    expect(stdout).toContain('Docker Engine');
    expect((await medianest(['config', 'validate'], { cwd: dir })).status).toBe(0);
    expect(readFileSync(path.join(dir, '.medianest/settings.schema.json'), 'utf8')).toContain('httpsPort');
  });
  it('writes nothing where the questions are left', async () => {
    const dir = empty();
    const { status } = await converse(dir, ['dev-compose', '\u0003']);
    expect([status === 0, existsSync(path.join(dir, 'medianest.yml'))]).toEqual([false, false]);
  });
});

describe('init without a terminal', () => {
  it('takes what is proposed with --yes alone, and flags before proposals', async () => {
    const dir = empty();
    const refused = await medianest(['init', '--json'], { cwd: dir });
    expect([refused.status, json(refused.stdout).error.code, readdirSync(dir)]).toEqual([2, 'CONFIRMATION_NEEDED', []]);
    const { stdout, status } = await medianest(['init', '--yes', '--json', '--profile', 'dev', '--set', 'allInOne.port=13000'], {
      cwd: dir,
    });
    expect([status, JSON.parse(stdout)]).toEqual([
      0,
      expect.objectContaining({ written: true, doctor: expect.objectContaining({ checks: expect.any(Array) }) }),
    ]);
    expect(settings(dir)).toMatchObject({ profile: 'dev', allInOne: { port: 13000 } });
  });
  it('takes a file of answers', async () => {
    const dir = empty();
    writeFileSync(
      path.join(dir, 'answers.yml'),
      'profile: dev-compose\nproject: home\nedge: { domains: [a.example], connections: 9 }\nexternal: { uptimeKuma: { url: "http://10.0.0.9:3001" } }\n',
    );
    expect((await medianest(['init', '--yes', '--answers', 'answers.yml'], { cwd: dir })).status).toBe(0);
    expect(settings(dir)).toMatchObject({
      project: 'home',
      edge: { domains: ['a.example'], address: '0.0.0.0', connectionsPerClient: 9 },
      external: { uptimeKuma: { url: 'http://10.0.0.9:3001' } },
    });
  });
  it('proposes what listens on this host, by an address that containers reach', async () => {
    const address = Object.values(os.networkInterfaces())
      .flatMap((list) => list ?? [])
      .find(({ family, internal }) => family === 'IPv4' && !internal)?.address as string;
    const server = net.createServer().listen(5055, address);
    await new Promise((resolve) => server.once('listening', resolve));
    const dir = empty();
    const { status } = await medianest(['init', '--yes', '--profile', 'dev'], { cwd: dir });
    server.close();
    expect([status, settings(dir).external.overseerr.url]).toEqual([0, `http://${address}:5055`]);
  });
  it('says which address ranges it takes, and what these must not cover', async () => {
    const dir = empty();
    const ssh = { SSH_CONNECTION: '172.16.144.7 50022 10.9.0.1 22', SSH_CLIENT: undefined };
    const args = ['init', '--yes', '--profile', 'prod', '--set', 'external.plex.url=http://10.0.144.20:32400'];
    const { status, stdout } = await medianest(args, { cwd: dir, env: ssh });
    expect(status).toBe(0);
    const [, ranges = '', why = ''] =
      /the ranges of ours: (.*?); and they cover nothing that this host has to reach: (.*)/.exec(stdout) ?? [];
    expect(ranges.split(', ').map((range) => /^(\w+) [\d.]+\/24$/.exec(range)?.[1])).toEqual([
      'dmz',
      'app',
      'db',
      'control',
      'out',
      'monitoring',
      'auth',
    ]);
    expect(why).toContain('172.16.144.7 (the SSH client, $SSH_CONNECTION)');
    expect(why).toContain('10.0.144.20 (external.plex.url)');
    expect(ranges).not.toMatch(/ 172\.16\.144\.| 10\.0\.144\./);
  });
  it('never overwrites, and leaves nothing behind where it cannot finish', async () => {
    const dir = empty();
    writeFileSync(path.join(dir, 'medianest.yml'), '# mine\n');
    const there = await medianest(['init', '--yes', '--json'], { cwd: dir });
    expect([there.status, json(there.stdout).error.code, readFileSync(path.join(dir, 'medianest.yml'), 'utf8')]).toEqual([
      1,
      'ALREADY_THERE',
      '# mine\n',
    ]);
    const wrong = empty();
    const { status } = await medianest(['init', '--yes', '--profile', 'dev', '--set', 'edge.httpsPort=many'], { cwd: wrong });
    expect([status, readdirSync(wrong)]).toEqual([2, []]);
    const unknown = await medianest(['init', '--yes', '--profile', 'nonsense'], { cwd: wrong });
    expect([unknown.status, readdirSync(wrong)]).toEqual([2, []]);
  });
  it('says so where it may not write', async () => {
    const dir = empty();
    chmodSync(dir, 0o755);
    mkdirSync(path.join(dir, 'x'));
    const { status, stdout } = await asNobody(['init', '--yes', '--json', '--profile', 'dev'], { cwd: dir });
    expect([status, json(stdout).error]).toEqual([1, expect.objectContaining({ code: 'STATE_UNWRITABLE' })]);
  });
  it('shows it with --dry-run, and writes nothing', async () => {
    const dir = empty();
    const { stdout, status } = await medianest(['init', '--dry-run', '--profile', 'dev'], { cwd: dir });
    expect([status, readdirSync(dir), stdout]).toEqual([0, [], expect.stringContaining('profile: dev')]);
  });
});
