import type { ChildProcess } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { docker, HOME, type Run } from '../../support/cli.ts';
import { parsed, until } from '../../support/stack.ts';
import { type Workspace, workspace } from '../../support/workspace.ts';

/*
 * A database from elsewhere into a stack of dev-compose: dumps that PostgreSQL 15 has made (fixtures), and the server of another project.
 */

const FIXTURES = path.join(HOME, 'test', 'import', 'fixtures');
const PSQL = ['psql', '-XqAt', '-h', '/run/postgresql', '-U', 'postgres'];
const TIMEOUT = 240_000;

interface Outcome {
  result: string;
  version: string | null;
  rows: number;
  sequences: number;
  tables: Record<string, number>;
  kept: string | null;
  steps: string[];
  notes: string[];
  outageSeconds: number | null;
  seconds: number;
}

let space: Workspace;
let foreign = '';

const sql = async (query: string, database = 'medianest'): Promise<string> => {
  const { status, stdout, stderr } = await docker(['exec', `${space.project}-postgres-1`, ...PSQL, '-d', database, '-c', query]);
  if (status !== 0) throw new Error(`${query}: ${stderr}`);
  return stdout.trim();
};
const old = async (query: string, database = 'shop'): Promise<string> => {
  const { status, stdout, stderr } = await docker(['exec', foreign, 'psql', '-XqAt', '-U', 'olduser', '-d', database, '-c', query]);
  if (status !== 0) throw new Error(`${query}: ${stderr}`);
  return stdout.trim();
};
const must = async (...args: string[]): Promise<Run> => {
  const done = await space.run(args);
  expect(done.status, `${args.join(' ')}: ${done.stdout}${done.stderr}`).toBe(0);
  return done;
};
const imported = async (...args: string[]): Promise<Outcome> =>
  parsed<Outcome>(await must('import', 'database', ...args, '--yes', '--json'));
const refused = async (...args: string[]) => {
  const { status, stdout, stderr } = await space.run(['import', 'database', ...args, '--yes', '--json']);
  expect(stdout, stderr).not.toBe('');
  const { error } = JSON.parse(stdout) as { error: { code: string; message: string; hint: string } };
  return { status, ...error };
};
const databases = async () => (await sql("select datname from pg_database where datname like 'medianest%' order by 1")).split('\n');
const fixture = (name: string) => path.join(FIXTURES, name);
const health = async () => (await space.run(['health'])).status;

/** A server as another project has one: its own data, its own user, connections by its socket. */
async function startForeign(): Promise<void> {
  foreign = `${space.project}-elsewhere`;
  await docker(['rm', '--force', foreign]);
  const { stdout: image } = await docker(['inspect', '--format', '{{.Config.Image}}', `${space.project}-postgres-1`]);
  const script =
    'initdb -D /tmp/data -U olduser --auth=trust --encoding=UTF8 --locale=C.UTF-8 >/dev/null && exec postgres -D /tmp/data -c unix_socket_directories=/tmp -c listen_addresses=';
  const env = [
    '--env',
    'POSTGRES_USER=olduser',
    '--env',
    'POSTGRES_DB=shop',
    '--env',
    'PGHOST=/tmp',
    '--label',
    `com.docker.compose.project=${space.project}-old`,
  ];
  const args = [...env, '--tmpfs', '/tmp:mode=1777,exec', '--network', 'none'];
  const { status, stderr } = await docker([
    'run',
    '--detach',
    '--name',
    foreign,
    ...args,
    '--entrypoint',
    'bash',
    image.trim(),
    '-c',
    script,
  ]);
  expect(status, stderr).toBe(0);
  await until(
    'the other server answers',
    async () => (await docker(['exec', foreign, 'psql', '-U', 'olduser', '-d', 'postgres', '-c', ''])).status === 0,
    60,
  );
  await old('create database shop', 'postgres');
  await old(
    "create table items (id serial primary key, name text); insert into items (name) select 'n' || g from generate_series(1, 1000) g",
  );
}

beforeAll(async () => {
  space = await workspace('import');
  space.configure({ profile: 'dev-compose', components: { edge: false } });
  await must('up', '--timeout', '400');
  await sql("create table before_import (text text); insert into before_import values ('here')");
}, 600_000);

