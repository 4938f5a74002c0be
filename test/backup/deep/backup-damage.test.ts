import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type BackupStack, backupStack, figure } from '../../support/backup/backup-stack.ts';
import { docker } from '../../support/cli.ts';
import { type JsonError, parsed, until } from '../../support/stack.ts';

let stack: BackupStack;
const ids = async () => (await stack.sets()).map(({ id }) => id);
const container = (service: string) => `${stack.space.project}-${service}-1`;
/** Writes over two bytes in the middle of a file of the repository. @returns what puts them right */
async function damage(find: string): Promise<() => Promise<string>> {
  const script = `f=$(${find}) && [ -f "$f" ] && cp -pf "$f" /tmp/whole && chmod u+w "$f" && size=$(stat -c %s "$f") &&
    printf '\\377\\376' | dd of="$f" bs=1 seek=$((size / 2)) conv=notrunc 2>/dev/null && ! cmp -s "$f" /tmp/whole && echo "$f"`;
  const file = await stack.inside('backup', 'sh', '-c', script);
  return () => stack.inside('backup', 'sh', '-c', `cp -p /tmp/whole "${file}"`);
}

beforeAll(async () => {
  stack = await backupStack('damage', { local: { keep: { last: 1, hourly: 0, daily: 0, weekly: 0, monthly: 0, yearly: 0 } } });
  await stack.must('up', '--timeout', '400');
  await stack.sql("create table noted (text text); insert into noted values ('then')");
  await stack.upload('one.txt', 'then '.repeat(2000));
  await stack.must('backup', '--type', 'full');
}, 900_000);
afterAll(() => stack?.destroy());

test('two restores at once: the second is told who is at work, and the first ends well', async () => {
  await stack.upload('one.txt', 'now');
  const first = stack.space.run(['restore', 'latest', '--only', 'files', '--yes', '--json']);
  await until('the first is at work', async () => (await stack.jobs()).length > 0, 30);
  expect(await stack.refused('restore', 'latest', '--only', 'files', '--yes')).toEqual([1, 'LOCKED']);
  expect((await first).status).toBe(0);
  expect((await stack.files())[0]).toMatch(/^one.txt=then then/);
});

describe('a repository that was damaged', () => {
  test('in a pack of the files: verify tells it, no set counts as good, and whole again all of them do', async () => {
    const right = await damage("find /srv/backups/files/data -type f -printf '%s %p\\n' | sort -n | tail -n 1 | cut -d ' ' -f 2");
    const found = await stack.space.run(['backup', 'verify', '--json']);
    expect([found.status, JSON.parse(found.stdout)]).toEqual([
      5,
      expect.objectContaining({ problems: [expect.stringContaining('restic: ')] }),
    ]);
    expect((await stack.sets()).map(({ status }) => status)).not.toContain('verified');
    await right();
    await stack.must('backup', 'verify');
    expect((await stack.sets()).every(({ status }) => status === 'verified')).toBe(true);
  }, 120_000);

  test('in a segment of WAL that no set ends with: verify tells which, and the sets are good', async () => {
    const segments: string[] = [];
    for (const text of ['a', 'b', 'c']) {
      await stack.sql(`insert into noted values ('${text}')`);
      segments.push(await stack.sql('select pg_walfile_name(pg_switch_wal())'));
    }
    await until(
      'they are in the archive',
      async () => (await stack.sql('select last_archived_wal from pg_stat_archiver')).slice(0, 24) >= (segments.at(-1) as string),
      60,
    );
    const right = await damage(`ls /srv/backups/pgbackrest/archive/medianest/*/*/${segments[1]}-*`);
    const found = await stack.space.run(['backup', 'verify', '--json']);
    expect([found.status, JSON.parse(found.stdout)]).toEqual([
      5,
      expect.objectContaining({ problems: [expect.stringContaining(segments[1] as string)] }),
    ]);
    expect((await stack.sets()).every(({ status }) => status === 'verified')).toBe(true);
    const health = JSON.parse((await stack.space.run(['health', '--json'])).stdout) as { checks: object[] };
    expect(health.checks).toContainEqual(expect.objectContaining({ id: 'backup-verify', status: 'fail' }));
    await right();
    await stack.must('backup', 'verify');
    await stack.must('health');
  }, 120_000);
});

