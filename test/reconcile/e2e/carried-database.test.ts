import { existsSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { checkedRuns, inVolume, volumeContents } from '../../support/checked-runs.ts';
import { docker } from '../../support/cli.ts';
import { json } from '../../support/command.ts';
import { ask, containers, portal, titles } from '../../support/stack.ts';
import { type Workspace, workspace } from '../../support/workspace.ts';

let space: Workspace;
const CLUSTER = { profile: 'staging', database: { members: 1 }, components: { backup: false } as never };
const { must, refused, killedAt } = checkedRuns(() => space);
const psql = async (sql: string) =>
  (
    await must(
      'exec',
      'postgres',
      '--',
      'psql',
      '-XqAt',
      '-v',
      'ON_ERROR_STOP=1',
      '-h',
      '/run/postgresql',
      '-U',
      'postgres',
      '-d',
      'medianest',
      '-c',
      sql,
    )
  ).stdout;
/** Without the times of folders: the portal tries at its start whether it can write there. */
const volume = (name: string) => `${space.project}_${name}`;
const uploads = async () => (await volumeContents(volume('uploads'))).replace(/^(d .*) \S+ ( \S+)$/gm, '$1$2');
/** The rows of every table, counted and hashed in their order, by another way than medianest's own. */
const rows = async () =>
  (
    await psql(`SELECT format('%I.%I', schemaname, tablename), query_to_xml(format(
      'SELECT count(*), md5(string_agg(x::text, ''|'' ORDER BY x::text)) FROM %I.%I x', schemaname, tablename), true, true, '')
      FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema') ORDER BY 1`)
  ).split('\n');
/** Of this project: the engine is shared. */
const leftovers = async () => {
  const filters = ['--filter', 'label=io.medianest.job=carry', '--filter', `label=io.medianest.project=${space.project}`];
  return (await docker(['volume', 'ls', '--quiet', ...filters])).stdout + (await docker(['ps', '--all', '--quiet', ...filters])).stdout;
};
const note = () => path.join(space.state, 'carry.json');
let before: string[] = [];
let files = '';
let old = '';

beforeAll(async () => {
  space = await workspace('carry-db');
  space.configure({ profile: 'dev-compose' });
  await must('up');
  for (const title of ['Safety Last', 'Sherlock Jr.']) await ask(portal, space, title);
  await psql(`CREATE EXTENSION pg_trgm;
    CREATE SCHEMA "Odd Name" AUTHORIZATION medianest;
    CREATE TABLE "Odd Name"."T a" (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, at timestamptz DEFAULT now(), raw bytea, n numeric, f float8, j jsonb, span interval);
    INSERT INTO "Odd Name"."T a" (raw, n, f, j, span) SELECT decode(md5(i::text), 'hex'), i / 7.0, i / 3.0, jsonb_build_object('i', i), i * interval '1 min' FROM generate_series(1, 50000) i;
    CREATE TABLE parts (id int, note text) PARTITION BY RANGE (id);
    CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (0) TO (100);
    INSERT INTO parts VALUES (1, E'tab\\tand "quote" and ünïcode');
    CREATE VIEW seen AS SELECT count(*) FROM parts;
    SELECT lo_from_bytea(0, 'large');
    CREATE SEQUENCE tickets START 7; SELECT nextval('tickets');
    CREATE ROLE "Odd ""one"""; CREATE ROLE reporting LOGIN PASSWORD 'of-the-old-server'; GRANT "Odd ""one""" TO reporting;
    ALTER TABLE parts OWNER TO "Odd ""one"""; GRANT SELECT ON "Odd Name"."T a" TO reporting; GRANT USAGE ON SCHEMA "Odd Name" TO reporting;
    ALTER ROLE reporting SET work_mem TO '5MB'; ALTER DATABASE medianest SET "TimeZone" TO 'Europe/Berlin';
    GRANT CREATE ON DATABASE medianest TO reporting`);
  await psql('CREATE DATABASE other');
  await inVolume(volume('uploads'), 'head -c 5M /dev/urandom >/v/film.bin; chown 10001:10001 /v/film.bin');
  before = await rows();
  files = await uploads();
});
afterAll(() => space.destroy());

test('the plan says what stays, and what --carry-data would bring', async () => {
  space.configure(CLUSTER);
  const bare = await space.run(['plan', '--json']);
  expect([bare.status, (json(bare.stdout) as unknown as { leftBehind: string[] }).leftBehind]).toEqual([
    3,
    ['backups', 'postgres-data', 'redis-data'],
  ]);
  expect((await space.run(['plan'])).stdout).toContain('up --carry-data');
  const plan = json((await space.run(['plan', '--carry-data', '--json'])).stdout) as unknown as Record<string, string[]>;
  expect([plan.carried, plan.leftBehind]).toEqual([['postgres-data'], ['backups', 'redis-data']]);
  const text = (await space.run(['plan', '--carry-data'])).stdout;
  expect(text).toContain(`dump the database of ${space.project}_postgres-data, restore it on the leader of postgres-1`);
  expect(text).toContain('Data that comes along: postgres-data. The old volume is only read');
  expect(text).toContain('Data that does not come along: backups, redis-data.');
  expect((await containers(space.project)).map(({ service }) => service)).toContain('postgres');
});

test('a database of another version is refused before anything is changed', async () => {
  const version = (to: number) => inVolume(volume('postgres-data'), `echo ${to} >/v/17/PG_VERSION`);
  await version(16);
  expect(await refused('up', '--carry-data')).toMatchObject({
    status: 1,
    code: 'FOREIGN_STATE',
    message: expect.stringMatching(/has a PostgreSQL 16, .* nothing was changed$/),
  });
  await version(17);
  expect([existsSync(note()), (await titles(portal, space)).sort()]).toEqual([false, ['Safety Last', 'Sherlock Jr.']]);
});

test('killed while it is written, the way back to the old settings is free, and leaves nothing of it', { timeout: 560_000 }, async () => {
  expect((await killedAt('of the dump restored', 'up', '--carry-data', '--verbose')).status).toBe(null);
  for (const args of [['plan'], ['up']])
    expect(await refused(...args)).toMatchObject({ status: 1, code: 'FOREIGN_STATE', hint: expect.stringContaining('up --carry-data') });
  space.configure({ profile: 'dev-compose' });
  await must('up', '--wait-lock=60');
  expect([(await titles(portal, space)).sort(), await rows()]).toEqual([['Safety Last', 'Sherlock Jr.'], before]);
  expect([existsSync(note()), await leftovers()]).toEqual([false, '']);
  space.configure(CLUSTER);
  const taken = await refused('up', '--carry-data');
  expect(taken).toMatchObject({ status: 1, code: 'ALREADY_THERE', message: expect.stringMatching(/nothing was changed$/) });
  const [, names = ''] = /docker volume rm ([^;]+);/.exec(taken.hint ?? '') ?? [];
  expect(names.split(' ').sort()).toEqual(['etcd-1-data', 'etcd-founding', 'postgres-1-data'].map((name) => `${space.project}_${name}`));
  expect((await docker(['volume', 'rm', ...names.split(' ')])).status).toBe(0);
});

test('killed before and while the database is carried, it is told as unfinished, and nothing serves without the data', {
  timeout: 560_000,
}, async () => {
  expect((await killedAt('start and wait until healthy', 'up', '--carry-data')).status).toBe(null);
  expect(existsSync(note())).toBe(true);
  old = await volumeContents(volume('postgres-data'));
  for (const args of [['plan'], ['up']])
    expect(await refused(...args)).toMatchObject({ status: 1, code: 'FOREIGN_STATE', hint: expect.stringContaining('up --carry-data') });
  expect((await killedAt('of the dump restored', 'up', '--carry-data', '--wait-lock=60', '--verbose')).status).toBe(null);
  expect((await containers(space.project)).map(({ service }) => service)).not.toContain('app-1');
  expect(await refused('up')).toMatchObject({ code: 'FOREIGN_STATE' });
});

test('run again, every row and file is there, and the old volume is as it was', { timeout: 560_000 }, async () => {
  const up = await must('up', '--carry-data', '--wait-lock=60');
  expect(up.stderr).toMatch(/the database came along: \d+ tables, \d+ rows, compared one by one/);
  expect(await titles(portal, space)).toEqual(expect.arrayContaining(['Safety Last', 'Sherlock Jr.']));
  expect(await rows()).toEqual(before);
  expect(await psql('SELECT * FROM seen')).toBe('1\n');
  expect(await psql("SELECT tableowner FROM pg_tables WHERE tablename = 'T a'")).toBe('postgres\n');
  expect(await psql("SELECT convert_from(lo_get(oid), 'UTF8') FROM pg_largeobject_metadata")).toBe('large\n');
  expect(await psql("SELECT tableowner FROM pg_tables WHERE tablename = 'parts'")).toBe('Odd "one"\n');
  expect(
    await psql("SELECT last_value, current_setting('TimeZone'), has_database_privilege('reporting', 'medianest', 'CREATE') FROM tickets"),
  ).toBe('7|Europe/Berlin|t\n');
  expect(await psql('SET ROLE reporting; SELECT count(*) FROM parts, "Odd Name"."T a"')).toBe('50000\n');
  expect(await psql("SELECT rolconfig FROM pg_roles WHERE rolname = 'reporting'")).toBe('{work_mem=5MB}\n');
  expect(up.stderr).toMatch(/other databases do not come along: other;/);
  expect(await uploads()).toBe(files);
  expect(await volumeContents(volume('postgres-data'))).toBe(old);
  expect(existsSync(note())).toBe(false);
  expect((await must('up')).stdout).toContain('Nothing to do');
  expect((await must('up', '--carry-data')).stdout).toContain('Nothing to do');
  expect(await leftovers()).toBe('');
});

test('killed after the restore, a further run only compares', { timeout: 560_000 }, async () => {
  writeFileSync(note(), JSON.stringify({ kind: 'database', from: 'postgres-data', copied: {} }));
  expect(await refused('up')).toMatchObject({ code: 'FOREIGN_STATE' });
  await psql('ALTER DATABASE medianest RESET "TimeZone"');
  await must('up', '--carry-data');
  expect([await rows(), await psql('SHOW "TimeZone"')]).toEqual([before, 'Europe/Berlin\n']);
  expect(existsSync(note())).toBe(false);
});

test('a new database that has other data already is not written to; --new-data keeps it', { timeout: 560_000 }, async () => {
  await ask(portal, space, 'Vampyr');
  const now = await rows();
  writeFileSync(note(), JSON.stringify({ kind: 'database', from: 'postgres-data', copied: {} }));
  expect(await refused('up', '--carry-data')).toMatchObject({
    status: 1,
    code: 'ALREADY_THERE',
    hint: expect.stringContaining('--new-data'),
  });
  expect(await rows()).toEqual(now);
  await must('up', '--new-data');
  expect([await rows(), existsSync(note())]).toEqual([now, false]);
  expect(await titles(portal, space)).toContain('Vampyr');
});