afterAll(async () => {
  if (foreign) await docker(['rm', '--force', '--volumes', foreign]);
  await space?.destroy();
});

describe('a dump of PostgreSQL 15', () => {
  test(
    'is rehearsed in each of its forms: the running database is not touched',
    async () => {
      writeFileSync(path.join(space.dir, 'shop.sql.gz'), gzipSync(readFileSync(fixture('shop-15.sql'))));
      const forms = [
        fixture('shop-15.sql'),
        path.join(space.dir, 'shop.sql.gz'),
        fixture('shop-15.dump'),
        fixture('shop-15.tar'),
        fixture('shop-15.dir'),
      ];
      for (const form of forms) {
        const outcome = await imported(form, '--into', 'rehearsal');
        expect(outcome, form).toMatchObject({ result: 'rehearsed', rows: 113, sequences: 2, kept: null, outageSeconds: null });
        expect(await sql('select count(*) from customers', 'rehearsal')).toBe('50');
        expect(await sql("select distinct tableowner from pg_tables where schemaname in ('public', 'extra')", 'rehearsal')).toBe(
          'medianest',
        );
      }
      expect(await databases()).toEqual(['medianest']);
      expect(await sql('select * from before_import')).toBe('here');
      await sql('drop database rehearsal', 'postgres');
    },
    TIMEOUT,
  );

  test(
    'of another encoding arrives as UTF-8; one that does not know its own has to be told',
    async () => {
      await imported(fixture('latin-15.sql'), '--into', 'rehearsal');
      expect(await sql("select n from names where n like 'M%'", 'rehearsal')).toBe('Müller');
      expect(await refused(fixture('ascii-15.sql'), '--into', 'rehearsal')).toMatchObject({
        code: 'IMPORT_REFUSED',
        hint: expect.stringContaining('--encoding'),
      });
      await imported(fixture('ascii-15.sql'), '--into', 'rehearsal', '--encoding', 'LATIN1');
      expect(await sql('select n from names', 'rehearsal')).toBe('Müller');
      await sql('drop database rehearsal', 'postgres');
    },
    TIMEOUT,
  );

  test(
    'that ends in the middle, is damaged, hostile or needs what is not here is refused before anything starts',
    async () => {
      const text = readFileSync(fixture('shop-15.sql'), 'utf8');
      const cut = space.write('cut.sql', text.slice(0, text.indexOf('COPY public.customers') + 600));
      expect(await refused(cut)).toMatchObject({
        status: 1,
        code: 'IMPORT_REFUSED',
        message: expect.stringContaining('ends in the middle'),
      });
      writeFileSync(path.join(space.dir, 'cut.gz'), gzipSync(readFileSync(fixture('shop-15.sql'))).subarray(0, 2000));
      expect(await refused(path.join(space.dir, 'cut.gz'))).toMatchObject({ code: 'IMPORT_FAILED' });
      writeFileSync(path.join(space.dir, 'cut.dump'), readFileSync(fixture('shop-15.dump')).subarray(0, 9000));
      expect(await refused(path.join(space.dir, 'cut.dump'))).toMatchObject({ code: 'IMPORT_FAILED' });
      const extension = space.write(
        'extension.sql',
        text.replace('CREATE SCHEMA extra;', 'CREATE SCHEMA extra;\nCREATE EXTENSION postgis;'),
      );
      expect(await refused(extension)).toMatchObject({ code: 'IMPORT_REFUSED', message: expect.stringContaining('postgis') });
      const hostile = space.write(
        'hostile.sql',
        text.replace('CREATE SCHEMA extra;', "CREATE SCHEMA extra;\n\\! touch /tmp/owned\nCOPY x FROM PROGRAM 'id';"),
      );
      expect(await refused(hostile)).toMatchObject({
        code: 'IMPORT_REFUSED',
        message: expect.stringContaining('COPY from a file or a program'),
      });
      expect(await databases()).toEqual(['medianest']);
    },
    TIMEOUT,
  );

  test(
    'that fails while it is loaded leaves nothing, and the running database as it was',
    async () => {
      const text = readFileSync(fixture('shop-15.sql'), 'utf8');
      const failing = space.write(
        'failing.sql',
        text.replace('CREATE TYPE public.mood', 'CREATE TYPE public.mood2 AS ENUM ();\nSELECT 1/0;\nCREATE TYPE public.mood'),
      );
      expect(await refused(failing)).toMatchObject({ code: 'IMPORT_FAILED', message: expect.stringContaining('division by zero') });
      expect(await databases()).toEqual(['medianest']);
      expect(await sql('select * from before_import')).toBe('here');
      expect(existsSync(path.join(space.state, 'imports.json'))).toBe(false);
    },
    TIMEOUT,
  );
});

