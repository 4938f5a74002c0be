import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type BackupStack, backupStack, figure, type ListedSet } from '../../support/backup/backup-stack.ts';
import { docker, medianest, run } from '../../support/cli.ts';
import { parsed, until } from '../../support/stack.ts';
import { removeProject } from '../../support/workspace.ts';

interface Outcome {
  backup: string;
  result: string;
  recovery: { to: string | null; leftOutSeconds: number | null; leftOutSegments: number | null; text: string } | null;
  rtoSeconds: number;
  safety: string | null;
  steps: string[];
  checks: { id: string; status: string; message: string }[];
}

/** Long enough that a segment of WAL is archived by its age alone. */
const LOAD_SECONDS = 35;
/** Until a restore replaces data: it makes a set and restores the database first, 60 s alone and 150 s beside another stack. */
const REPLACING_SECONDS = 400;
/** A restore with all that goes before and after it. */
const RESTORE_TIMEOUT = 800_000;

let stack: BackupStack;
/** A disk of its own, which holds the repository, and beside it what is kept elsewhere. */
let disk = '';
const passphrase = () => path.join(disk, '../passphrase');
const kit = () => path.join(disk, '../home.kit');
/** What the last transaction that was acknowledged has written. */
let acknowledged = 0;
/** A moment at which everything was of `then`. */
let then = '';
const THEN = { rows: ['one', 'then'], files: ['kept.txt=then', 'one.txt=then'], session: 'then' };
const NOW = { rows: ['one', 'then', 'now'], files: ['kept.txt=then', 'one.txt=now', 'two.txt=now'], session: 'now' };

const everything = async () => ({
  rows: (await stack.sql('select text from noted order by id')).split('\n'),
  files: await stack.files(),
  session: await stack.cache('get', 'session:1'),
});
const restored = async (...args: string[]) => parsed<Outcome>(await stack.must('restore', ...args, '--yes', '--json'));
const journal = () => path.join(stack.space.state, 'restoring.json');
const touched = (): string[] => (existsSync(journal()) ? (JSON.parse(readFileSync(journal(), 'utf8')).touched as string[]) : []);

beforeAll(async () => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'medianest-backup-disk-'));
  disk = path.join(folder, 'disk');
  mkdirSync(disk);
  const mounted = await run('mount', ['-t', 'tmpfs', '-o', 'size=1g', 'tmpfs', disk]);
  if (mounted.status !== 0) throw new Error(mounted.stderr);
  stack = await backupStack('restore', { archiveSeconds: 30, local: { kind: 'folder', path: disk } });
  await stack.must('up', '--timeout', '400');
  await stack.sql('create table load (id serial, at timestamptz)');
  await stack.sql("create table noted (id serial, text text); insert into noted (text) values ('one')");
  await stack.upload('one.txt', 'then');
  await stack.upload('kept.txt', 'then');
  await stack.cache('set', 'session:1', 'then');
  await stack.must('backup', '--type', 'full');
  await stack.sql("insert into noted (text) values ('then')");
  await sleep(1100);
  then = new Date().toISOString();
  await sleep(1100);
  await stack.sql("insert into noted (text) values ('now')");
  await stack.upload('one.txt', 'now');
  await stack.upload('two.txt', 'now');
  await stack.cache('set', 'session:1', 'now');
}, 900_000);

afterAll(async () => {
  await stack?.destroy();
  await run('umount', ['--lazy', disk]);
  rmSync(path.dirname(disk), { recursive: true, force: true });
});

