import { describe, expect, it } from 'vitest';
import { initdbOptions, parseDumpOrder, rolesToMake } from '../../../src/backup/dump-job/plan/order.ts';
import { listed } from '../../../src/backup/plan/backup-sets.ts';
import { fetched, withCopies } from '../../../src/backup/plan/copies.ts';
import {
  dumpArgv,
  dumpProblems,
  dumpSnapshots,
  partsHere,
  refuseDumps,
  refuseMoment,
  refuseOtherKind,
} from '../../../src/backup/plan/dump.ts';
import { nothingNamed } from '../../../src/backup/plan/restore-choice.ts';
import { recoveryOf } from '../../../src/backup/plan/restore-moment.ts';
import { restorePlan } from '../../../src/backup/plan/restore-plan.ts';
import { afterSteps, replaceSteps, rollbackSteps } from '../../../src/backup/plan/restore-steps.ts';
import { chooseTarget, refuseOtherVersion } from '../../../src/backup/plan/restore-target.ts';
import { retentionHere } from '../../../src/backup/plan/retention.ts';
import { reachableFrom } from '../../../src/backup/plan/set-archive.ts';
import { dumpAt, setAt } from '../../support/backup/backup-sets.ts';
import { load, stackOf } from '../../support/settings.ts';

const stack = stackOf(load({ flags: { profile: 'dev-compose' } }));
const prod = stackOf(load({ flags: { profile: 'prod' } }));
const monday = dumpAt('2026-11-23T10:00:00Z', { id: 'monday' });
const tuesday = dumpAt('2026-11-24T10:00:00Z', { id: 'tuesday' });
const safety = dumpAt('2026-11-25T10:00:00Z', { id: 'safety', reason: 'safety' });
const archived = setAt('2026-11-22T10:00:00Z', { id: 'archived' });
const now = new Date('2026-11-25T10:05:00Z');

describe('a dump', () => {
  it('is of a database with any name, and waits for no lock without end', () => {
    const argv = dumpArgv("it's a \\ name=x");
    expect(argv.slice(-2)).toEqual(['--dbname', "dbname='it\\'s a \\\\ name=x'"]);
    expect(argv).toEqual(expect.arrayContaining(['--format=custom', '--compress=0', '--lock-wait-timeout=120s']));
  });
  it('is listed by its snapshot, and says what it is', () => {
    expect(listed(monday)).toMatchObject({ kind: 'dump', parts: { db: 'd-monday', files: 'abcdef12' }, status: 'stored' });
    expect(listed(archived)).not.toHaveProperty('kind');
  });
  it('lacks what is not in the repository', () => {
    expect(dumpSnapshots(monday.parts.db)).toEqual(['d-monday', 'r-monday']);
    expect(dumpProblems(monday, ['d-monday', 'r-monday'])).toEqual([]);
    expect(dumpProblems(monday, ['r-monday'])).toEqual(['the dump of medianest (d-monday) is missing']);
    expect(dumpProblems(monday, ['d-monday'])).toEqual(['the roles of the database (r-monday) are missing']);
  });
});

describe('what can be restored of dumps', () => {
  it('is the newest set that was asked for, or one by its name', () => {
    const sets = [monday, tuesday, safety];
    expect(chooseTarget(sets, { set: 'latest', to: undefined }, now)).toMatchObject({ set: tuesday, until: 'set' });
    expect(chooseTarget(sets, { set: 'safety', to: undefined }, now).set).toBe(safety);
    expect(reachableFrom([], sets)).toBeUndefined();
  });
  it.each([
    [new Date(), /^dev-compose keeps dumps, not WAL: no moment between two sets/],
    ['newest' as const, /^dev-compose keeps dumps, not WAL: nothing after a set/],
  ])('is no moment: %s', (to, message) => {
    expect(() => refuseMoment('dev-compose', { to })).toThrow(message);
    expect(() => refuseMoment('dev-compose', { to: undefined })).not.toThrow();
  });
  it('is said without ways that do not exist', () => {
    expect(nothingNamed([monday], now).hint).not.toContain('--to');
    expect(nothingNamed([monday, archived], now).hint).toContain('--to newest');
  });
  it('is nothing that a cluster made, and the other way round', () => {
    expect(() => refuseOtherKind([monday, archived], 'archived', true)).toThrow(/made by pgBackRest/);
    expect(() => refuseOtherKind([monday, archived], 'monday', false)).toThrow(/a dump of a single database/);
    for (const name of ['monday', 'latest', undefined]) expect(() => refuseOtherKind([monday, archived], name, true)).not.toThrow();
  });
  it('is of any version of PostgreSQL', () => {
    expect(() => refuseOtherVersion({ ...monday, parts: { ...monday.parts, db: { ...monday.parts.db, version: '16' } } })).not.toThrow();
  });
  it('leaves the cache out, which is in no set', () => {
    expect(partsHere(['db', 'files', 'redis'], 'dev-compose', false)).toEqual(['db', 'files']);
    expect(partsHere(['redis'], 'prod', true)).toEqual(['redis']);
    expect(() => partsHere(['redis'], 'dev-compose', false)).toThrow(/the cache of dev-compose is in no backup/);
  });
  it('says how long ago it was, which is left out', () => {
    const after = { running: { segment: '', at: now }, archived: undefined, leads: undefined };
    expect(recoveryOf({ set: tuesday, until: 'set' }, ['db', 'files'], after)).toMatchObject({
      to: '2026-11-24T10:00:00.000Z',
      leftOutSeconds: 86_700,
      leftOutSegments: null,
      text: expect.stringContaining('end of set tuesday'),
    });
  });
  it('what pgBackRest alone can do is refused', () => {
    const of = (own: typeof stack, profile: string) => () => refuseDumps({ stack: own, loaded: { profile } }, 'why');
    expect(of(stack, 'dev-compose')).toThrow(/^dev-compose keeps dumps, and why; nothing was changed/);
    expect(of(prod, 'prod')).not.toThrow();
  });
});

