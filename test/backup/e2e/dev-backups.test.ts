import { mkdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ListedSet } from '../../support/backup/backup-stack.ts';
import { DevBackups, NOW, type Outcome, THEN } from '../../support/backup/dev-backups.ts';
import { docker } from '../../support/cli.ts';
import { parsed, until } from '../../support/stack.ts';
import { removeProject, type Workspace, workspace } from '../../support/workspace.ts';

/*
 * The backups of a single database: dumps. A stack of dev-compose without its edge.
 */

const TIMEOUT = 400_000;

let space: Workspace;
let stack: DevBackups;
/** The first backup. */
let first = '';

const must = (...args: string[]) => stack.must(...args);

beforeAll(async () => {
  space = await workspace('devback');
  await space.besideAnother();
  stack = new DevBackups(space);
  space.configure({
    profile: 'dev-compose',
    components: { edge: false },
    backup: { local: { kind: 'volume', keep: { last: 2, hourly: 0, daily: 0, weekly: 0, monthly: 0, yearly: 0 } } } as never,
  });
  await must('up', '--timeout', '400');
  await stack.sql("create table noted (id serial, text text); insert into noted (text) values ('one')");
  await stack.sql('create role reader; grant select on noted to reader');
  await stack.sql(`create database "it's another"`);
  await stack.upload('one.txt', 'then');
}, 900_000);

afterAll(async () => {
  for (const preview of ['look', 'drill']) await removeProject(`${space.project}-${preview}`);
  await space?.destroy();
});