describe('the server of another project', () => {
  test(
    'is imported and switched to; the old database is kept, comes back, and is removed',
    async () => {
      await startForeign();
      const planned = parsed<Outcome>(await must('import', 'database', `container:${foreign}`, '--dry-run', '--json'));
      expect(planned.steps.at(-1)).toMatch(/start and wait until healthy: app-1/);
      const outcome = await imported(`container:${foreign}`);
      expect(outcome).toMatchObject({
        result: 'imported',
        tables: { 'public.items': 1000 },
        kept: expect.stringMatching(/^medianest_before_/),
      });
      expect(outcome.outageSeconds).toBeLessThan(60);
      expect(await sql('select count(*), max(id) from items')).toBe('1000|1000');
      expect(await sql("select nextval('items_id_seq')")).toBe('1001');
      expect(await sql('select * from before_import', outcome.kept as string)).toBe('here');
      expect(await old('select count(*) from items')).toBe('1000');
      await must('import', 'database', '--back', '--yes');
      expect(await sql('select * from before_import')).toBe('here');
      await must('import', 'database', '--remove', '--yes');
      expect(await databases()).toEqual(['medianest']);
      expect(await health()).toBe(0);
    },
    TIMEOUT,
  );

  test(
    'whose import is killed half-way: the next one removes what it has left',
    async () => {
      // A lock on the table holds the dump while it is killed.
      const holder = docker([
        'exec',
        foreign,
        'psql',
        '-U',
        'olduser',
        '-d',
        'shop',
        '-c',
        'begin; lock table items; select pg_sleep(120)',
      ]);
      await until(
        'the table is locked',
        async () =>
          (await old("select count(*) from pg_locks where mode = 'AccessExclusiveLock' and relation = 'items'::regclass")) === '1',
        30,
      );
      let child: ChildProcess | undefined;
      const killed = space.run(['import', 'database', `container:${foreign}`, '--yes'], {
        onSpawn: (spawned) => {
          child = spawned;
        },
      });
      await until('its database is there', async () => (await databases()).length === 2, 60);
      expect(await refused(`container:${foreign}`, '--wait-lock', '0')).toMatchObject({ code: 'LOCKED' });
      child?.kill('SIGKILL');
      await killed;
      expect((await databases()).length).toBe(2);
      const { checks } = parsed<{ checks: { id: string; status: string }[] }>(await space.run(['health', '--json']));
      expect(checks.find(({ id }) => id === 'import')).toMatchObject({ status: 'warn' });
      await old("select pg_terminate_backend(pid) from pg_stat_activity where query like '%pg_sleep%' and pid <> pg_backend_pid()");
      await holder;
      const outcome = await imported(`container:${foreign}`, '--into', 'rehearsal');
      expect(outcome.rows).toBe(1000);
      expect(await databases()).toEqual(['medianest']);
      expect(await old("select count(*) from pg_stat_activity where application_name = 'medianest-import'")).toBe('0');
      expect(await health()).toBe(0);
      await sql('drop database rehearsal', 'postgres');
    },
    TIMEOUT,
  );

  test(
    'that does not answer is named, and its password is in no list',
    async () => {
      const { code, message } = await refused('postgresql://someone:tops3cret@127.0.0.1:9/app');
      expect([code, message]).toEqual(['IMPORT_REFUSED', expect.stringContaining('the source does not answer')]);
      expect(message).not.toContain('tops3cret');
      expect(readFileSync(path.join(space.state, 'audit.jsonl'), 'utf8')).not.toContain('tops3cret');
      expect(await refused('container:there-is-none')).toMatchObject({ code: 'IMPORT_REFUSED' });
    },
    TIMEOUT,
  );
});