describe('a restore of a dump in place', () => {
  const entry = { parts: ['db', 'files'] as const, member: 'postgres', touched: ['db'] as const };
  const kinds = (steps: readonly { kind: string }[]) => steps.map(({ kind }) => kind);
  it('swaps the database of the only server, and tells no cluster of it', () => {
    expect(kinds(replaceSteps(stack, entry, monday))).toEqual([
      'begin-replacing',
      'start-base',
      'stop-writers',
      'swap-database',
      'restore-files',
      'start-database',
      'end-replacing',
      'compose-up',
    ]);
    expect(kinds(rollbackSteps(stack, entry, safety))).toEqual([
      'start-base',
      'stop-writers',
      'swap-database',
      'start-database',
      'compose-up',
    ]);
    expect(afterSteps(stack, ['db'])).toEqual([]);
    const stops = replaceSteps(stack, entry, monday).find(({ kind }) => kind === 'stop-writers');
    expect(stops).toMatchObject({ services: ['app-1', 'postgres'] });
  });
  it('says so before', () => {
    const target = { set: monday, until: 'set' as const };
    expect(restorePlan(stack, { kind: 'new', parts: ['db', 'files'], says: 'the end of monday', target }).steps).toEqual([
      'back up what there is now, for `restore --undo`',
      'restore the database as of the end of monday beside the one that runs',
      'stop app-1, postgres: the portal is away from here on',
      'replace the database, the uploads',
      'start everything, and wait until it is healthy',
    ]);
  });
});

describe('what stays of dumps', () => {
  const policy = { last: 1, hourly: 0, daily: 0, weekly: 0, monthly: 0, yearly: 0 };
  const kept = (dumps: boolean) => retentionHere([archived, monday, tuesday], policy, dumps).map(({ id, keep }) => [id, keep]);
  it('is decided apart from what pgBackRest made, which stays where there is no pgBackRest', () => {
    const older = setAt('2026-11-21T10:00:00Z', { id: 'older' });
    expect(kept(true)).toEqual([
      ['archived', true],
      ['monday', false],
      ['tuesday', true],
    ]);
    expect(retentionHere([older, archived, monday], policy, false).map(({ id, keep }) => [id, keep])).toEqual([
      ['older', false],
      ['archived', true],
      ['monday', true],
    ]);
    expect(retentionHere([older], policy, true)[0]?.reasons).toEqual(['it is of a cluster: `backup prune` of staging or prod decides']);
  });
});

describe('a dump and copies elsewhere', () => {
  const keep = { last: 5, hourly: 0, daily: 0, weekly: 0, monthly: 0, yearly: 0 };
  it('it is in none, and stays in the list where its snapshots are here', () => {
    const catalogue = { repository: 'r', sets: [archived, monday, tuesday] };
    expect(withCopies(catalogue, { s3: keep }, []).copies?.s3?.map(({ id }) => id)).toEqual(['archived']);
    const here = { archived: 'new', monday: 'd-monday' };
    expect(fetched(catalogue, 's3', here, ['1/archived']).map(({ id }) => id)).toEqual(['archived', 'monday']);
  });
});

describe('the job that restores dumps', () => {
  it('is told where and what', () => {
    const told = { DATA: '/data/17', ROLES: 'r', DUMPS: 'a b', CHECK: 'yes' };
    expect(parseDumpOrder(told)).toEqual({ data: '/data/17', roles: 'r', dumps: ['a', 'b'], check: true });
    expect(parseDumpOrder({ ...told, DUMPS: '', CHECK: 'no' })).toMatchObject({ dumps: [], check: false });
    for (const lacking of ['DATA', 'ROLES']) expect(() => parseDumpOrder({ ...told, [lacking]: '' })).toThrow(/needs DATA and ROLES/);
    expect(initdbOptions('/data/17')).toContain('--data-checksums');
  });
  it('makes every role but the one that the cluster begins with', () => {
    expect(rolesToMake('CREATE ROLE postgres;\nALTER ROLE postgres WITH SUPERUSER;\nCREATE ROLE medianest;\n')).toBe(
      'ALTER ROLE postgres WITH SUPERUSER;\nCREATE ROLE medianest;\n',
    );
  });
});
