import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { backupNotes, type Catalogue, laterList, listed, nextSave, setId, unprotected } from '../../../src/backup/plan/backup-sets.ts';
import { keepsDumps } from '../../../src/backup/plan/holds.ts';
import { clockProblem, databaseInfo, verifyProblems, walGaps, walProblems } from '../../../src/backup/plan/pgbackrest.ts';
import { backupSummary, ownerOf, restoredBytes, unreadable, vanished } from '../../../src/backup/plan/restic.ts';
import { roomShort } from '../../../src/backup/plan/restore-room.ts';
import { chooseTarget, refuseOtherVersion } from '../../../src/backup/plan/restore-target.ts';
import { retention } from '../../../src/backup/plan/retention.ts';
import { bytes } from '../../../src/core/plural.ts';
import { POSTGRES_MAJOR } from '../../../src/services/database/postgres.ts';
import { setAt } from '../../support/backup/backup-sets.ts';
import { HOME } from '../../support/cli.ts';
import { load, stackOf } from '../../support/settings.ts';

const NOW = new Date('2026-11-25T12:00:00Z');

describe('data that is to be deleted', () => {
  const checked = setAt('2026-11-25T10:00:00Z', { id: 'checked', verifiedAt: '2026-11-25T11:00:00Z' });
  const unchecked = setAt('2026-11-25T11:30:00Z', { id: 'unchecked' });
  it.each([
    ['has a backup that was verified', [checked], true, undefined, undefined],
    ['has none', [], true, 'no verified backup', /medianest backup && medianest backup verify/],
    ['has a newer one that was not', [checked, unchecked], true, 'no verified backup', /medianest backup verify/],
    ['is of a stack that makes none', [], false, 'makes no backups', /^to delete it all the same: medianest down --volumes --no-backup/],
  ])('%s', (_what, sets, makesBackups, reason, hint) => {
    const found = unprotected(sets, makesBackups);
    expect(found).toEqual(reason && { reason: expect.stringContaining(reason), hint: expect.stringMatching(hint as RegExp) });
  });
});

describe('what is restored', () => {
  const early = setAt('2026-11-25T08:00:00Z', { id: 'early', wal: '000000010000000000000010' });
  const late = setAt('2026-11-25T10:00:00Z', { id: 'late', wal: '000000020000000000000020' });
  const bad = setAt('2026-11-25T11:00:00Z', { id: 'bad', wal: '000000020000000000000030', problems: ['a byte is another'] });
  const sets = [late, early, bad];
  const at = (time: string) => new Date(`2026-11-25T${time}Z`);
  const newest = { set: undefined, to: 'newest' as const };
  it.each([
    ['the newest good one, and all WAL', newest, 'late', 'end'],
    ['the newest good one as it was', { set: 'latest', to: undefined }, 'late', 'set'],
    ['a set, and all WAL after it', { set: 'early', to: 'newest' as const }, 'early', 'end'],
    ['the newest good one, until a moment', { set: 'latest', to: at('10:30:00') }, 'late', at('10:30:00')],
    ['a set as it was', { set: 'early', to: undefined }, 'early', 'set'],
    ['the last set before a moment', { set: undefined, to: at('09:59:59') }, 'early', at('09:59:59')],
    ['the moment that a set was consistent', { set: undefined, to: at('10:00:00') }, 'late', at('10:00:00')],
  ])('%s', (_what, asked, id, until) => {
    expect(chooseTarget(sets, asked, NOW)).toMatchObject({ set: { id }, until });
  });
  it.each([
    [{ set: undefined, to: undefined }, /what to restore is not said/],
    [{ set: undefined, to: at('07:00:00') }, /before the oldest set/],
    [{ set: undefined, to: new Date('2027-01-01') }, /is in the future/],
    [{ set: 'bad', to: undefined }, /is damaged \(a byte is another\)/],
    [{ set: 'gone', to: undefined }, /there is no set gone/],
    [{ set: 'late', to: at('09:00:00') }, /is newer than/],
    [{ set: 'latest', to: at('09:00:00') }, /late is newer than 2026-11-25 09:00:00 UTC/],
  ])('%j is refused', (asked, why) => expect(() => chooseTarget(sets, asked, NOW)).toThrow(why));
  it('follows no WAL across a gap, but restores what a set itself holds', () => {
    const gaps = walGaps(['000000010000000000000010', '000000010000000000000011', '000000010000000000000013'], undefined);
    expect(gaps).toEqual([{ after: '000000010000000000000011', before: '000000010000000000000013', missing: 1 }]);
    const alone = [early];
    expect(() => chooseTarget(alone, { set: undefined, to: at('09:00:00') }, NOW, gaps)).toThrow(
      /WAL is missing after 000000010000000000000011/,
    );
    expect(chooseTarget(alone, { set: 'early', to: undefined }, NOW, gaps)).toMatchObject({ until: 'set' });
    expect(chooseTarget(sets, newest, NOW, gaps)).toMatchObject({ set: { id: 'late' } });
  });
  it('a gap after the next set says nothing about a moment before it', () => {
    const gaps = [{ after: '000000020000000000000025', before: '000000020000000000000027', missing: 1 }];
    expect(chooseTarget(sets, { set: undefined, to: at('09:00:00') }, NOW, gaps)).toMatchObject({ set: { id: 'early' } });
  });
});

