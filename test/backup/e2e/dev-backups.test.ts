import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ListedSet } from '../../support/backup/backup-stack.ts';
import { docker, type Run } from '../../support/cli.ts';
import { parsed, until } from '../../support/stack.ts';
import { removeProject, type Workspace, workspace } from '../../support/workspace.ts';

/*
 * The backups of a single database: dumps. A stack of dev-compose without its edge.
 */

interface Outcome {
  backup: string;
  result: string;
  safety: string | null;
  steps: string[];
  checks: { id: string; status: string; message: string }[];
  urls: string[];
}

const TIMEOUT = 400_000;
const PSQL = ['psql', '-XqAt', '-h', '/run/postgresql', '-U', 'postgres', '-d', 'medianest', '-c'];

let space: Workspace;
/** The first backup. */
let first = '';
/** The folder of the installation, once it was restored on a bare host. */
let bare: string | undefined;

const inside = async (service: string, ...argv: string[]): Promise<string> => {
  const { status, stdout, stderr } = await docker(['exec', `${space.project}-${service}-1`, ...argv]);
  if (status !== 0) throw new Error(`${service}: ${argv.join(' ')}: ${stderr}`);
  return stdout.trim();
};
const sql = (query: string) => inside('postgres', ...PSQL, query);
const must = async (...args: string[]): Promise<Run> => {
  const done = await space.run(args, bare === undefined ? {} : { cwd: bare });
  expect(done.status, `${args.join(' ')}: ${done.stdout}${done.stderr}`).toBe(0);
  return done;
};
const refused = async (...args: string[]) => {
  const { status, stdout } = await space.run([...args, '--json']);
  const { error } = JSON.parse(stdout) as { error: { code: string; message: string; hint: string } };
  return { status, ...error };
};
const upload = (file: string, text: string) => inside('app-1', 'sh', '-c', 'printf %s "$2" >"/srv/uploads/$1"', 'sh', file, text);
const sets = async () => parsed<{ backups: (ListedSet & { kind?: string })[] }>(await must('backup', 'list', '--json')).backups;
const everything = async () => ({
  rows: (await sql('select text from noted order by id')).split('\n'),
  role: await sql("select rolname from pg_roles where rolname = 'reader'"),
  other: await sql("select datname from pg_database where datname = 'it''s another'"),
  files: (await inside('app-1', 'sh', '-c', 'cd /srv/uploads && for f in *; do echo "$f=$(cat "$f")"; done')).split('\n').sort(),
});
const THEN = { rows: ['one'], role: 'reader', other: "it's another", files: ['one.txt=then'] };
const NOW = { rows: ['one', 'now'], role: '', other: "it's another", files: ['one.txt=now', 'two.txt=now'] };
const writeNow = async () => {
  await sql("insert into noted (text) values ('now')");
  await sql('drop owned by reader; drop role reader');
  await upload('one.txt', 'now');
  await upload('two.txt', 'now');
};
const journal = () => path.join(space.state, 'restoring.json');
const touched = (): string[] => (existsSync(journal()) ? (JSON.parse(readFileSync(journal(), 'utf8')).touched as string[]) : []);
const dumping = () => sql("select count(*) from pg_stat_activity where application_name = 'medianest-backup'");

/** While a session has locked a table, a dump waits for it. */
async function whileLocked(work: () => Promise<void>): Promise<void> {
  const locked = docker([
    'exec',
    `${space.project}-postgres-1`,
    ...PSQL,
    "set application_name = 'locks'; begin; lock table noted; select pg_sleep(300)",
  ]);
  await until(
    'the table is locked',
    async () => (await sql("select count(*) from pg_locks where mode = 'AccessExclusiveLock' and relation = 'noted'::regclass")) === '1',
    30,
  );
  try {
    await work();
  } finally {
    await sql("select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'locks'");
    await locked;
  }
}

beforeAll(async () => {
  space = await workspace('devback');
  space.configure({
    profile: 'dev-compose',
    components: { edge: false },
    backup: { local: { kind: 'volume', keep: { last: 2, hourly: 0, daily: 0, weekly: 0, monthly: 0, yearly: 0 } } } as never,
  });
  await must('up', '--timeout', '400');
  await sql("create table noted (id serial, text text); insert into noted (text) values ('one')");
  await sql('create role reader; grant select on noted to reader');
  await sql(`create database "it's another"`);
  await upload('one.txt', 'then');
}, 900_000);

