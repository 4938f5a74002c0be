import { describe, expect, test } from 'vitest';
import { differences, writtenSince } from '../../../src/import/plan/compare.ts';
import { copyPlan, type Entry, entriesOf } from '../../../src/import/plan/copy-plan.ts';
import { DumpFilter } from '../../../src/import/plan/dump-filter.ts';
import { fileSource, mountOf } from '../../../src/import/plan/file-source.ts';
import { fileTarget, fileTargets } from '../../../src/import/plan/file-target.ts';
import { loadSteps, switchSteps } from '../../../src/import/plan/import-steps.ts';
import { importNotes, interruptedChecks, stillStopped } from '../../../src/import/plan/interrupted.ts';
import { type Here, judge, type Survey } from '../../../src/import/plan/judge.ts';
import { halfNames, keptNames, rehearsalName } from '../../../src/import/plan/names.ts';
import { databaseSource, dumpFormat, sourceText } from '../../../src/import/plan/source.ts';

const GB = 1024 ** 3;
const survey = (more: Partial<Survey> = {}): Survey => ({
  version: '15.3',
  encoding: 'UTF8',
  extensions: ['plpgsql'],
  bytes: GB,
  dump: undefined,
  leftOut: [],
  ...more,
});
const HERE: Here = { major: 17, extensions: { plpgsql: true, citext: true }, free: { a: 100 * GB, b: 50 * GB } };
const dump = (more: object) => ({ ...new DumpFilter().facts, tables: { 'public.t': 1 }, complete: true, ...more });
const refusal = (given: Survey, here = HERE, encoding?: string): string => {
  try {
    judge(given, here, { encoding });
  } catch (error) {
    return `${(error as { code: string }).code}: ${(error as Error).message}`;
  }
  return '';
};

describe('the source of a database', () => {
  test('is a file, a container or a URL, and a password is never in its text', () => {
    expect(databaseSource('./a b.dump')).toEqual({ kind: 'file', path: './a b.dump' });
    expect(databaseSource('container:old-db-1')).toEqual({ kind: 'container', container: 'old-db-1' });
    const url = databaseSource('postgres://me:p%40ss%2Fw@db.lan:5433/app?sslmode=require&password=again');
    expect(url).toMatchObject({ kind: 'url', password: 'p@ss/w' });
    expect(sourceText(url)).toBe('postgres://me@db.lan:5433/app?sslmode=require');
    expect(sourceText(databaseSource('postgres://me@db/app?sslpassword=hidden&sslmode=require'))).toBe(
      'postgres://me@db/app?sslmode=require',
    );
    expect(() => databaseSource('postgres://me:100%@db/app')).toThrow(/not encoded/);
    for (const wrong of ['container:', 'container:a;b', 'mysql://a/b', 'postgres://', 'http://x/y'])
      expect(() => databaseSource(wrong), wrong).toThrow();
  });

  test('of a file is told by its first bytes', () => {
    const tar = Buffer.alloc(512);
    tar.write('ustar', 257);
    expect(
      [
        Buffer.from('PGDMP\x01'),
        tar,
        Buffer.from([0x1f, 0x8b, 8]),
        Buffer.from([0x28, 0xb5, 0x2f, 0xfd]),
        Buffer.from('--\n'),
        Buffer.alloc(0),
      ].map(dumpFormat),
    ).toEqual(['archive', 'archive', 'gzip', 'zstd', 'plain', 'empty']);
  });
});

describe('what is refused before anything is created', () => {
  test('a source that is well is not', () => {
    expect(judge(survey(), HERE, { encoding: undefined })).toEqual([]);
    expect(judge(survey({ dump: dump({}) }), HERE, { encoding: undefined })).toEqual([]);
  });

  test.each([
    ['extensions', survey({ extensions: ['citext', 'postgis', 'vector'] }), /does not have: postgis, vector/],
    ['a disk that is too small', survey({ bytes: 60 * GB }), /are needed for the data of b, and 50 GiB are free/],
    ['half a dump', survey({ dump: dump({ complete: false }) }), /ends in the middle/],
    ['an empty dump', survey({ dump: dump({ tables: {} }) }), /no data of any table/],
    ['several databases', survey({ dump: dump({ databases: 3 }) }), /several databases/],
    ['hostile statements', survey({ dump: dump({ refused: ['the psql command \\!'] }) }), /may not do: the psql command/],
    ['an encoding that nothing knows', survey({ encoding: 'SQL_ASCII' }), /does not know the encoding/],
  ])('%s', (_what, given, message) => {
    expect(refusal(given)).toMatch(/^IMPORT_REFUSED: /);
    expect(refusal(given)).toMatch(message);
  });

  test('a dump grows: it needs more than its own length', () => {
    expect(refusal(survey({ bytes: 35 * GB }))).toBe('');
    expect(refusal(survey({ bytes: 35 * GB, dump: dump({}) }))).toMatch(/are free there/);
  });

  test('what is only told: other versions, other encodings, what is left out', () => {
    const notes = judge(survey({ version: '18.1', encoding: 'LATIN1', leftOut: ['publication p'] }), HERE, { encoding: undefined });
    expect(notes).toEqual([
      expect.stringContaining('PostgreSQL 18, newer than 17'),
      'text is converted from LATIN1 to UTF8',
      'not imported: publication p',
    ]);
    expect(judge(survey({ version: '11.2' }), HERE, { encoding: undefined })).toEqual([expect.stringContaining('versions 13 to 17')]);
    expect(judge(survey({ encoding: 'SQL_ASCII' }), HERE, { encoding: 'LATIN1' })).toHaveLength(1);
  });
});

