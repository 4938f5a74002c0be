import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type BackupStack, backupStack, figure } from '../../support/backup/backup-stack.ts';
import { docker, HOME, run } from '../../support/cli.ts';
import { type SmallDisk, smallDisk } from '../../support/engine/small-disk.ts';
import { identities, type JsonError, parsed, until } from '../../support/stack.ts';

let stack: BackupStack;
let image = '';
/** A disk for each: of the uploads, of the database's members, and of the repository. */
let uploadsDisk: SmallDisk;
const memberDisks: Record<string, SmallDisk> = {};
let repositoryDisk: SmallDisk;

/** A script of Python on the uploads, as root; what it prints. */
async function onUploads(
  command: 'make' | 'many' | 'digest' | 'sum' | 'check' | 'writer',
  volume = `${stack.space.project}_uploads`,
  more: string[] = [],
): Promise<string> {
  const mounts = ['--volume', `${volume}:/uploads`, '--volume', `${path.join(HOME, 'test/support/backup')}:/support:ro`];
  const args = [
    'run',
    '--rm',
    ...more,
    '--user',
    '0:0',
    '--network',
    'none',
    ...mounts,
    '--entrypoint',
    'python3',
    image,
    '/support/odd-files.py',
    command,
  ];
  const { status, stdout, stderr } = await docker(args);
  if (status !== 0) throw new Error(stderr);
  return stdout;
}
const uploads = (...argv: string[]) =>
  docker([
    'run',
    '--rm',
    '--user',
    '0:0',
    '--volume',
    `${stack.space.project}_uploads:/uploads`,
    '--entrypoint',
    argv[0] as string,
    image,
    ...argv.slice(1),
  ]);
const newest = async () => (await stack.sets()).at(-1)?.id as string;
const rows = async () => (await stack.sql('select text from noted order by id')).split('\n');

beforeAll(async () => {
  stack = await backupStack('odd');
  uploadsDisk = await smallDisk(stack.space, 'uploads', 10_001, 1200, 200_000);
  for (const member of ['postgres-1', 'postgres-2'])
    memberDisks[member] = await smallDisk(stack.space, `${member}-data`, 10_002, 1500, 20_000);
  repositoryDisk = await smallDisk(stack.space, 'unused', 10_002, 1500, 100_000);
  stack.configure({ local: { kind: 'folder', path: repositoryDisk.device } });
  await stack.must('up', '--timeout', '400');
  image = (await docker(['inspect', '--format', '{{.Config.Image}}', `${stack.space.project}-postgres-1-1`])).stdout.trim();
  await stack.sql("create table noted (id serial, text text); insert into noted (text) values ('then')");
  await stack.upload('one.txt', 'then');
  await stack.cache('set', 'session:1', 'then');
}, 900_000);
afterAll(async () => {
  await stack?.destroy();
  for (const disk of [uploadsDisk, ...Object.values(memberDisks), repositoryDisk]) await disk?.remove();
});

describe('files with odd names and of odd kinds', () => {
  test('are the same after a restore, and after another one', async () => {
    await onUploads('make');
    const before = JSON.parse(await onUploads('digest')) as Record<string, unknown>;
    expect(Object.keys(before).length).toBeGreaterThan(15);
    await stack.must('backup', '--type', 'full');
    const set = await newest();
    await uploads(
      'sh',
      '-c',
      'rm -rf /uploads/odd/n* && echo more >>/uploads/odd/-rf && touch /uploads/odd/added && chown 1:1 /uploads/odd/sparse',
    );
    await stack.must('restore', set, '--only', 'files', '--yes');
    expect(JSON.parse(await onUploads('digest'))).toEqual(before);
    await uploads('rm', '-rf', '/uploads/odd');
    await stack.must('restore', set, '--only', 'files', '--yes');
    expect(JSON.parse(await onUploads('digest'))).toEqual(before);
  }, 300_000);
});

const timed = async <T>(work: Promise<T>): Promise<number> => {
  const began = Date.now();
  await work;
  return (Date.now() - began) / 1000;
};

/** Of a thousand files each: 100 take four minutes, most of it restic's to write them back. */
const FOLDERS = process.env.FOLDERS ?? '30';