describe('a restore in place', () => {
  test('says what it will do and is asked for by name; times that cannot be reached are refused before anything is touched', async () => {
    const plan = parsed<Outcome>(await stack.must('restore', '--to', then, '--dry-run', '--json'));
    expect([plan.result, plan.steps.length]).toEqual(['planned', 6]);
    expect(await stack.refused('restore', '--to', then)).toEqual([2, 'CONFIRMATION_NEEDED']);
    for (const to of ['2020-01-01T00:00:00Z', new Date(Date.now() + 86_400_000).toISOString()])
      expect(await stack.refused('restore', '--to', to, '--yes')).toEqual([1, 'NO_BACKUP']);
    expect(await stack.refused('restore', '--undo', '--yes')).toEqual([1, 'NO_BACKUP']);
    expect(await everything()).toEqual(NOW);
  });

  test(
    'killed while data is replaced: nothing else may start anything, and the next run goes on',
    async () => {
      let child: { kill(signal: NodeJS.Signals): boolean } | undefined;
      const killed = stack.space.run(['restore', '--to', then, '--yes'], { onSpawn: (started) => (child = started) });
      await until('the database is being replaced', () => touched().includes('db'), REPLACING_SECONDS);
      child?.kill('SIGKILL');
      expect((await killed).status).not.toBe(0);
      expect(await stack.refused('up')).toEqual([4, 'PARTIAL']);
      expect((await stack.space.run(['status'])).stdout).toContain('was interrupted while data was replaced');

      const outcome = await restored();
      figure('in place, gone on with', outcome);
      expect(outcome.checks.map(({ status }) => status)).not.toContain('fail');
      expect(await everything()).toEqual(THEN);
      await stack.must('health');
      expect((await stack.sets()).at(-1)).toMatchObject({ type: 'full', status: 'stored' });
    },
    RESTORE_TIMEOUT,
  );

  test(
    'and back again',
    async () => {
      const outcome = await restored('--undo');
      figure('undo', outcome);
      expect(await everything()).toEqual(NOW);
      await stack.must('health');
      expect(await stack.refused('restore', '--undo', '--yes')).toEqual([1, 'NO_BACKUP']);
    },
    RESTORE_TIMEOUT,
  );

  test(
    'one that fails half-way leaves what was there',
    async () => {
      const failed = stack.space.run(['restore', '--to', then, '--yes', '--json']);
      const job = `${stack.space.project}-job-restore-files`;
      await until(
        'its uploads are being restored',
        async () => touched().includes('files') && (await docker(['kill', job])).status === 0,
        REPLACING_SECONDS,
      );
      const { status, stdout } = await failed;
      const { error } = JSON.parse(stdout) as { error: { code: string; message: string } };
      expect([status, error.code]).toEqual([1, 'RESTORE_FAILED']);
      expect(error.message).toContain('what was before runs');
      expect(await everything()).toEqual(NOW);
      await stack.must('health');
    },
    RESTORE_TIMEOUT,
  );
});

describe('a set as of its end', () => {
  const latest = async () => (await stack.sets()).findLast(({ reason }) => reason === 'asked')?.id;

  test('without a word of what, it is refused', async () => {
    expect(await stack.refused('restore', '--yes')).toEqual([2, 'USAGE']);
    expect(await stack.refused('restore', '--into', `${stack.space.project}-look`)).toEqual([2, 'USAGE']);
  });

  test(
    '`latest` leaves out all that came after the set: a dropped table is there as the set has it',
    async () => {
      await stack.sql("create table accident (text text); insert into accident values ('a')");
      await stack.must('backup');
      const set = await latest();
      await stack.sql("insert into accident values ('b')");
      await stack.sql('drop table accident');
      const { backup, recovery } = parsed<Outcome>(await stack.must('restore', 'latest', '--dry-run', '--json'));
      expect([backup, recovery]).toEqual([
        set,
        {
          to: expect.any(String),
          leftOutSeconds: expect.any(Number),
          leftOutSegments: expect.any(Number),
          text: expect.stringContaining(`(end of set ${set}); `),
        },
      ]);
      expect(recovery?.leftOutSegments).toBeGreaterThanOrEqual(1);
      const outcome = await restored('latest');
      figure('latest', outcome.recovery);
      expect([outcome.backup, await stack.sql('select text from accident')]).toEqual([set, 'a']);
      expect(await everything()).toEqual(NOW);
      await stack.must('health');
    },
    RESTORE_TIMEOUT,
  );
});

describe('a part alone', () => {
  const full = async () => (await stack.sets()).find(({ type }) => type === 'full')?.id as string;

  test(
    'files',
    async () => {
      await restored(await full(), '--only', 'files');
      expect(await everything()).toEqual({ ...NOW, files: THEN.files });
      await restored('--undo');
      expect(await everything()).toEqual(NOW);
    },
    RESTORE_TIMEOUT,
  );

  test(
    'the cache',
    async () => {
      const outcome = await restored(await full(), '--only', 'redis');
      figure('cache', { seconds: outcome.rtoSeconds });
      expect(await everything()).toEqual({ ...NOW, session: THEN.session });
      await stack.must('health');
    },
    RESTORE_TIMEOUT,
  );

  test('settings, which are written and not applied', async () => {
    const file = path.join(stack.space.dir, 'medianest.yml');
    const before = readFileSync(file, 'utf8');
    writeFileSync(file, `${before}# changed\n`);
    await restored('latest', '--only', 'settings');
    expect(readFileSync(file, 'utf8')).toBe(before);
  });
});