test('a way back that was killed says what it is', () => {
  const underWay = { at: 'then', source: 'x', database: 'medianest_before_1', stoppedSource: [], stoppedApp: ['app-1'], back: true };
  expect(interruptedChecks(underWay)).toEqual([
    {
      ...{ id: 'import', status: 'fail' },
      message: 'the way back to the database medianest_before_1, started then, was interrupted after it had stopped app-1',
      remedy: expect.stringMatching(/medianest import database --back.*medianest up$/),
    },
  ]);
});

describe('the comparison', () => {
  const expected = { tables: { 'public.a': 2, 'public.b': 0 }, sequences: { 'public.s': { value: '7', called: true } } };

  test('finds rows and sequences that are not there', () => {
    expect(differences(expected, { tables: { 'public.a': 2, 'public.b': 0, 'public.more': 1 }, sequences: expected.sequences })).toEqual(
      [],
    );
    expect(differences(expected, { tables: { 'public.a': 1 }, sequences: { 'public.s': { value: '7', called: false } } })).toEqual([
      'public.a: 1 row instead of 2 rows',
      'public.b: missing instead of 0 rows',
      'public.s: 7 instead of 7',
    ]);
  });

  test('finds what was written to the source meanwhile', () => {
    expect(writtenSince(expected, { tables: { 'public.a': 3, 'public.b': 0, 'public.parent': 9 }, sequences: {} })).toEqual([
      'public.a: 3 rows by now, 2 imported',
    ]);
  });
});

describe('steps', () => {
  const plan = {
    database: 'medianest_import_1',
    source: 'x',
    halves: ['medianest_import_0'],
    extensions: ['dblink'],
    kept: 'medianest_before_1',
    stop: ['old-web-1'],
    application: { services: ['app-1', 'app-2'], migrations: ['app-migrate'], signOn: false },
  };

  test('load beside what runs, and stop the source before it is read', () => {
    expect(loadSteps(plan).map(({ kind }) => kind)).toEqual([
      'drop-databases',
      'create-import-database',
      'stop-source',
      'load-database',
      'check-import',
    ]);
    expect(loadSteps({ ...plan, halves: [], stop: [] }).map(({ kind }) => kind)).toEqual([
      'create-import-database',
      'load-database',
      'check-import',
    ]);
  });

  test('switch while the application is stopped, and migrate before it starts', () => {
    expect(switchSteps(plan.application, plan.database, plan.kept).map(({ kind }) => kind)).toEqual([
      'stop-application',
      'switch-database',
      'run-one-off',
      'compose-up',
    ]);
    expect(switchSteps({ services: [], migrations: [], signOn: false }, 'a', 'b').map(({ kind }) => kind)).toEqual(['switch-database']);
    // Its accounts are in a schema of the database that is replaced.
    const kinds = switchSteps({ services: ['sign-on', 'app-1'], migrations: [], signOn: true }, 'a', 'b').map(({ kind }) => kind);
    expect(kinds).toEqual(['stop-application', 'carry-sign-on', 'switch-database', 'compose-up']);
  });

  test('of a killed import are told with what it has stopped', () => {
    const killed = { at: '2026-01-01T00:00:00Z', source: 'x', database: 'd', stoppedSource: ['old-web-1'], stoppedApp: ['app-1'] };
    expect(interruptedChecks(undefined)).toEqual([]);
    expect(interruptedChecks(killed)).toEqual([
      expect.objectContaining({
        status: 'fail',
        message: expect.stringContaining('app-1, old-web-1'),
        remedy: expect.stringContaining('docker start old-web-1'),
      }),
    ]);
    expect(interruptedChecks(stillStopped(killed, ['app-1'], ['other']))[0]?.status).toBe('fail');
    expect(interruptedChecks(stillStopped(killed, ['app-1'], ['old-web-1']))[0]?.status).toBe('warn');
    expect(importNotes(undefined, [{ name: 'medianest_before_1', at: 'then', by: 'x' }])).toEqual([expect.stringContaining('--remove')]);
  });

  test('know databases by their names', () => {
    const names = [
      'medianest',
      'medianest_before_20260101_000000',
      'medianest_before_20270101_000000',
      'medianest_import_20260101_000000',
      'other',
    ];
    expect(halfNames(names)).toEqual(['medianest_import_20260101_000000']);
    expect(keptNames(names)).toEqual(['medianest_before_20270101_000000', 'medianest_before_20260101_000000']);
    for (const wrong of ['postgres', 'medianest', 'medianest_before_1', 'a-b', "a'b", 'A', ''])
      expect(() => rehearsalName(wrong), wrong).toThrow();
    expect(rehearsalName('try_1')).toBe('try_1');
  });
});

