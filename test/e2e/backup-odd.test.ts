import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type BackupStack, backupStack, figure } from '../support/backup-stack.ts';
import { docker, HOME } from '../support/cli.ts';
import { until } from './support.ts';

let stack: BackupStack;
let image = '';

/** A script of Python on the uploads, as root; what it prints. */
async function onUploads(command: 'make' | 'digest'): Promise<string> {
  const mounts = ['--volume', `${stack.space.project}_uploads:/uploads`, '--volume', `${path.join(HOME, 'test/support')}:/support:ro`];
  const args = [
    'run',
    '--rm',
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
  await stack.must('up', '--timeout', '400');
  image = (await docker(['inspect', '--format', '{{.Config.Image}}', `${stack.space.project}-postgres-1-1`])).stdout.trim();
  await stack.sql("create table noted (id serial, text text); insert into noted (text) values ('then')");
  await stack.upload('one.txt', 'then');
  await stack.cache('set', 'session:1', 'then');
}, 900_000);
afterAll(() => stack?.destroy());

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
    const sound = async () => (await stack.space.run(['health', '--json'])).stdout;
    await until(
      'every member takes part again',
      async () => {
        const { checks } = JSON.parse(await sound()) as { checks: { id: string; status: string }[] };
        return checks.every(({ id, status: is }) => is === 'ok' || !/^(container|group)/.test(id));
      },
      150,
    );
    await stack.must('backup', '--type', 'full');
    await stack.must('backup', 'verify', await newest());
    await stack.must('health');
  }, 400_000);
});