/** Inserts ten times a second into the database that leads, and notes what was acknowledged. One that is refused begins again. */
function load(leader: string): { stop(): void } {
  const argv = [
    'exec',
    '-i',
    `${stack.space.project}-${leader}-1`,
    'psql',
    '-XqAt',
    '-h',
    '/run/postgresql',
    '-U',
    'postgres',
    '-d',
    'medianest',
  ];
  let child: ChildProcess | undefined;
  let over = false;
  const begin = () => {
    child = spawn('docker', argv, { stdio: ['pipe', 'pipe', 'ignore'] });
    child.stdin?.on('error', () => undefined);
    child.stdin?.write('insert into load (at) values (clock_timestamp()) returning extract(epoch from at)\n\\watch 0.1\n');
    child.stdout?.on('data', (text: Buffer) => {
      const last = Number(text.toString().trim().split('\n').at(-1));
      if (last > acknowledged) acknowledged = last;
    });
    child.on('exit', () => over || setTimeout(begin, 500));
  };
  begin();
  return {
    stop: () => {
      over = true;
      child?.kill();
    },
  };
}

test(
  'a repository whose disk is full: the backup fails and is told, nothing is listed, and the next one works',
  async () => {
    const before = await stack.sets();
    const filler = path.join(disk, 'filler');
    const { bavail, bsize } = statfsSync(disk);
    await run('fallocate', ['-l', String(bavail * bsize), filler]);
    // What is left of the disk is kept for WAL.
    expect(await stack.refused('backup', '--type', 'full')).toEqual([1, 'BACKUP_REFUSED']);
    expect(await stack.sets()).toEqual(before);
    expect((await stack.space.run(['health'])).status).toBe(5);
    rmSync(filler);
    await stack.must('backup');
    expect(await stack.sets()).toHaveLength(before.length + 1);
    await stack.must('health');
  },
  RESTORE_TIMEOUT,
);

describe('a host that dies under load', () => {
  test(
    'loses at most a minute, as a preview elsewhere shows',
    async () => {
      writeFileSync(passphrase(), 'five random words in a row\n');
      await stack.must('backup', 'kit', kit(), '--passphrase-file', passphrase());
      // The kit does not know this one: the repository does.
      await stack.upload('one.txt', 'second');
      await stack.cache('set', 'session:1', 'kept');
      await stack.must('backup');
      const began = Date.now();
      const writer = load(await stack.leader());
      await until('there was load', () => acknowledged > 0 && Date.now() - began > LOAD_SECONDS * 1000, LOAD_SECONDS + 60);
      const containers = (
        await docker(['ps', '--quiet', '--filter', `label=com.docker.compose.project=${stack.space.project}`])
      ).stdout.trim();
      await docker(['kill', ...containers.split('\n')]);
      writer.stop();

      const into = `${stack.space.project}-look`;
      await stack.must('restore', '--to', 'newest', '--into', into, '--json');
      const psql = [
        'psql',
        '-XqAt',
        '-h',
        '/run',
        '-U',
        'postgres',
        '-d',
        'medianest',
        '-c',
        'select extract(epoch from max(at)) from load',
      ];
      const newest = Number((await docker(['exec', `${into}-postgres`, ...psql])).stdout.trim());
      figure('lost under load, in seconds', acknowledged - newest);
      expect(newest).toBeGreaterThan(0);
      expect(acknowledged - newest).toBeLessThanOrEqual(60);
      await stack.must('preview', 'remove', into);
    },
    RESTORE_TIMEOUT,
  );
});

describe('a bare host', () => {
  test(
    'has everything back by the kit and the repository’s disk',
    async () => {
      const sets = await stack.sets();
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

      const done = await medianest([...args, '--json'], { cwd: bare });
      expect(done.status, done.stderr).toBe(0);
      const outcome = parsed<{ rtoSeconds: number; checks: { status: string }[] }>(done);
      figure('bare host', outcome);
      expect(outcome.checks.map(({ status }) => status)).toEqual(['ok', 'ok']);
      expect(Number(await stack.sql('select count(*) from load'))).toBeGreaterThan(20);
      expect(await stack.files()).toEqual(['kept.txt=then', 'one.txt=second', 'two.txt=now']);
      expect(await stack.cache('get', 'session:1')).toBe('kept');
      const health = await medianest(['health'], { cwd: bare });
      expect(health.status, health.stdout).toBe(0);
      const list = parsed<{ backups: ListedSet[] }>(await medianest(['backup', 'list', '--json'], { cwd: bare }));
      expect(list.backups.slice(0, -1)).toEqual(sets);
      expect(list.backups.at(-1)?.type).toBe('full');
    },
    RESTORE_TIMEOUT,
  );
});