describe('files', () => {
  const entry = (path: string, more: Partial<Entry> = {}): Entry => ({ type: 'f', size: 1, time: '5', path, target: '', ...more });

  test('are read as find prints them, whatever is in their names', () => {
    expect(entriesOf('f\x0012\x001700000000.123\x00a\nb\x00\x00l\x003\x005.0\x00c\x00../d\x00')).toEqual([
      entry('a\nb', { size: 12, time: '1700000000' }),
      entry('c', { type: 'l', size: 3, target: '../d' }),
    ]);
    expect(entriesOf('')).toEqual([]);
  });

  test('that are none, or lead outside, are left out and told', () => {
    const source = [
      entry('d', { type: 'd' }),
      entry('d/file'),
      entry('d/inside', { type: 'l', target: '../d/file' }),
      entry('d/out', { type: 'l', target: '../../etc' }),
      entry('root', { type: 'l', target: '/etc/passwd' }),
      entry('socket', { type: 's' }),
      entry('pipe', { type: 'p' }),
      entry('sda', { type: 'b' }),
      entry('bad\uFFFD'),
    ];
    const plan = copyPlan(source, [], []);
    expect(plan.files.map(({ path }) => path)).toEqual(['d/file']);
    expect(plan.links.map(({ path }) => path)).toEqual(['d/inside']);
    expect(plan.left).toHaveLength(6);
  });

  test('are not reached by a link that climbs out of another one', () => {
    const link = (path: string, target: string) => entry(path, { type: 'l', target });
    const plan = copyPlan([link('a/b/c/top', '../../..'), link('out', 'a/b/c/top/../../x'), link('a/near', './../b/file')], [], []);
    expect(plan.links.map(({ path }) => path)).toEqual(['a/b/c/top', 'a/near']);
    expect(plan.left).toEqual(['out: a link that leads outside, to a/b/c/top/../../x']);
  });

  test('that an interrupted run has copied are not copied again; other files in their place are conflicts', () => {
    const source = [entry('a'), entry('b'), entry('c')];
    const resumed = copyPlan(source, [entry('keep'), entry('c', { size: 9 })], [entry('a'), entry('b', { time: '6' })]);
    expect(resumed).toMatchObject({ stale: false, conflicts: ['c'], bytes: 3 });
    expect(resumed.copy.map(({ path }) => path)).toEqual(['b', 'c']);
    expect(copyPlan(source, [entry('a'), entry('.medianest-import', { type: 'd' })], [entry('gone')])).toMatchObject({
      stale: true,
      conflicts: [],
    });
    expect(copyPlan([entry('a', { type: 'd' }), entry('a/b')], [entry('a')], [])).toMatchObject({
      ...{ conflicts: ['a'], inFoldersPlace: [entry('a')], foldersInPlace: [] },
    });
    expect(copyPlan([entry('a')], [entry('a', { type: 'd' }), entry('a/b')], [])).toMatchObject({
      ...{ conflicts: ['a'], inFoldersPlace: [], foldersInPlace: ['a'] },
    });
  });

  test('come from a folder, a volume, or a mount of a container', () => {
    expect(fileSource('volume:a_b')).toEqual({ kind: 'volume', volume: 'a_b' });
    expect(fileSource('container:web:/app/x/../up/')).toEqual({ kind: 'container', container: 'web', path: '/app/up' });
    expect(fileSource('./a')).toEqual({ kind: 'folder', path: './a' });
    for (const wrong of ['volume:', 'volume:/a', 'volume:a:/b', 'container:x', 'container:x:y'])
      expect(() => fileSource(wrong), wrong).toThrow();
    const mounts = [
      { Type: 'bind', Source: '/srv/app', Destination: '/app' },
      { Type: 'volume', Name: 'up', Source: '/var/lib/docker/volumes/up', Destination: '/app/up' },
    ];
    expect(mountOf(mounts, '/app/up/2024')).toEqual({ source: { kind: 'volume', volume: 'up' }, within: '2024' });
    expect(mountOf(mounts, '/app/upper')).toEqual({ source: { kind: 'folder', path: '/srv/app' }, within: 'upper' });
    expect(mountOf(mounts, '/other')).toBeUndefined();
  });

  test('go to the uploads or to a volume that all replicas share', () => {
    const mount = (source: string, readOnly = false) => ({ source, target: '/x', kind: 'volume' as const, readOnly });
    const replica = {
      role: 'application',
      uid: 1000,
      mounts: [mount('uploads'), mount('own-data'), mount('own-scratch.app-1'), mount('media', true)],
    };
    const stack = { services: [replica, replica, { role: 'edge', uid: 1, mounts: [mount('logs')] }] } as never;
    expect(fileTargets(stack)).toEqual([
      { name: 'uploads', source: 'uploads', uid: 1000, gid: 1000 },
      { name: 'data', source: 'own-data', uid: 1000, gid: 1000 },
    ]);
    expect(() => fileTarget(stack, 'scratch')).toThrow(/one of uploads, data|no such volume/);
  });
});