afterAll(async () => {
  for (const preview of ['look', 'drill']) await removeProject(`${space.project}-${preview}`);
  await space?.destroy();
});

describe('a backup', () => {
  test(
    'is refused where the disk has less free than the reserve, and `health` fails',
    async () => {
      const { status, code, message } = await refused('backup', '--set', 'diskReserve=900000g');
      expect([status, code, message]).toEqual([
        1,
        'BACKUP_REFUSED',
        expect.stringMatching(/less than the reserve of .* that is kept; no backup was made/),
      ]);
      expect(await sets()).toEqual([]);
      const health = await space.run(['health', '--json', '--set', 'diskReserve=900000g']);
      const { checks } = parsed<{ checks: { id: string; status: string }[] }>(health);
      expect(checks.filter((check) => check.id.startsWith('disk') && check.status === 'fail').length).toBeGreaterThan(0);
    },
    TIMEOUT,
  );

  test(
    'says what it would do, and does it',
    async () => {
      const plan = parsed<{ makes: string; database: string; steps: string[] }>(await must('backup', '--dry-run', '--json'));
      expect([plan.makes, plan.database]).toEqual(['full', 'postgres']);
      expect(plan.steps).toContain('dump the database (postgres)');
      expect(await refused('restore', 'latest', '--yes')).toMatchObject({ status: 1, code: 'NO_BACKUP' });
      const made = parsed<ListedSet & { kind: string }>(await must('backup', '--type', 'diff', '--json'));
      expect(made).toMatchObject({ kind: 'dump', type: 'full', status: 'stored', reason: 'asked' });
      first = made.id;
      expect((await sets()).map(({ id }) => id)).toEqual([first]);
      expect((await must('backup', 'list')).stdout).toContain('dev-compose keeps dumps, and no WAL between them');
      expect((await must('jobs', 'list')).stdout).toMatch(/backup/);
      const { checks } = parsed<{ checks: { id: string; value: number; message: string }[] }>(await must('health', '--json'));
      const size = checks.find(({ id }) => id === 'backup-size');
      expect(size).toMatchObject({ message: expect.stringMatching(/^the repository takes .* restic .* free$/) });
      expect(size?.value).toBeGreaterThan(10_000);
    },
    TIMEOUT,
  );

  test(
    'that is killed is in no list, and the next one ends what it has left in the server',
    async () => {
      await whileLocked(async () => {
        let child: { kill(signal: NodeJS.Signals): boolean } | undefined;
        const killed = space.run(['backup'], { onSpawn: (started) => (child = started) });
        await until('it dumps', async () => Number(await dumping()) > 0, 60);
        child?.kill('SIGKILL');
        expect((await killed).status).not.toBe(0);
      });
      expect((await sets()).map(({ id }) => id)).toEqual([first]);
      const next = parsed<ListedSet>(await must('backup', '--json'));
      expect((await sets()).map(({ id }) => id)).toEqual([first, next.id]);
      expect(await dumping()).toBe('0');
    },
    TIMEOUT,
  );

  test(
    'whose dump fails half-way is in no list',
    async () => {
      await sql(
        'create table big (t text); alter table big alter t set storage external; insert into big select repeat(md5(i::text), 3000) from generate_series(1, 2000) i',
      );
      const before = await sets();
      const ended = sql(`do $$ begin for i in 1..6000 loop
      perform pg_stat_clear_snapshot();
      perform pg_terminate_backend(pid) from pg_stat_activity where application_name = 'medianest-backup' and query like 'COPY public.big%';
      exit when found; perform pg_sleep(0.01); end loop; end $$`);
      const failed = await refused('backup');
      await ended;
      expect(failed).toMatchObject({ status: 1, code: 'BACKUP_FAILED', message: expect.stringContaining('could not be dumped') });
      expect(await sets()).toEqual(before);
      expect((await space.run(['health'])).stdout).toContain('could not be dumped');
      await sql('drop table big');
      await must('backup');
      await must('health');
    },
    TIMEOUT,
  );

  test(
    'of a stack whose database is away is refused',
    async () => {
      await docker(['stop', `${space.project}-postgres-1`]);
      expect(await refused('backup')).toMatchObject({
        code: 'BACKUP_REFUSED',
        message: expect.stringContaining('the database (postgres) does not run'),
      });
      await must('up');
    },
    TIMEOUT,
  );

  test(
    'is verified and pruned by the rules; what failed has left goes too',
    async () => {
      const verified = parsed<{ status: string; sets: { problems: string[] }[] }>(await must('backup', 'verify', '--json'));
      expect([verified.status, verified.sets.length]).toEqual(['ok', 3]);
      const snapshots = async () => {
        const { stdout } = await docker([
          ...[
            'run',
            '--rm',
            '--network',
            'none',
            '--volume',
            `${space.project}_backups:/srv/backups`,
            '--env',
            'RESTIC_REPOSITORY=/srv/backups/files',
          ],
          ...['--volume', `${space.state}/secrets/backup:/run/secrets:ro`, '--tmpfs', '/tmp', '--entrypoint', 'repository'],
          ...[
            (await docker(['inspect', '--format', '{{.Image}}', `${space.project}-backup-1`])).stdout.trim(),
            'snapshots',
            '--no-lock',
            '--json',
            '--tag',
            'set',
          ],
        ]);
        return (JSON.parse(stdout) as unknown[]).length;
      };
      const pruned = parsed<{ removed: number; sets: { id: string; keep: boolean }[] }>(await must('backup', 'prune', '--json'));
      expect(pruned.sets.map(({ keep }) => keep)).toEqual([false, true, true]);
      // Of each: two databases, the roles, the files.
      expect(await snapshots()).toBe(8);
    },
    TIMEOUT,
  );
});