describe('many files and a large one', () => {
  let set = '';
  let before = '';

  test(`${FOLDERS},000 small ones and a sparse one of 5 GiB are the same after a restore, on a disk of 1.2 GB`, async () => {
    await onUploads('many', undefined, ['--env', `FOLDERS=${FOLDERS}`]);
    before = await onUploads('sum');
    const backup = await timed(stack.must('backup'));
    set = await newest();
    await uploads('rm', '-rf', '/uploads/many', '/uploads/huge');
    expect(await onUploads('sum')).not.toBe(before);
    const restore = await timed(stack.must('restore', set, '--only', 'files', '--yes'));
    figure(`${FOLDERS},000 files and 5 GiB, in seconds`, { backup, restore });
    expect(await onUploads('sum')).toBe(before);
    expect(Number((await uploads('du', '-k', '/uploads/huge')).stdout.split('\t')[0])).toBeLessThan(64 * 1024);
  }, 600_000);

  test('a disk that has no room for them is told before anything is changed', async () => {
    await uploads('rm', '-rf', '/uploads/many', '/uploads/huge');
    const after = await onUploads('sum');
    const running = await identities(stack.space.project);
    await uploadsDisk.leave(50 * 1024 ** 2);
    const refused = await stack.space.run(['restore', set, '--only', 'files', '--yes', '--json']);
    await uploadsDisk.free();
    const { error } = parsed<JsonError>(refused);
    expect([error.code, error.message]).toEqual([
      'DISK_FULL',
      expect.stringMatching(
        /restoring the uploads of .* takes .* \(\d{9} bytes\), and the disk has .* \(\d{8} bytes\) left; nothing was changed/,
      ),
    ]);
    expect([await onUploads('sum'), await identities(stack.space.project)]).toEqual([after, running]);
  }, 120_000);

  test('nor a member’s disk for the database', async () => {
    const running = await identities(stack.space.project);
    const disk = memberDisks[await stack.leader()] as SmallDisk;
    await disk.leave(10 * 1024 ** 2);
    const refused = await stack.space.run(['restore', set, '--only', 'db', '--yes', '--json']);
    await disk.free();
    expect(parsed<JsonError>(refused).error).toMatchObject({
      code: 'DISK_FULL',
      message: expect.stringContaining('restoring the database of'),
    });
    expect([await rows(), await identities(stack.space.project)]).toEqual([['then'], running]);
  }, 120_000);
});

test('a database of another major version is refused, and the files beside it are not', async () => {
  const file = path.join(stack.space.state, 'backups.json');
  const before = readFileSync(file, 'utf8');
  writeFileSync(file, before.replaceAll('"version": "17"', '"version": "16"'));
  const refused = await stack.space.run(['restore', 'latest', '--yes', '--json']);
  const files = await stack.space.run(['restore', 'latest', '--only', 'files', '--dry-run', '--json']);
  writeFileSync(file, before);
  expect(parsed<JsonError>(refused).error).toMatchObject({ code: 'NO_BACKUP', message: expect.stringContaining('is of PostgreSQL 16') });
  expect(files.status).toBe(0);
});

test('files that are added, replaced and deleted all the time: each in the set was there as a whole', async () => {
  const name = `${stack.space.project}-writer`;
  const writer = onUploads('writer', undefined, ['--name', name]).catch(() => undefined);
  await until('it writes', async () => (await uploads('test', '-e', '/uploads/busy/new-100')).status === 0);
  const backup = await stack.space.run(['backup', '--json']);
  await docker(['kill', name]);
  await writer;
  expect(backup.status, backup.stdout).toBe(0);
  const into = `${stack.space.project}-look`;
  await stack.must('restore', await newest(), '--only', 'files', '--into', into, '--json');
  const { files, broken } = JSON.parse(await onUploads('check', `${into}_uploads`)) as { files: number; broken: string[] };
  await stack.must('preview', 'remove', into);
  expect(files).toBeGreaterThan(20);
  // Those that are written in place, and under a name that is not the final one, are what they were while they were read.
  expect(broken.filter((file) => !['.partial', 'in-place'].includes(file))).toEqual([]);
}, 120_000);