describe('a stack that is not well', () => {
  test('without the repository host, or without a leader, is refused at once, and nothing is listed', async () => {
    const before = await ids();
    await docker(['stop', container('backup')]);
    const away = await stack.space.run(['backup', '--json']);
    expect([away.status, parsed<JsonError>(away).error]).toEqual([
      1,
      expect.objectContaining({ code: 'BACKUP_REFUSED', message: expect.stringContaining('does not run') }),
    ]);
    await docker(['start', container('backup')]);
    await stack.wellAgain(60);
    await docker(['pause', container('postgres-1'), container('postgres-2')]);
    const led = await stack.space.run(['backup', '--json']);
    await docker(['unpause', container('postgres-1'), container('postgres-2')]);
    expect([led.status, parsed<JsonError>(led).error]).toEqual([
      1,
      expect.objectContaining({ code: 'BACKUP_REFUSED', message: expect.stringContaining('the database has no leader') }),
    ]);
    await stack.wellAgain(120);
    expect(await ids()).toEqual(before);
    await stack.must('backup');
  }, 300_000);

  test('whose replica is lost during a backup: it ends whole or is told to have failed, and no write waits for it', async () => {
    await stack.sql('create table large as select md5(random()::text) from generate_series(1, 1500000)');
    const before = await ids();
    const replica = (await stack.leader()) === 'postgres-1' ? 'postgres-2' : 'postgres-1';
    const backup = stack.space.run(['backup', '--type', 'full', '--json']);
    await until(
      'pgBackRest is at work',
      async () => (await docker(['exec', container('backup'), 'pgrep', '-f', '^pgbackrest .*backup$'])).status === 0,
      60,
    );
    await sleep(500);
    await docker(['kill', container(replica)]);
    await until('a write is taken', async () => (await stack.sql("insert into noted values ('meanwhile') returning text")) !== '', 30);
    const { status, stdout } = await backup;
    figure('a backup whose replica was killed', { status, said: stdout.slice(0, 200) });
    if (status !== 0) expect(JSON.parse(stdout).error.code).toBe('BACKUP_FAILED');
    expect(await ids()).toHaveLength(before.length + (status === 0 ? 1 : 0));
    await stack.wellAgain(150);
    await stack.must('backup');
    await stack.must('backup', 'verify', (await ids()).at(-1) as string);
    await stack.sql('drop table large');
  }, 300_000);
});

test('pruning that is killed at any moment leaves sets that are whole, and the next one removes the rest', async () => {
  for (const type of ['full', 'full', 'incr']) await stack.must('backup', '--type', type);
  const keep = parsed<{ sets: { id: string; keep: boolean }[] }>(await stack.must('backup', 'prune', '--dry-run', '--json')).sets.flatMap(
    (set) => (set.keep ? [set.id] : []),
  );
  expect(keep.length).toBeLessThan((await ids()).length);
  for (const milliseconds of [600, 1000, 1400, 2000, 2800]) {
    await stack.space.run(['backup', 'prune'], { onSpawn: (child) => setTimeout(() => child.kill('SIGKILL'), milliseconds) });
    expect(await ids()).toEqual(expect.arrayContaining(keep));
  }
  await stack.must('backup', 'prune');
  expect(await ids()).toEqual(keep);
  const info = await stack.inside('backup', 'pgbackrest', '--log-level-console=off', 'info', '--output=json');
  expect((JSON.parse(info) as { backup: unknown[] }[])[0]?.backup).toHaveLength(keep.length);
  await stack.must('backup', 'verify');
  await stack.must('restore', 'latest', '--only', 'files', '--yes');
  expect(await stack.jobs()).toEqual([]);
}, 300_000);