describe('what the engines say', () => {
  it('segments go on over the end of a log file, and begin anew on another timeline', () => {
    expect(walGaps(['0000000100000000000000FF', '000000010000000100000000', '000000020000000100000005'], undefined)).toEqual([]);
  });
  it('gaps before what is kept are nobody’s', () => {
    expect(
      walGaps(['000000010000000000000001', '000000010000000000000009', '00000001000000000000000A'], '000000010000000000000009'),
    ).toEqual([]);
  });
  it('an empty repository has nothing', () => expect(databaseInfo('[]')).toEqual({ backups: [], newestWal: undefined }));
  it.each([
    ['stanza: medianest\nstatus: ok\n', []],
    [
      'stanza: medianest\nstatus: error\n  backup: 1F, status: invalid, total files checked: 3, total valid files: 2\n    checksum invalid: 1',
      ['checksum invalid: 1'],
    ],
    ['', ['pgBackRest did not say how the repository is']],
  ])('verify: %j', (output, problems) => expect(verifyProblems(output)).toEqual(problems));
  it('verify: WAL apart from the backups', () => {
    const counts = (damaged: number) => `    missing: 0, checksum invalid: ${damaged}, size invalid: 0, other: 0\n`;
    const archive = '  archiveId: 17-1, total WAL checked: 5, total valid WAL: 4\n';
    const label = '  backup: 20261126-095635F, status: invalid, total files checked: 1287, total valid files: 1286\n';
    expect(walProblems(`status: error\n${archive}${counts(0)}${label}${counts(1)}`)).toEqual([]);
    expect(walProblems(`status: error\n${archive}${counts(2)}${label}${counts(1)}`)).toEqual([`WAL: ${counts(2).trim()}`]);
    const segment = "invalid checksum '17-1/0000000100000000/000000010000000000000008-0a1b.zst'";
    expect(walProblems(`P01   INFO: ${segment}\nstatus: error\n${archive}${counts(1)}`)).toEqual([`WAL: ${segment}`]);
  });
  it('restic’s summary and its complaints', () => {
    const summary = {
      message_type: 'summary',
      snapshot_id: 'abcdef1234',
      total_bytes_processed: 5,
      total_files_processed: 2,
      data_added_packed: 3,
    };
    expect(backupSummary(`x\n${JSON.stringify(summary)}\n`)).toEqual({ snapshot: 'abcdef12', sizeBytes: 5, storedBytes: 3, files: 2 });
    expect(unreadable('{"message_type":"error","error":{"message":"denied"},"item":"/a"}\nnoise')).toEqual(['/a: denied']);
  });
});

describe('a list', () => {
  it('names what is wrong with a set', () => {
    const set = setAt('2026-11-25T08:00:00Z', { problems: ['p'] });
    expect(listed(set)).toMatchObject({ repo: 'local', status: 'damaged', problems: ['p'] });
  });
  it.each([
    [0, '0 B'],
    [1023, '1023 B'],
    [1024, '1.0 KiB'],
    [31_257_351, '29.8 MiB'],
  ])('%d bytes are %s', (value, text) => expect(bytes(value)).toBe(text));
  it('ids sort by time', () => expect(setId(NOW, 'incr')).toBe('20261125-120000-incr'));
});