describe('a repository', () => {
  test('that has become read-only: told at once, nothing is listed, and WAL catches up', async () => {
    const before = await stack.sets();
    const device = repositoryDisk.device;
    await until('it is read-only', async () => (await run('mount', ['-o', 'remount,ro', device])).status === 0);
    const seconds = await timed(stack.refused('backup').then((refused) => expect(refused).toEqual([1, 'REPOSITORY_AWAY'])));
    expect(seconds).toBeLessThan(30);
    const health = await stack.space.run(['health', '--json']);
    expect(JSON.parse(health.stdout).checks).toContainEqual(expect.objectContaining({ id: 'backup', status: 'fail' }));
    const segment = await stack.sql('create table waited (); select pg_walfile_name(pg_current_wal_lsn()); select pg_switch_wal()');
    const wanted = segment.split('\n')[0] as string;
    const archived = async () => (await stack.sql('select last_archived_wal from pg_stat_archiver')).slice(0, 24) >= wanted;
    await sleep(3000);
    expect(await archived()).toBe(false);
    const archive = async () =>
      (
        parsed<{ checks: { id: string; status: string; message: string }[] }>(await stack.space.run(['health', '--json'])).checks ?? []
      ).find(({ id }) => id === 'archive');
    await until('health tells that WAL waits', async () => (await archive())?.status === 'warn', 20);
    expect((await archive())?.message).toMatch(
      /waits? for the archive, the oldest for \d+ s; [0-9A-F]{24} was refused: a host that dies now/,
    );
    expect((await stack.space.run(['status'])).stdout).toMatch(/waits? for the archive/);
    await run('mount', ['-o', 'remount,rw', device]);
    await until('WAL has caught up', archived, 120);
    await until('health is content', async () => (await archive())?.status === 'ok', 20);
    expect(await stack.sets()).toEqual(before);
    await stack.must('backup');
    await stack.must('health');
  }, 240_000);

  test('that stands still during a backup stops no write, and the set is whole or is told to have failed', async () => {
    const before = await stack.sets();
    const host = `${stack.space.project}-backup-1`;
    const backup = stack.space.run(['backup', '--json']);
    await until(
      'pgBackRest is at work',
      async () => (await docker(['exec', host, 'pgrep', '-f', '^pgbackrest .*backup$'])).status === 0,
      60,
    );
    await docker(['pause', host]);
    let longest = 0;
    for (const end = Date.now() + 25_000; Date.now() < end; )
      longest = Math.max(longest, await timed(stack.sql('create table if not exists still (); drop table still')));
    await docker(['unpause', host]);
    const { status } = await backup;
    figure('a repository that stood still for 25 s', { status, longestWrite: longest });
    expect(longest).toBeLessThan(5);
    expect(await stack.sets()).toHaveLength(before.length + (status === 0 ? 1 : 0));
    await stack.must('backup');
    await stack.must('backup', 'verify', await newest());
  }, 240_000);

  test('whose newest set is later than now takes none until the clock is right, and says so', async () => {
    const before = await stack.sets();
    const folder = '/srv/backups/pgbackrest/backup/medianest';
    await stack.inside('backup', 'sh', '-c', `cd ${folder} && cp -r "$(ls -d *F | head -n 1)" 20990101-000000F`);
    const refused = await stack.space.run(['backup', '--type', 'full', '--json']);
    await stack.inside('backup', 'rm', '-r', `${folder}/20990101-000000F`);
    expect(parsed<JsonError>(refused).error).toMatchObject({
      code: 'BACKUP_REFUSED',
      message: expect.stringContaining('the clock was put back'),
    });
    expect(await stack.sets()).toEqual(before);
    await stack.must('backup');
  });
});

describe('a part alone', () => {
  test('the database goes back; uploads and cache stay as they are', async () => {
    const set = await newest();
    await stack.sql("insert into noted (text) values ('now')");
    await stack.upload('one.txt', 'now');
    await stack.cache('set', 'session:1', 'now');
    await stack.must('restore', set, '--only', 'db', '--yes');
    expect(await rows()).toEqual(['then']);
    expect([(await stack.files()).find((line) => line.startsWith('one.txt')), await stack.cache('get', 'session:1')]).toEqual([
      'one.txt=now',
      'now',
    ]);
    await stack.must('health');
    await stack.must('restore', '--undo', '--yes');
    expect(await rows()).toEqual(['then', 'now']);
  }, 300_000);
});

describe('the leader changes during a backup', () => {
  test('it fails and is told, nothing half is listed, and the next one is whole', async () => {
    await stack.sql('create table large as select md5(random()::text) from generate_series(1, 2000000)');
    const before = await stack.sets();
    const leader = await stack.leader();
    const backup = stack.space.run(['backup', '--type', 'full', '--json']);
    await until(
      'pgBackRest is at work',
      async () => (await docker(['exec', `${stack.space.project}-backup-1`, 'pgrep', '-f', '^pgbackrest .*backup$'])).status === 0,
      60,
    );
    await sleep(300);
    await docker(['kill', `${stack.space.project}-${leader}-1`]);
    const { status, stdout } = await backup;
    figure('a backup whose leader was killed', { status, said: stdout.slice(0, 200) });
    expect([status, JSON.parse(stdout).error.code]).toEqual([1, 'BACKUP_FAILED']);
    expect(await stack.sets()).toEqual(before);
    await stack.wellAgain(150);
    await stack.must('backup', '--type', 'full');
    await stack.must('backup', 'verify', await newest());
    await stack.must('health');
  }, 400_000);
});
