import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type BackupStack, backupStack, figure, type ListedSet } from '../../support/backup/backup-stack.ts';
import { docker, medianest, run } from '../../support/cli.ts';
import { parsed, until } from '../../support/stack.ts';
import { removeProject } from '../../support/workspace.ts';

interface Exported {
  backup: string;
  file: string;
  bytes: number;
  sha256: string;
  seconds: number;
}

/** What is looked for in the archive, and must not be found there in the clear. */
const MARKER = 'marker-52b7e0aa';
const THEN = { rows: ['one', 'then', MARKER], files: ['one.txt=then'], session: 'then' };

let stack: BackupStack;
/** Beside each other: the repository’s disk, a small one, and the drawer that archives are kept in. */
let folder = '';
const at = (name: string) => path.join(folder, name);
const mount = async (name: string, size: string) => {
  mkdirSync(at(name), { recursive: true });
  const mounted = await run('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', at(name)]);
  if (mounted.status !== 0) throw new Error(mounted.stderr);
};
const everything = async () => ({
  rows: (await stack.sql('select text from noted order by id')).split('\n'),
  files: await stack.files(),
  session: await stack.cache('get', 'session:1'),
});
const exported = async (...args: string[]) => parsed<Exported>(await stack.must('backup', 'export', ...args, '--json'));
const imported = async (file: string) => parsed<{ result: string }>(await stack.must('backup', 'import', file, '--json'));
/** Every file of the repository, with its size: what a refused import must not have changed. Members archive their WAL meanwhile. */
const repository = async () => (await run('sh', ['-c', `cd ${at('disk')} && find . -type f ! -path '*/17-1/*' -size +0 | sort`])).stdout;
/** Nothing that a run makes for itself is there. */
const leftovers = async () => ({
  volumes: (await docker(['volume', 'ls', '--quiet', '--filter', `name=${stack.space.project}_export`])).stdout,
  part: existsSync(at('disk/import.part')),
  drawer: readdirSync(at('drawer')).filter((name) => name.endsWith('.part')),
  jobs: await stack.jobs(),
});
const NONE = { volumes: '', part: false, drawer: [], jobs: [] };

let set = '';
const archive = () => at('drawer/one.tar');

beforeAll(async () => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'medianest-export-'));
  await mount('disk', '1g');
  await mount('small', '1m');
  mkdirSync(at('drawer'));
  stack = await backupStack('export', { archiveSeconds: 10, local: { kind: 'folder', path: at('disk') } });
  await stack.must('up', '--timeout', '400');
  await stack.sql("create table noted (id serial, text text); insert into noted (text) values ('one')");
  await stack.must('backup', '--type', 'full');
  await stack.sql(`insert into noted (text) values ('then'), ('${MARKER}')`);
  await stack.upload('one.txt', 'then');
  await stack.cache('set', 'session:1', 'then');
  await stack.must('backup');
  set = (await stack.sets()).at(-1)?.id as string;
  writeFileSync(at('passphrase'), 'five random words in a row\n');
  await stack.must('backup', 'kit', at('home.kit'), '--passphrase-file', at('passphrase'));
  await stack.sql("insert into noted (text) values ('now')");
}, 900_000);

afterAll(async () => {
  await stack?.destroy();
  for (const name of ['disk', 'small']) await run('umount', ['--lazy', at(name)]);
  rmSync(folder, { recursive: true, force: true });
});

