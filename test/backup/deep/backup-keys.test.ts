import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type BackupStack, backupStack, figure } from '../../support/backup/backup-stack.ts';
import { docker, medianest, run } from '../../support/cli.ts';
import { parsed, until } from '../../support/stack.ts';
import { removeProject } from '../../support/workspace.ts';

let stack: BackupStack;
let drawer = '';
const at = (name: string) => path.join(drawer, name);
const state = (...names: string[]) => path.join(stack.space.state, ...names);
const secrets = () => (JSON.parse(readFileSync(state('secrets.json'), 'utf8')) as { values: Record<string, { value: string }> }).values;
const generations = () => (JSON.parse(readFileSync(state('orders.json'), 'utf8')) as { backup: object }).backup;
const repository = async () => (await stack.inside('backup', 'ls', '/srv/backups')).split('\n');

/** restic in the repository, with a key of our choice. */
async function withKey(key: string, ...args: string[]): Promise<{ status: number | null; stdout: string }> {
  const file = at('key');
  writeFileSync(file, key, { mode: 0o644 });
  const mounts = ['--volume', `${stack.space.project}_backups:/srv/backups`, '--volume', `${file}:/key:ro`];
  const image = (await docker(['inspect', '--format', '{{.Config.Image}}', `${stack.space.project}-backup-1`])).stdout.trim();
  const restic = ['--no-cache', '--no-lock', '--repo', '/srv/backups/files', '--password-file', '/key', ...args];
  return docker(['run', '--rm', '--network', 'none', '--tmpfs', '/tmp', ...mounts, '--entrypoint', 'restic', image, ...restic]);
}

/** The rows that a set, or a moment, restores elsewhere. */
async function look(...args: string[]): Promise<string[]> {
  const into = `${stack.space.project}-look`;
  await stack.must('restore', ...args, '--into', into);
  const psql = ['psql', '-XqAt', '-h', '/run', '-U', 'postgres', '-d', 'medianest', '-c', 'select text from noted order by id'];
  const rows = (await docker(['exec', `${into}-postgres`, ...psql])).stdout.trim().split('\n');
  await stack.must('preview', 'remove', into);
  return rows;
}

/** Begins a rotation and kills it once that holds. */
async function killedWhen(what: string, holds: () => Promise<boolean> | boolean): Promise<void> {
  let child: { kill(signal: NodeJS.Signals): boolean } | undefined;
  const killed = stack.space.run(['backup', 'keys', 'rotate'], { onSpawn: (started) => (child = started) });
  await until(what, holds, 90);
  child?.kill('SIGKILL');
  expect((await killed).status).not.toBe(0);
}
const jobRuns = (job: string) => async () => (await stack.jobs()).some((name) => name.endsWith(`-job-${job}`));

let first = '';
const keys: string[] = [];

beforeAll(async () => {
  drawer = mkdtempSync(path.join(os.tmpdir(), 'medianest-keys-'));
  stack = await backupStack('keys');
  await stack.must('up', '--timeout', '400');
  await stack.sql("create table noted (id serial, text text); insert into noted (text) values ('one')");
  await stack.must('backup', '--type', 'full');
  first = (await stack.sets())[0]?.id as string;
  writeFileSync(at('passphrase'), 'five random words in a row\n');
  await stack.must('backup', 'kit', at('first.kit'), '--passphrase-file', at('passphrase'));
  keys.push(secrets()['backup-files-key']?.value as string);
}, 900_000);

afterAll(async () => {
  await stack?.destroy();
  rmSync(drawer, { recursive: true, force: true });
});