describe('other keys', () => {
  test(
    'open the sets of before, and nothing is left to do for up',
    async () => {
      const made = parsed<{ kind: string; generation: number; backup: string }>(await must('backup', 'keys', 'rotate', '--json'));
      expect([made.kind, made.generation]).toEqual(['dump', 1]);
      expect((await must('backup', 'verify')).stdout).not.toMatch(/missing|cannot/);
      expect(parsed<{ changes: { action: string }[] }>(await must('plan', '--json')).changes.map(({ action }) => action)).not.toContain(
        'recreate',
      );
      await must('health');
    },
    TIMEOUT,
  );
});

describe('a restore', () => {
  test(
    'to a moment is refused in words that name what has it',
    async () => {
      for (const to of ['newest', '10 minutes ago'])
        expect(await refused('restore', '--to', to, '--yes')).toMatchObject({
          code: 'USAGE',
          message: expect.stringMatching(/^dev-compose keeps dumps, not WAL/),
          hint: expect.stringContaining('staging or prod'),
        });
      expect(await refused('restore', '--only', 'redis', 'latest', '--yes')).toMatchObject({ code: 'USAGE' });
      expect(await refused('backup', 'export', '--to', path.join(space.dir, 'x.tar'))).toMatchObject({ code: 'BACKUP_REFUSED' });
    },
    TIMEOUT,
  );

  test(
    'brings back what was, with roles and other databases',
    async () => {
      expect(await everything()).toEqual(THEN);
      await writeNow();
      const outcome = parsed<Outcome>(await must('restore', 'latest', '--yes', '--json'));
      expect([outcome.result, outcome.checks.map(({ status }) => status)]).toEqual(['restored', ['ok']]);
      expect(await everything()).toEqual(THEN);
      await must('health');
      expect((await sets()).at(-1)).toMatchObject({ reason: 'safety', kind: 'dump' });
    },
    TIMEOUT,
  );

  test(
    'and back again',
    async () => {
      await must('restore', '--undo', '--yes');
      expect(await everything()).toEqual(NOW);
      await must('health');
    },
    TIMEOUT,
  );

  test(
    'killed half-way: nothing else may start anything, and the next run goes on',
    async () => {
      let child: { kill(signal: NodeJS.Signals): boolean } | undefined;
      const killed = space.run(['restore', 'latest', '--yes'], { onSpawn: (started) => (child = started) });
      await until('the database is being replaced', () => touched().includes('db'), 300);
      child?.kill('SIGKILL');
      expect((await killed).status).not.toBe(0);
      // What is asked for a cause names the restore, and not the containers that it has stopped.
      const health = parsed<{ checks: { id: string; status: string; remedy?: string }[] }>(await space.run(['health', '--json']));
      expect(health.checks).toContainEqual(
        expect.objectContaining({ id: 'restore', status: 'fail', remedy: 'medianest restore --yes, or medianest restore --undo' }),
      );
      const why = parsed<{ causes: { what: string; fix: string }[] }>(await space.run(['why', 'app', '--json']));
      expect(why.causes[0]).toMatchObject({
        what: expect.stringMatching(/^waits: the restore of .* was interrupted/),
        fix: 'medianest restore --yes',
      });
      expect(await refused('up')).toMatchObject({ status: 4, code: 'PARTIAL' });
      await must('restore', '--yes');
      expect(await everything()).toEqual(THEN);
      await must('health');
    },
    TIMEOUT,
  );

  test(
    'killed before anything was replaced leaves what was, and the same again does it',
    async () => {
      await writeNow();
      let child: { kill(signal: NodeJS.Signals): boolean } | undefined;
      const killed = space.run(['restore', 'latest', '--yes'], { onSpawn: (started) => (child = started) });
      const job = `${space.project}-job-restore-dump`;
      await until('the dump is being restored', async () => (await docker(['inspect', job])).status === 0, 300);
      child?.kill('SIGKILL');
      expect((await killed).status).not.toBe(0);
      expect(await everything()).toEqual(NOW);
      await must('up');
      await must('restore', 'latest', '--yes');
      expect(await everything()).toEqual(THEN);
    },
    TIMEOUT,
  );

  test(
    'into a project of its own touches nothing',
    async () => {
      await writeNow();
      const into = `${space.project}-look`;
      const outcome = parsed<Outcome>(await must('restore', 'latest', '--into', into, '--json'));
      expect(outcome.urls).toHaveLength(2);
      const rows = await docker([
        'exec',
        `${into}-postgres`,
        'psql',
        '-XqAt',
        '-h',
        '/run',
        '-U',
        'postgres',
        '-d',
        'medianest',
        '-c',
        'select text from noted',
      ]);
      expect(rows.stdout.trim()).toBe('one');
      await must('preview', 'remove', into);
      const { sanitized } = parsed<{ sanitized: { notSanitized: string[] } }>(
        await must('restore', 'latest', '--into', into, '--sanitize', '--json'),
      );
      expect(sanitized.notSanitized).toContain('noted.text');
      await must('preview', 'remove', into);
      expect(await everything()).toEqual(NOW);
    },
    TIMEOUT,
  );

  test(
    'is proven by a drill',
    async () => {
      const outcome = parsed<Outcome>(await must('drill', '--json'));
      expect(outcome.checks.map(({ id, status }) => [id, status])).toEqual([
        ['database.pages', 'ok'],
        ['database.rows', 'ok'],
        ['files', 'ok'],
        ['portal', 'ok'],
      ]);
    },
    TIMEOUT,
  );
});