describe('an export', () => {
  test('is one file that is encrypted, says what it is, and is not written over', async () => {
    const done = await exported('--to', archive());
    figure('export', done);
    expect(done.backup).toBe(set);
    const bytes = readFileSync(archive());
    expect(done).toMatchObject({ bytes: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') });
    expect(bytes.includes(MARKER)).toBe(false);
    expect((await run('sha256sum', ['-c', 'one.tar.sha256'], { cwd: at('drawer') })).status).toBe(0);
    expect(readFileSync(`${archive()}.txt`, 'utf8')).toContain('medianest restore --kit KIT --archive one.tar');
    expect(await stack.refused('backup', 'export', '--to', archive())).toEqual([1, 'ALREADY_THERE']);
    expect(await stack.refused('backup', 'export', '20200101-000000-full', '--to', at('drawer/x.tar'))).toEqual([1, 'NO_BACKUP']);
    expect(await stack.refused('backup', 'export')).toEqual([2, 'USAGE']);
    expect(await leftovers()).toEqual(NONE);
  });

  test('is restored without medianest, by the commands on its page', async () => {
    const keys = (
      JSON.parse(readFileSync(path.join(stack.space.state, 'secrets.json'), 'utf8')) as { values: Record<string, { value: string }> }
    ).values;
    const page = readFileSync(`${archive()}.txt`, 'utf8').split('Without medianest')[1] as string;
    const [unpack, files, database, start] = [...page.matchAll(/^ {2}\d\. (.+)$/gm)].map(([, line]) => line);
    const script = `set -e; export HOME=/tmp PGBACKREST_REPO1_CIPHER_TYPE=aes-256-cbc PGDATA=/tmp/work/data
      export PGBACKREST_REPO1_CIPHER_PASS='${keys['backup-database-key']?.value}' RESTIC_PASSWORD='${keys['backup-files-key']?.value}'
      unset PGBACKREST_CONFIG PGBACKREST_CONFIG_INCLUDE_PATH; mkdir -m 700 /tmp/work /tmp/work/data; cd /tmp/work; cp /open/one.tar .
      { ${unpack}; ${files}; ${database}; } >&2
      ${start} >&2 &
      for i in $(seq 60); do psql -XqAt -h /tmp -U postgres -d medianest -c 'select text from noted order by id' 2>/dev/null && break; sleep 1; done
      cat /tmp/work/files/source/uploads/one.txt`;
    mkdirSync(at('open'));
    writeFileSync(at('open/one.tar'), readFileSync(archive()), { mode: 0o644 });
    const image = (await docker(['inspect', '--format', '{{.Config.Image}}', `${stack.space.project}-backup-1`])).stdout.trim();
    const args = ['--network', 'none', '--volume', `${at('open')}:/open:ro`, '--user', '10002:10002', '--interactive'];
    const done = await docker(['run', '--rm', ...args, '--entrypoint', 'bash', image], { input: script });
    expect([done.stdout.trim().split('\n'), done.stdout ? '' : done.stderr]).toEqual([[...THEN.rows, 'then'], '']);
  }, 120_000);

  test('onto a disk that is too small is refused, and leaves nothing', async () => {
    expect(await stack.refused('backup', 'export', '--to', at('small/x.tar'))).toEqual([1, 'DISK_FULL']);
    expect([readdirSync(at('small')), await leftovers()]).toEqual([[], NONE]);
  });

  test('two at once: the second is told who is at work; Ctrl-C leaves nothing; killed, the next one works', async () => {
    const file = at('drawer/two.tar');
    let child: { kill(signal: NodeJS.Signals): boolean } | undefined;
    const begin = () => stack.space.run(['backup', 'export', '--to', file], { onSpawn: (started) => (child = started) });
    const gathers = async () => (await stack.jobs()).some((name) => /gather|restic/.test(name));
    const first = begin();
    await until('it is at work', gathers, 60);
    expect(await stack.refused('backup', 'export', '--to', at('drawer/three.tar'))).toEqual([1, 'LOCKED']);
    child?.kill('SIGINT');
    expect((await first).status).toBe(130);
    expect([await leftovers(), existsSync(file)]).toEqual([NONE, false]);

    const second = begin();
    await until('it is at work', gathers, 60);
    child?.kill('SIGKILL');
    await second;
    expect(existsSync(file)).toBe(false);
    await exported('--to', file);
    expect(await leftovers()).toEqual(NONE);
  });
});

describe('an import', () => {
  test('into where the set still is changes nothing', async () => {
    const before = await stack.sets();
    expect((await imported(archive())).result).toBe('there-already');
    expect([await stack.sets(), await leftovers()]).toEqual([before, NONE]);
  });

  test('brings a set back that was pruned: it is listed, verified, kept, and restored as any other', async () => {
    const none = { hourly: 0, daily: 0, weekly: 0, monthly: 0, yearly: 0 };
    stack.configure({ local: { kind: 'folder', path: at('disk'), keep: { last: 1, ...none } } });
    await stack.must('backup', '--type', 'full');
    await stack.must('backup', 'prune');
    const [newest] = await stack.sets();
    expect(await stack.sets()).toEqual([newest]);

    expect((await imported(archive())).result).toBe('imported');
    expect((await stack.sets()).map(({ id }) => id)).toEqual([set, newest?.id]);
    expect((await imported(archive())).result).toBe('there-already');
    await stack.must('backup', 'verify', set);
    expect((await stack.space.run(['backup', 'list'])).stdout).not.toContain('WAL is missing');
    await stack.must('backup', 'prune');
    expect((await stack.sets()).map(({ id, status }) => [id, status])).toEqual([
      [set, 'verified'],
      [newest?.id, 'stored'],
    ]);
    const into = `${stack.space.project}-look`;
    await stack.must('restore', set, '--into', into);
    const psql = ['psql', '-XqAt', '-h', '/run', '-U', 'postgres', '-d', 'medianest', '-c', 'select text from noted order by id'];
    expect((await docker(['exec', `${into}-postgres`, ...psql])).stdout.trim().split('\n')).toEqual(THEN.rows);
    await stack.must('preview', 'remove', into);
    // What is built upon goes on.
    await stack.must('backup');
  }, 300_000);

  test('puts a damaged one right, which is not exported', async () => {
    const flip =
      'f=$(find /srv/backups/pgbackrest/backup/medianest/*F -path "*bundle*" -type f -size +8k | sort | head -n 1); chmod u+w "$f"; printf "\\377\\377" | dd of="$f" bs=1 seek=4096 conv=notrunc 2>/dev/null';
    await stack.inside('backup', 'sh', '-c', flip);
    // What nobody has noticed yet is found while it is exported.
    expect(await stack.refused('backup', 'export', set, '--to', at('drawer/x.tar'))).toEqual([5, 'BACKUP_DAMAGED']);
    expect((await stack.space.run(['backup', 'verify', set])).status).toBe(5);
    expect(await stack.refused('backup', 'export', set, '--to', at('drawer/x.tar'))).toEqual([1, 'NO_BACKUP']);
    expect((await imported(archive())).result).toBe('imported');
    await stack.must('backup', 'verify', set);
    expect(await leftovers()).toEqual(NONE);
  }, 200_000);

  test('one flipped byte, another repository’s, and other keys are refused before anything is changed', async () => {
    const before = [await repository(), await stack.sets()];
    const bytes = readFileSync(archive());
    const middle = bytes.length >> 1;
    bytes[middle] = (bytes[middle] as number) ^ 1;
    writeFileSync(at('flipped.tar'), bytes);
    expect(await stack.refused('backup', 'import', at('flipped.tar'))).toEqual([1, 'ARCHIVE_DAMAGED']);
    writeFileSync(at('short.tar'), readFileSync(archive()).subarray(0, middle));
    expect(await stack.refused('backup', 'import', at('short.tar'))).toEqual([1, 'ARCHIVE_DAMAGED']);

    mkdirSync(at('other'));
    const other = `tar -xf ../drawer/one.tar && echo other >repository.id && find repository.id RESTORE.txt files pgbackrest -type f | xargs sha256sum >SHA256SUMS &&
      tar --format=ustar --no-recursion -cf ../other.tar SHA256SUMS $(find repository.id RESTORE.txt files pgbackrest -type f)`;
    expect((await run('sh', ['-c', other], { cwd: at('other') })).status).toBe(0);
    expect(await stack.refused('backup', 'import', at('other.tar'))).toEqual([1, 'REPOSITORY_AWAY']);

    for (const key of ['backup-files-key', 'backup-database-key']) {
      const file = path.join(stack.space.state, 'secrets/backup', key);
      const value = readFileSync(file);
      writeFileSync(file, 'another');
      const refused = await stack.refused('backup', 'import', archive());
      writeFileSync(file, value);
      expect([key, ...refused]).toEqual([key, 1, 'REPOSITORY_AWAY']);
    }
    expect([await repository(), await stack.sets()]).toEqual(before);
    expect(await leftovers()).toEqual(NONE);
  });

  test('a full disk of the repository is told, and nothing is left; killed half-way, it is done by the next run', async () => {
    const before = await repository();
    const { bavail, bsize } = statfsSync(at('disk'));
    await run('fallocate', ['-l', String(bavail * bsize - 1024 ** 2), at('disk/filler')]);
    expect(await stack.refused('backup', 'import', archive())).toEqual([1, 'DISK_FULL']);
    rmSync(at('disk/filler'));
    expect([await repository(), await leftovers()]).toEqual([before, NONE]);

    // Nothing but the newest stays, so that there is something to take in.
    const file = path.join(stack.space.state, 'backups.json');
    const catalogue = JSON.parse(readFileSync(file, 'utf8')) as { sets: { id: string }[] };
    writeFileSync(file, JSON.stringify({ ...catalogue, sets: catalogue.sets.filter(({ id }) => id !== set) }));
    await stack.must('backup', 'prune');
    for (const job of ['import-adopt', 'expire', 'restic-copy']) {
      let child: { kill(signal: NodeJS.Signals): boolean } | undefined;
      const killed = stack.space.run(['backup', 'import', archive()], { onSpawn: (started) => (child = started) });
      await until(`it is at ${job}`, async () => (await stack.jobs()).some((name) => name.endsWith(job)), 60);
      child?.kill('SIGKILL');
      await killed;
    }
    expect((await stack.sets()).map(({ id }) => id)).not.toContain(set);
    expect((await imported(archive())).result).toBe('imported');
    await stack.must('backup', 'verify', set);
    expect(await leftovers()).toEqual(NONE);
  }, 200_000);
});

describe('a bare host', () => {
  test('has everything back by the kit and the archive alone', async () => {
    const bare = at('bare');
    mkdirSync(bare);
    await removeProject(stack.space.project);
    rmSync(stack.space.state, { recursive: true, force: true });
    await run('umount', [at('disk')]);
    await mount('disk', '1g');
    const args = ['restore', '--kit', at('home.kit'), '--passphrase-file', at('passphrase'), '--json', '--archive'];
    const refused = await medianest([...args, at('flipped.tar')], { cwd: bare });
    expect([refused.status, JSON.parse(refused.stdout).error.code, readdirSync(bare)]).toEqual([1, 'ARCHIVE_DAMAGED', []]);

    const done = await medianest([...args, archive()], { cwd: bare });
    expect(done.status, done.stderr).toBe(0);
    figure('bare host, from an archive', parsed<{ rtoSeconds: number }>(done));
    expect(await everything()).toEqual(THEN);
    const health = await medianest(['health'], { cwd: bare });
    expect(health.status, health.stdout).toBe(0);
    const list = parsed<{ backups: ListedSet[] }>(await medianest(['backup', 'list', '--json'], { cwd: bare }));
    expect(list.backups.map(({ id }) => id)).toEqual([set, expect.stringMatching(/-full$/)]);
  }, 400_000);
});