describe('a rotation of the backup keys', () => {
  test('killed at each of its steps: what is kept opens what there is, and the next run goes on', async () => {
    const opens = async () => {
      expect((await withKey(secrets()['backup-files-key']?.value as string, 'cat', 'config')).status).toBe(0);
      expect((await stack.sets()).map(({ id }) => id)).toContain(first);
    };
    for (const job of ['add-key', 'restic-key', 'remove-key']) {
      await killedWhen(`it is at ${job}`, jobRuns(job));
      await opens();
    }
    expect(existsSync(state('orders.json')) && generations()).toBeFalsy();
    await stack.must('backup');

    await killedWhen('another generation is ordered', () => existsSync(state('orders.json')));
    await opens();
    // Where the repository host does not go by it yet, nothing is written with the wrong key.
    const backed = await stack.space.run(['backup', '--json']);
    expect(backed.status === 0 || JSON.parse(backed.stdout).error.code === 'BACKUP_REFUSED').toBe(true);
    await killedWhen('the full backup is made', async () => (await stack.inside('backup', 'pgrep', '-f', '^pgbackrest .*backup$')) !== '');
    await opens();
    expect(await look(first)).toEqual(['one']);
  }, 300_000);

  test('ends with other keys, a full backup, and the old sets still there; the kit of before is said to be stale', async () => {
    const done = parsed<{ generation: number; readable: number[]; seconds: number }>(
      await stack.must('backup', 'keys', 'rotate', '--json'),
    );
    figure('rotation of the keys', done);
    const { current } = generations() as { current: number };
    expect(done).toMatchObject({ generation: current, readable: expect.arrayContaining([1]) });
    expect(await repository()).toEqual(expect.arrayContaining(['pgbackrest', `pgbackrest-${current}`]));
    expect((await stack.sets()).at(-1)?.type).toBe('full');
    keys.push(secrets()['backup-files-key']?.value as string);
    expect((await withKey(keys[0] as string, 'cat', 'config')).status).toBe(12);
    const list = await withKey(keys[1] as string, 'key', 'list', '--json');
    expect(JSON.parse(list.stdout)).toHaveLength(1);
    expect((await stack.space.run(['status'])).stdout).toContain('stale');
    expect((await docker(['inspect', `${stack.space.project}-backup-1`])).stdout).not.toContain(keys[1]);
  }, 120_000);

  test('sets of before and of after are restored, and any moment between them; all are verified, and the newest is drilled', async () => {
    await stack.sql("insert into noted (text) values ('after')");
    await sleep(1100);
    const moment = new Date().toISOString();
    await sleep(1100);
    await stack.sql("insert into noted (text) values ('later')");
    await stack.must('backup');
    expect(await look(first)).toEqual(['one']);
    expect(await look('latest')).toEqual(['one', 'after', 'later']);
    expect(await look('--to', moment)).toEqual(['one', 'after']);
    // What was written with the new key is followed from what was written with the old one.
    expect(await look(first, '--to', moment)).toEqual(['one', 'after']);
    await stack.must('backup', 'verify');
    await stack.must('drill');
    expect((await stack.space.run(['backup', 'list'])).stdout).not.toContain('WAL is missing');
  }, 300_000);

  test('pruning removes the old generation with its last set, and its key', async () => {
    const { current } = generations() as { current: number };
    const none = { hourly: 0, daily: 0, weekly: 0, monthly: 0, yearly: 0 };
    stack.configure({ local: { keep: { last: 1, ...none } } });
    await stack.must('backup', 'prune');
    expect(await repository()).toEqual(['files', `pgbackrest-${current}`, 'repository.id']);
    expect(generations()).toEqual({ current, oldest: current });
    expect(Object.keys(secrets()).filter((name) => name.startsWith('backup-database-key'))).toEqual([`backup-database-key-${current}`]);
    expect(existsSync(state('secrets/backup/backup-database-key'))).toBe(false);
    await stack.must('backup');
    await stack.must('health');
    expect((await stack.space.run(['plan'])).stdout).toContain('Nothing to do.');
  }, 120_000);
});

test('a bare host has everything back by the new kit, and an archive of the new generation', async () => {
  await stack.must('backup', 'kit', at('second.kit'), '--passphrase-file', at('passphrase'));
  await stack.must('backup', 'export', '--to', at('set.tar'));
  await removeProject(stack.space.project);
  rmSync(stack.space.state, { recursive: true, force: true });
  const bare = at('bare');
  mkdirSync(bare);
  const args = (kit: string) => ['restore', '--kit', at(kit), '--passphrase-file', at('passphrase'), '--archive', at('set.tar'), '--json'];
  // The kit of before has none of its keys, and leaves nothing.
  const refused = await medianest(args('first.kit'), { cwd: bare });
  expect([refused.status, JSON.parse(refused.stdout).error.code]).toEqual([1, 'REPOSITORY_AWAY']);
  expect((await run('ls', ['-A', bare])).stdout).toBe('');
  const done = await medianest(args('second.kit'), { cwd: bare });
  expect(done.status, done.stderr).toBe(0);
  expect((await stack.sql('select text from noted order by id')).split('\n')).toEqual(['one', 'after', 'later']);
  expect((await medianest(['health'], { cwd: bare })).status).toBe(0);
}, 400_000);