describe('a clock that was put back', () => {
  const inGeneration = (generation: number, time: string, id: string) => {
    const set = setAt(time, { id });
    return { ...set, parts: { ...set.parts, db: { ...set.parts.db, ...(generation > 1 && { generation }) } } };
  };
  // Two were made while it was a year ahead; then it was put right, and the keys were rotated.
  const sets = [
    inGeneration(1, '2026-11-25T08:00:00Z', 'before'),
    inGeneration(1, '2027-11-25T08:00:00Z', 'ahead'),
    inGeneration(1, '2027-11-25T09:00:00Z', 'ahead-2'),
    inGeneration(2, '2026-11-25T10:00:00Z', 'right'),
    inGeneration(2, '2026-11-25T11:00:00Z', 'newest'),
  ];
  const at = (text: string) => ({ set: undefined, to: new Date(text) });
  it('ids stay unique', () => {
    const taken = ['20261125-120000-incr', '20261125-120001-incr'].map((id) => setAt('2026-11-25T12:00:00Z', { id }));
    expect(setId(NOW, 'incr', taken)).toBe('20261125-120002-incr');
    expect(setId(NOW, 'full', taken)).toBe('20261125-120000-full');
  });
  it('each list of sets is later than the one before it', () => {
    const saved = (savedAt: string | undefined) => nextSave({ ...(savedAt && { savedAt }) }, NOW).toISOString();
    expect(['2027-11-25T08:00:00.000Z', '2026-11-25T12:00:00.700Z', '2026-11-25T08:00:00.000Z', undefined].map(saved)).toEqual([
      '2027-11-25T08:00:01.000Z',
      '2026-11-25T12:00:01.000Z',
      '2026-11-25T12:00:00.000Z',
      '2026-11-25T12:00:00.000Z',
    ]);
  });
  it('the later list counts; one of an earlier version that is ahead of the clock does not', () => {
    const known = { repository: 'r', sets: sets.slice(0, 2) };
    const held = { repository: 'r', sets: sets.slice(0, 1) };
    const later = (here: Catalogue | undefined, there: Catalogue, time: string) => {
      const { sets, savedAt } = laterList(here, there, new Date(time), NOW);
      return [sets.length, savedAt];
    };
    const [past, ahead] = ['2026-11-25T08:00:00.000Z', '2027-11-25T08:00:00.000Z'];
    expect(later(known, held, past)).toEqual([1, past]);
    // What is kept here is written as later than that one: otherwise it would count from then on.
    expect(later(known, held, ahead)).toEqual([2, ahead]);
    expect(later(known, { ...held, savedAt: ahead }, ahead)).toEqual([1, ahead]);
    expect(later({ ...known, savedAt: past }, held, ahead)).toEqual([1, ahead]);
    expect(later({ ...known, savedAt: ahead }, { ...held, savedAt: past }, past)).toEqual([2, ahead]);
    expect(later({ ...known, repository: 'other' }, held, past)).toEqual([2, undefined]);
    expect(later(undefined, held, ahead)).toEqual([1, ahead]);
  });
  it('the newest is the one that was made last', () => {
    expect(chooseTarget([...sets].reverse(), { set: 'latest', to: undefined }, NOW).set.id).toBe('newest');
    expect(backupNotes(sets, NOW)[0]).toContain('newest, 1 h ago');
    expect(backupNotes(sets.slice(0, 3), NOW)[0]).toContain('ahead-2, which is later than now');
  });
  it.each([
    ['2026-11-25T09:00:00Z', 'before'],
    ['2026-11-25T10:30:00Z', 'right'],
    ['2027-11-25T08:30:00Z', 'ahead'],
  ])('%s is reached from %s', (to, id) => expect(chooseTarget(sets, at(to), NOW).set.id).toBe(id));
  it('what no set is later than has not come yet', () => {
    expect(() => chooseTarget(sets, at('2027-11-25T09:00:01Z'), NOW)).toThrow(/is in the future/);
  });
  it('retention lets none that is ahead push a newer one out', () => {
    const kept = retention(sets, { last: 2, hourly: 0, daily: 0, weekly: 0, monthly: 0, yearly: 0 }).filter(({ keep }) => keep);
    expect(kept.map(({ id }) => id)).toEqual(['right', 'newest']);
  });
  it('pgBackRest refuses a label that is no later', () => {
    const said = "new backup label '20261125-120000F' is not later than latest backup label '20271125-080000F'";
    expect(clockProblem(`could not: P00 ERROR: [040]: ${said}`)).toMatchObject({ code: 'BACKUP_REFUSED' });
    expect(clockProblem('anything else')).toBeUndefined();
  });
});

