import type { ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type BackupStack, backupStack, figure } from '../../support/backup/backup-stack.ts';
import { half, sizesHere, sizesIn, slow, smallFolder, volumeFolder } from '../../support/backup/copy-faults.ts';
import { type CopyServers, copyServers } from '../../support/backup/copy-servers.ts';
import { docker, run } from '../../support/cli.ts';
import { until } from '../../support/stack.ts';

const FOLDER = '/home/medianest/medianest';
/** Half a megabyte in a second: what follows takes some, and is looked at meanwhile. */
const SLOW = '4mbit';

let far: CopyServers;
let stack: BackupStack;
let sender: string;
/** The database’s part of the repository here. */
let here: string;

const facts = async (): Promise<string[]> =>
  (await stack.inside('backup-copies', 'copies', 'status')).split('\n').map((line) => line.trim());
const fact = async (name: string) => (await facts()).find((line) => line.startsWith(`sftp ${name} `))?.slice(`sftp ${name} `.length) ?? '';
const complete = async () => (await fact('complete')) === 'yes';
async function whole(): Promise<void> {
  const since = new Date().toISOString().slice(0, 19);
  const began = Date.now();
  await until('the copy is whole', async () => (await complete()) && (await fact('wal-success')) > since, 90);
  figure('the copy is whole, in seconds', (Date.now() - began) / 1000);
  expect(half(await sizesIn(far.host, `${FOLDER}/pgbackrest`), await sizesHere(here))).toEqual([]);
  expect(await stack.inside('backup-copies', 'copies', 'check', 'sftp')).toBe('');
}
/** Something that nothing makes smaller, in a table of its own. */
const grow = (table: string) =>
  stack.sql(
    `create table ${table} as select string_agg(sha512(random()::text::bytea), ''::bytea) from generate_series(1, 150000) g group by g % 500`,
  );
/** Until a large file of the database is half there, and still is when it is looked at again. */
async function midway(): Promise<string> {
  let found: string[] = [];
  await until(
    'a file is half there',
    async () => {
      found = half(await sizesIn(far.host, `${FOLDER}/pgbackrest`), await sizesHere(here)).filter((name) => name.startsWith('backup/'));
      return found.length > 0;
    },
    30,
  );
  return found[0] as string;
}
/** Until all WAL of up to now is there. @returns after how many seconds */
async function walSent(): Promise<number> {
  const began = Date.now();
  const segment = await stack.sql('select pg_walfile_name(pg_switch_wal())');
  await until(`${segment} is there`, async () => (await fact('newest')) >= segment, 60);
  return (Date.now() - began) / 1000;
}
const sums = async () =>
  (await run('sh', ['-c', `cd ${here} && find . -type f ! -name '*.info*' ! -name '*.tmp' -exec sha256sum {} +`])).stdout;

beforeAll(async () => {
  far = await copyServers('faulty');
  stack = await backupStack('faulty', { archiveSeconds: 5 });
  sender = `${stack.space.project}-backup-copies-1`;
  stack.configure({ copies: { sftp: { host: far.host, hostKeys: far.hostKeys, key: `file:${far.key}` } } });
  await stack.must('up', '--timeout', '400');
  await far.start(`${stack.space.project}_mgmt`);
  await smallFolder(far.host, FOLDER, 120);
  here = await volumeFolder(`${stack.space.project}_backups`, 'pgbackrest');
  await stack.sql("create table noted (text text); insert into noted values ('one')");
  await stack.must('backup', '--type', 'full');
  await whole();
}, 600_000);
afterAll(async () => {
  await far?.destroy();
  await stack?.destroy();
});

