import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type BackupStack, backupStack, figure } from '../support/backup-stack.ts';
import { docker, medianest, run } from '../support/cli.ts';
import { removeProject } from '../support/workspace.ts';
import { parsed, until } from './support.ts';

/** Long enough that a segment of WAL is archived by its age alone. */
const LOAD_SECONDS = 40;

let stack: BackupStack;
let disk = '';
const passphrase = () => path.join(disk, '../passphrase');
const kit = () => path.join(disk, '../home.kit');
/** What the last transaction that was acknowledged has written. */
let acknowledged = 0;

beforeAll(async () => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'medianest-backup-disk-'));
  disk = path.join(folder, 'disk');
  mkdirSync(disk);
  const mounted = await run('mount', ['-t', 'tmpfs', '-o', 'size=512m', 'tmpfs', disk]);
  if (mounted.status !== 0) throw new Error(mounted.stderr);
  stack = await backupStack('kit', { archiveSeconds: 30, local: { kind: 'folder', path: disk } });
  await stack.must('up', '--timeout', '400');
  await stack.sql('create table load (id serial, at timestamptz)');
  await stack.upload('one.txt', 'first');
  await stack.cache('set', 'session:1', 'kept');
}, 900_000);
afterAll(async () => {
  await stack?.destroy();
  await run('umount', ['--lazy', disk]);
  rmSync(path.dirname(disk), { recursive: true, force: true });
});

/** Inserts ten times a second, and notes what was acknowledged. */
function load(): ChildProcess {
  const argv = [
    'exec',
    '-i',
    `${stack.space.project}-postgres-1-1`,
    'psql',
    '-XqAt',
    '-h',
    '/run/postgresql',
    '-U',
    'postgres',
    '-d',
    'medianest',
  ];
  const child = spawn('docker', argv, { stdio: ['pipe', 'pipe', 'ignore'] });
  child.stdin?.write('insert into load (at) values (clock_timestamp()) returning extract(epoch from at)\n\\watch 0.1\n');
  child.stdout?.on('data', (text: Buffer) => {
    const last = Number(text.toString().trim().split('\n').at(-1));
    if (last > acknowledged) acknowledged = last;
  });
  return child;
}

describe('a host that dies under load', () => {
  test('loses at most a minute, as a preview elsewhere shows', async () => {
    await stack.must('backup', '--type', 'full');
    writeFileSync(passphrase(), 'five random words in a row\n');
    await stack.must('backup', 'kit', kit(), '--passphrase-file', passphrase());
    // The kit does not know this one: the repository does.
    await stack.upload('one.txt', 'second');
    await stack.must('backup');
    if (
      (await stack.inside('postgres-1', 'psql', '-XqAt', '-h', '/run/postgresql', '-U', 'postgres', '-c', 'select pg_is_in_recovery()')) ===
      't'
    )
      await stack.must('switchover', '--to', 'postgres-1');
    const began = Date.now();
    const writer = load();
    await until('there was load', () => acknowledged > 0 && Date.now() - began > LOAD_SECONDS * 1000, LOAD_SECONDS + 60);
    const containers = (
      await docker(['ps', '--quiet', '--filter', `label=com.docker.compose.project=${stack.space.project}`])
    ).stdout.trim();
    await docker(['kill', ...containers.split('\n')]);
    writer.kill();

    const into = `${stack.space.project}-look`;
    await stack.must('restore', '--into', into, '--json');
    const psql = ['psql', '-XqAt', '-h', '/run', '-U', 'postgres', '-d', 'medianest', '-c', 'select extract(epoch from max(at)) from load'];
    const newest = Number((await docker(['exec', `${into}-postgres`, ...psql])).stdout.trim());
    figure('lost under load, in seconds', acknowledged - newest);
    expect(newest).toBeGreaterThan(0);
    expect(acknowledged - newest).toBeLessThanOrEqual(60);
    await stack.must('preview', 'remove', into);
  }, 300_000);
});

describe('a bare host', () => {
  test('has everything back by the kit and the repository’s disk', async () => {
    await removeProject(stack.space.project);
    rmSync(stack.space.state, { recursive: true, force: true });
    const bare = path.join(path.dirname(disk), 'bare');
    mkdirSync(bare);
    const away = path.join(path.dirname(disk), 'away');
    mkdirSync(away);
    const args = ['restore', '--kit', kit(), '--passphrase-file', passphrase()];

    // A disk that is not mounted: nothing is started.
    await run('mount', ['--move', disk, away]);
    const refused = await medianest([...args, '--json'], { cwd: bare });
    expect([refused.status, JSON.parse(refused.stdout).error.code]).toEqual([1, 'REPOSITORY_AWAY']);
    await run('mount', ['--move', away, disk]);
    rmSync(path.join(bare, '.medianest'), { recursive: true });
    rmSync(path.join(bare, 'medianest.yml'));

    const done = await medianest([...args, '--json'], { cwd: bare });
    expect(done.status, done.stderr).toBe(0);
    const outcome = parsed<{ rtoSeconds: number; checks: { status: string }[] }>(done);
    figure('bare host', outcome);
    expect(outcome.checks.map(({ status }) => status)).toEqual(['ok', 'ok']);
    expect(Number(await stack.sql('select count(*) from load'))).toBeGreaterThan(20);
    expect(await stack.files()).toEqual(['one.txt=second']);
    expect(await stack.cache('get', 'session:1')).toBe('kept');
    const health = await medianest(['health'], { cwd: bare });
    expect(health.status, health.stdout).toBe(0);
    const list = parsed<{ backups: { type: string }[] }>(await medianest(['backup', 'list', '--json'], { cwd: bare }));
    expect(list.backups.map(({ type }) => type)).toEqual(['full', 'incr', 'full']);
  }, 400_000);
});