describe('another major version of PostgreSQL', () => {
  it('is noted with a set, and its database is refused', () => {
    const backup = { label: 'a', type: 'full', error: false, prior: null, reference: null, archive: {}, lsn: {}, database: { id: 2 } };
    const more = { info: { size: 1, repository: { delta: 1 } }, timestamp: { start: 1, stop: 1 } };
    const db = [
      { id: 1, version: '16' },
      { id: 2, version: '18' },
    ];
    const [made] = databaseInfo(JSON.stringify([{ backup: [{ ...backup, ...more }], db }])).backups;
    expect(made?.version).toBe('18');
    const set = setAt('2026-11-25T08:00:00Z');
    const of = (version: string) => ({ ...set, parts: { ...set.parts, db: { ...set.parts.db, version } } });
    expect(() => refuseOtherVersion(of('18'))).toThrow(/is of PostgreSQL 18, and this medianest runs PostgreSQL 17; nothing was changed/);
    for (const good of [set, of('17')]) expect(() => refuseOtherVersion(good)).not.toThrow();
  });
  it('than the images have is not taken for theirs', () => {
    const entrypoint = readFileSync(path.join(HOME, 'templates/postgres/image/entrypoint'), 'utf8');
    expect(/^major=(\d+)$/m.exec(entrypoint)?.[1]).toBe(POSTGRES_MAJOR);
  });
});

describe('room', () => {
  const needs = [
    { name: 'a', bytes: 600 },
    { name: 'b', bytes: 500 },
  ];
  it.each([
    ['both fit on one disk', 'x 11 100\nx 11 100', undefined],
    ['each fits, and both do not', 'x 10 100\nx 10 100', { names: ['a', 'b'], needed: 1100, free: 1000 }],
    ['one does not fit on its own', 'x 10 100\ny 4 100', { names: ['b'], needed: 500, free: 400 }],
  ])('%s', (_what, facts, short) => expect(roomShort(needs, facts)).toEqual(short));
  it('is not taken to be there where nothing tells', () => expect(() => roomShort(needs, '')).toThrow(/not told/));
  it('a file takes whole blocks', () =>
    expect(restoredBytes('{"message_type":"summary","files_restored":2,"bytes_restored":10}')).toBe(8202));
});

describe('files that go while they are read', () => {
  const error = (message: string) => JSON.stringify({ message_type: 'error', error: { message }, item: '/a' });
  const gone = error('open /a: no such file or directory');
  it.each([
    [gone, true],
    [`${gone}\n${error('open /b: permission denied')}`, false],
    ['', false],
  ])('%j', (said, expected) => expect(vanished(said)).toBe(expected));
});

describe('the repository of a single database', () => {
  const of = (file: string) => stackOf(load({ file, flags: { profile: 'dev-compose' } }));
  const keeper = (file: string) => of(file).services.find(({ role }) => role === 'repository');
  it('comes with it, has no network and no key but that of restic', () => {
    const { networks, certificate, secrets, mounts } = keeper('') as NonNullable<ReturnType<typeof keeper>>;
    expect([networks, certificate]).toEqual([[], undefined]);
    expect(secrets.map(({ name }) => name)).toEqual(['backup-files-key']);
    expect(mounts).toEqual([expect.objectContaining({ target: '/srv/backups', outlives: true })]);
    expect(keepsDumps(of(''))).toBe(true);
    expect(keepsDumps(stackOf(load({ flags: { profile: 'prod' } })))).toBe(false);
  });
  it('whose a folder was, among what is in the snapshot', () => {
    const listed =
      '{"message_type":"snapshot","paths":["/source"]}\n{"message_type":"node","path":"/source/uploads","uid":10001}\n{"message_type":"node","path":"/source/x","uid":0}\n';
    expect([
      ownerOf(listed, '/source/uploads'),
      ownerOf(listed, '/source/x'),
      ownerOf(listed, '/source/gone'),
      ownerOf('', '/source'),
    ]).toEqual([10_001, 0, undefined, undefined]);
  });
  it('can be switched off, and is off without the database', () => {
    expect(keeper('components: { backup: false }')).toBeUndefined();
    expect(keeper('components: { postgres: false, app: false }')).toBeUndefined();
  });
  it('is refused where there is no database, and with copies elsewhere', () => {
    expect(() => of('components: { backup: true, postgres: false, app: false }')).toThrow(/patroni or postgres/);
    const copies = 'backup: { copies: { s3: { endpoint: "https://s3.example.org", bucket: far, accessKey: a, secretKey: b } } }';
    expect(() => of(copies)).toThrow(/backup\.copies\.s3: .* keeps dumps/);
  });
});