describe('the place that copies go to', () => {
  test('has a full disk: the backup ends well, it is said why, nothing that was there is lost, and it catches up', async () => {
    const before = await far.run('sh', '-c', `cd ${FOLDER} && find . -type f -exec sha256sum {} + | tee /tmp/sums`);
    await far.run('sh', '-c', `dd if=/dev/zero of=${FOLDER}/filler bs=4k 2>/dev/null || true`);
    await stack.must('backup');
    await until('it is said', async () => /disk there is full/.test(await fact('sets-error')), 40);
    const says = /copy sftp is behind: .*the disk there is full or nearly so, \d+ MiB are free/;
    for (const command of [['status'], ['health'], ['backup', 'copies']]) expect((await stack.space.run(command)).stdout).toMatch(says);
    expect(before).toContain('backup.manifest');
    // pgBackRest has each of its lists twice, and one of the two at least is as it was.
    await far.run('sh', '-c', `cd ${FOLDER} && grep -v 'info$' /tmp/sums | sha256sum --check --quiet`);
    await far.run('rm', `${FOLDER}/filler`);
    await whole();
  }, 200_000);

  test('is slow: nobody waits for it; the sender is killed in the middle of a large file', async () => {
    await grow('large');
    await slow(sender, SLOW);
    await stack.must('backup');
    const own = await sums();
    const name = await midway();
    await docker(['kill', sender]);
    expect(half(await sizesIn(far.host, `${FOLDER}/pgbackrest`), await sizesHere(here)), name).not.toEqual([]);
    // What is half there takes nothing away from what is whole here.
    await stack.must('backup', 'fetch', 'sftp');
    expect((await sums()).split('\n')).toEqual(expect.arrayContaining(own.split('\n')));
    await whole();
  }, 200_000);

  test('gets WAL beside a large file, is cut off in the middle of it, and lets nobody in any more', async () => {
    await grow('larger');
    await walSent();
    const release = await slow(sender, SLOW);
    await stack.must('backup');
    await midway();
    figure('WAL beside a set that is being sent, in seconds', await walSent());
    expect(await complete()).toBe(false);
    await midway();
    await far.letIn(false);
    await far.run('pkill', '-9', 'sshd-session');
    await release();
    await until('it is said', async () => /unable to authenticate/.test(await fact('sets-error')), 40);
    await far.letIn(true);
    await whole();
  }, 200_000);

  test('was emptied, and what began anew there was killed: it is all sent again', async () => {
    await far.run('sh', '-c', `cd ${FOLDER} && rm -rf * && : >repository.id && chown medianest repository.id`);
    await until('it is not whole', async () => !(await complete()), 40);
    await whole();
    await docker(['kill', sender]);
    await far.run('sh', '-c', `cd ${FOLDER}/files && truncate -s 100 keys/* && : >config && rm -rf data snapshots index locks`);
    await docker(['start', sender]);
    await stack.must('backup');
    await whole();
  }, 200_000);
});

describe('what a copy holds is brought back', () => {
  test('and that is killed: nothing here is half; of two at once one goes on', async () => {
    const before = await sums();
    await run('sh', ['-c', `cd ${here}/backup/medianest && rm -rf *_*`]);
    const release = await slow(far.host, SLOW);
    let child: ChildProcess | undefined;
    const killed = stack.space.run(['backup', 'fetch', 'sftp'], { onSpawn: (spawned) => (child = spawned) });
    const there = await sizesIn(far.host, `${FOLDER}/pgbackrest`);
    const part = await volumeFolder(`${stack.space.project}_backups`, 'fetch.part', 'pgbackrest');
    await until('a file is half here', async () => half(await sizesHere(part), there).length > 0, 40);
    child?.kill('SIGKILL');
    await killed;
    await release();
    expect(half(await sizesHere(here), there)).toEqual([]);
    const labels = [...(await sizesHere(here)).keys()].filter((name) => name.endsWith('/backup.manifest'));
    expect(labels.filter((name) => name.includes('_'))).toEqual([]);
    const both = await Promise.all([1, 2].map(() => stack.space.run(['backup', 'fetch', 'sftp', '--json'])));
    expect(both.map(({ status }) => status === 0).sort()).toEqual([false, true]);
    expect(both.map(({ stdout }) => stdout).join()).toContain('"LOCKED"');
    expect((await sums()).split('\n').sort()).toEqual(expect.arrayContaining(before.split('\n').sort()));
    expect(existsSync(part)).toBe(false);
    await whole();
  }, 200_000);

  test('from one that the host was lost in the middle of sending to', async () => {
    await stack.sql('create table later (text text)');
    await walSent();
    await docker(['kill', sender]);
    // As uploads that were killed leave them: a label’s manifest, an index of restic’s and the newest WAL.
    await far.run(
      'sh',
      '-c',
      `cd ${FOLDER} && truncate -s 1000 "$(ls -d pgbackrest/backup/medianest/*_* | tail -n 1)/backup.manifest" &&
       head -c 100 "$(ls files/index/* | head -n 1)" >files/index/$(printf 'a%.0s' $(seq 64)) && chown medianest files/index/* &&
       truncate -s 100 "$(find pgbackrest/archive -name '*.zst' | sort | tail -n 1)"`,
    );
    const known = (await stack.sets()).map(({ id }) => id);
    await run('sh', ['-c', `rm -rf ${here}/../*`]);
    await stack.must('backup', 'fetch', 'sftp');
    expect((await stack.sets()).map(({ id }) => id)).toEqual(known);
    const look = `${stack.space.project}-look`;
    await stack.must('restore', known.at(-1) ?? '', '--into', look, '--yes');
    await stack.must('preview', 'remove', look);
  }, 180_000);
});