describe('the end', () => {
  test(
    'down --volumes asks for a verified backup, and what is deleted comes back from it',
    async () => {
      await must('backup');
      expect(await refused('down', '--volumes', '--yes')).toMatchObject({ message: expect.stringContaining('no verified backup') });
      await must('backup', 'verify');
      await must('down', '--volumes', '--yes');
      await must('up', '--timeout', '400');
      await must('restore', 'latest', '--yes');
      expect(await everything()).toEqual(NOW);
      await must('health');
    },
    TIMEOUT,
  );

  test(
    'a bare host gets all of it back from the kit and the repository',
    async () => {
      const [kit, passphrase] = [path.join(space.dir, 'home.kit'), space.write('passphrase', 'five random words of a test')];
      await must('backup', 'kit', kit, '--passphrase-file', passphrase);
      await must('down', '--volumes', '--no-backup', '--yes');
      rmSync(space.state, { recursive: true });
      bare = path.join(space.dir, 'bare');
      mkdirSync(bare);
      await must('restore', '--kit', kit, '--passphrase-file', passphrase, '--yes');
      expect(await everything()).toEqual(NOW);
      await must('health');
    },
    TIMEOUT,
  );

  test(
    'nothing is left behind',
    async () => {
      await must('uninstall', '--confirm', space.project);
      for (const of of [
        ['ps', '--all'],
        ['volume', 'ls'],
        ['network', 'ls'],
      ])
        expect((await docker([...of, '--quiet', '--filter', `label=io.medianest.project=${space.project}`])).stdout.trim()).toBe('');
    },
    TIMEOUT,
  );
});