describe('a backup', () => {
  test(
    'is refused where the disk has less free than the reserve, and `health` fails',
    async () => {
      const { status, code, message } = await stack.refused('backup', '--set', 'diskReserve=900000g');
      expect([status, code, message]).toEqual([
        1,
        'BACKUP_REFUSED',
        expect.stringMatching(/less than the reserve of .* that is kept; no backup was made/),
      ]);
      expect(await stack.sets()).toEqual([]);
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
      expect(await stack.refused('restore', 'latest', '--yes')).toMatchObject({ status: 1, code: 'NO_BACKUP' });
      const made = parsed<ListedSet & { kind: string }>(await must('backup', '--type', 'diff', '--json'));
      expect(made).toMatchObject({ kind: 'dump', type: 'full', status: 'stored', reason: 'asked' });
      first = made.id;
      expect((await stack.sets()).map(({ id }) => id)).toEqual([first]);
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
      await stack.whileLocked(async () => {
        let child: { kill(signal: NodeJS.Signals): boolean } | undefined;
        const killed = space.run(['backup'], { onSpawn: (started) => (child = started) });
        await until('it dumps', async () => Number(await stack.dumping()) > 0, 60);
        child?.kill('SIGKILL');
        expect((await killed).status).not.toBe(0);
      });
      expect((await stack.sets()).map(({ id }) => id)).toEqual([first]);
      const next = parsed<ListedSet>(await must('backup', '--json'));
      expect((await stack.sets()).map(({ id }) => id)).toEqual([first, next.id]);
      expect(await stack.dumping()).toBe('0');
    },
    TIMEOUT,
  );

  test(
    'whose dump fails half-way is in no list',
    async () => {
      await stack.sql(
        'create table big (t text); alter table big alter t set storage external; insert into big select repeat(md5(i::text), 3000) from generate_series(1, 2000) i',
      );
      const before = await stack.sets();
      const ended = stack.sql(`do $$ begin for i in 1..6000 loop
      perform pg_stat_clear_snapshot();
      perform pg_terminate_backend(pid) from pg_stat_activity where application_name = 'medianest-backup' and query like 'COPY public.big%';
      exit when found; perform pg_sleep(0.01); end loop; end $$`);
      const failed = await stack.refused('backup');
      await ended;
      expect(failed).toMatchObject({ status: 1, code: 'BACKUP_FAILED', message: expect.stringContaining('could not be dumped') });
      expect(await stack.sets()).toEqual(before);
      expect((await space.run(['health'])).stdout).toContain('could not be dumped');
      await stack.sql('drop table big');
      await must('backup');
      await must('health');
    },
    TIMEOUT,
  );

  test(
    'of a stack whose database is away is refused',
    async () => {
      await docker(['stop', `${space.project}-postgres-1`]);
      expect(await stack.refused('backup')).toMatchObject({
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
        expect(await stack.refused('restore', '--to', to, '--yes')).toMatchObject({
          code: 'USAGE',
          message: expect.stringMatching(/^dev-compose keeps dumps, not WAL/),
          hint: expect.stringContaining('staging or prod'),
        });
      expect(await stack.refused('restore', '--only', 'redis', 'latest', '--yes')).toMatchObject({ code: 'USAGE' });
      expect(await stack.refused('backup', 'export', '--to', path.join(space.dir, 'x.tar'))).toMatchObject({ code: 'BACKUP_REFUSED' });
    },
    TIMEOUT,
  );

  test(
    'brings back what was, with roles and other databases',
    async () => {
      expect(await stack.everything()).toEqual(THEN);
      await stack.writeNow();
      const outcome = parsed<Outcome>(await must('restore', 'latest', '--yes', '--json'));
      expect([outcome.result, outcome.checks.map(({ status }) => status)]).toEqual(['restored', ['ok']]);
      expect(await stack.everything()).toEqual(THEN);
      await must('health');
      expect((await stack.sets()).at(-1)).toMatchObject({ reason: 'safety', kind: 'dump' });
    },
    TIMEOUT,
  );

  test(
    'and back again',
    async () => {
      await must('restore', '--undo', '--yes');
      expect(await stack.everything()).toEqual(NOW);
      await must('health');
    },
    TIMEOUT,
  );

  test(
    'killed half-way: nothing else may start anything, and the next run goes on',
    async () => {
      let child: { kill(signal: NodeJS.Signals): boolean } | undefined;
      const killed = space.run(['restore', 'latest', '--yes'], { onSpawn: (started) => (child = started) });
      await until('the database is being replaced', () => stack.touched().includes('db'), 300);
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
      expect(await stack.refused('up')).toMatchObject({ status: 4, code: 'PARTIAL' });
      await must('restore', '--yes');
      expect(await stack.everything()).toEqual(THEN);
      await must('health');
    },
    TIMEOUT,
  );

  test(
    'killed before anything was replaced leaves what was, and the same again does it',
    async () => {
      await stack.writeNow();
      let child: { kill(signal: NodeJS.Signals): boolean } | undefined;
      const killed = space.run(['restore', 'latest', '--yes'], { onSpawn: (started) => (child = started) });
      const job = `${space.project}-job-restore-dump`;
      await until('the dump is being restored', async () => (await docker(['inspect', job])).status === 0, 300);
      child?.kill('SIGKILL');
      expect((await killed).status).not.toBe(0);
      expect(await stack.everything()).toEqual(NOW);
      await must('up');
      await must('restore', 'latest', '--yes');
      expect(await stack.everything()).toEqual(THEN);
    },
    TIMEOUT,
  );

  test(
    'into a project of its own touches nothing',
    async () => {
      await stack.writeNow();
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
      expect(await stack.everything()).toEqual(NOW);
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
      expect(await stack.refused('down', '--volumes', '--yes')).toMatchObject({ message: expect.stringContaining('no verified backup') });
      await must('backup', 'verify');
      await must('down', '--volumes', '--yes');
      await must('up', '--timeout', '400');
      await must('restore', 'latest', '--yes');
      expect(await stack.everything()).toEqual(NOW);
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
      stack.bare = path.join(space.dir, 'bare');
      mkdirSync(stack.bare);
      await must('restore', '--kit', kit, '--passphrase-file', passphrase, '--yes');
      expect(await stack.everything()).toEqual(NOW);
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
