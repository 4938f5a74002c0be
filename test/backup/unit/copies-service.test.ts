import { describe, expect, it } from 'vitest';
import { arrivalOrder } from '../../../src/backup/copies-service/plan/arrival.ts';
import { explain, failure, firstDifference, freeBytes, needsFreeSpace } from '../../../src/backup/copies-service/plan/explain.ts';
import { LABEL_PARTS, labelFolder, labelsIn, surplusLabels } from '../../../src/backup/copies-service/plan/labels.ts';
import { lacking, listingText, parseListing, sharesWith } from '../../../src/backup/copies-service/plan/listing.ts';
import { fetchRefusal, ownership } from '../../../src/backup/copies-service/plan/ownership.ts';
import { foldersHere, foldersThere, parseSettings, withSecrets } from '../../../src/backup/copies-service/plan/settings.ts';
import { copiedTags, damagedFiles, surplusSnapshots } from '../../../src/backup/copies-service/plan/snapshots.ts';
import { factTime, statusLines } from '../../../src/backup/copies-service/plan/status.ts';
import { comparedWal, neededWal, newestSegment, obsoleteWal, settled, withoutList } from '../../../src/backup/copies-service/plan/wal.ts';
import { parseWanted } from '../../../src/backup/copies-service/plan/wanted.ts';
import { parseCopies, wantText } from '../../../src/backup/plan/copies.ts';
import { setAt } from '../../support/backup/backup-sets.ts';

const A = 'pgbackrest/archive/medianest/17-1';
/** A file of WAL, as pgBackRest names it. */
const segment = (name: string, timeline = '00000001') => `${A}/${timeline}00000000/${timeline}00000000000000${name}-${'ab'.repeat(20)}.zst`;
const oldest = (name: string, timeline = '00000001') => `${timeline}00000000000000${name}`;
const listing = (...paths: string[]) => new Map(paths.map((path) => [path, 16]));

describe('listings', () => {
  it('have a size and a path a line, which may hold spaces; what is no such line is left out', () => {
    const files = parseListing('12 a/b c\n0 d\n\nnonsense\n', 'pgbackrest');
    expect([...files]).toEqual([
      ['pgbackrest/a/b c', 12],
      ['pgbackrest/d', 0],
    ]);
    expect(parseListing(listingText(files))).toEqual(files);
  });

  it('what is lacking is not there, or is only half there; what is larger there stays', () => {
    const here = new Map(Object.entries({ same: 5, half: 5, empty: 0, absent: 7, longer: 5 }));
    const there = new Map(Object.entries({ same: 5, half: 4, longer: 6, other: 1 }));
    expect(lacking(there, here)).toEqual(['absent', 'empty', 'half']);
  });

  it('a copy is of what is here if it is empty or has a file of the same size', () => {
    const there = new Map([['a', 1]]);
    expect(sharesWith(new Map([['a', 1]]), there)).toBe(true);
    expect(sharesWith(new Map([['a', 2]]), there)).toBe(false);
    expect(sharesWith(new Map(), there)).toBe(false);
    expect(sharesWith(new Map(), new Map())).toBe(true);
  });
});

describe('WAL', () => {
  const files = listing(segment('08'), segment('09'), segment('0A', '00000002'), segment('08', '00000003'), `${A}/00000002.history`);

  it('is needed from the oldest segment on, on whatever timeline, and histories always', () => {
    expect([...neededWal(files, oldest('09')).keys()]).toEqual([segment('09'), segment('0A', '00000002'), `${A}/00000002.history`]);
    expect(obsoleteWal(files, oldest('09'))).toEqual([segment('08'), segment('08', '00000003')]);
    // The number counts, not the timeline before it.
    expect(obsoleteWal(files, oldest('09', '00000007'))).toEqual([segment('08'), segment('08', '00000003')]);
  });
  it('is all needed where it is not known which set is the oldest, and what is no WAL is never obsolete', () => {
    expect(obsoleteWal(files, undefined)).toEqual([]);
    expect(obsoleteWal(listing(`${A}/0000000100000000/notes.txt`, `${A}/00000001000000000000000A.history`), oldest('FF'))).toEqual([]);
    expect(obsoleteWal(listing(`${A}/0000000100000000/000000010000000000000008.partial-ab.zst`), oldest('FF'))).toHaveLength(1);
  });
  it('does not count as sent where sending it failed or was killed, whatever size it has there', () => {
    const there = listing(segment('08'), segment('09'));
    expect([...settled(there, `${segment('09')}\n${segment('0A')}`).keys()]).toEqual([segment('08')]);
    expect(settled(there, '')).toEqual(there);
  });
  it('pgBackRest’s list is no WAL', () => {
    const list = `pgbackrest/archive/medianest/archive.info`;
    expect([...withoutList(listing(list, `${list}.copy`, segment('08'))).keys()]).toEqual([segment('08')]);
  });
  it('the newest segment is told without what is no segment', () => {
    expect(newestSegment(files)).toBe('000000030000000000000008');
    expect(newestSegment(listing(segment('0B'), `${A}/00000009.history`, `${A}/x/FFFFFFFFFFFFFFFFFFFFFFFF.partial`))).toBe(oldest('0B'));
    expect(newestSegment(new Map())).toBe('');
  });
  it('is compared where it was sent as it is here', () => {
    const here = new Map([...listing(segment('08')), [segment('09'), 17]]);
    expect([...comparedWal(here, listing(segment('08'), segment('09'), segment('0A')))]).toEqual([segment('08')]);
  });
});

describe('labels', () => {
  const full = 'pgbackrest/20260101-000000F';
  it('are in the folder of their generation, among other things', () => {
    expect(labelFolder('pgbackrest-2/20260101-000000F')).toBe('pgbackrest-2/backup/medianest/20260101-000000F');
    expect(labelsIn('pgbackrest', '20260101-000000F\nbackup.history\nlatest\n')).toEqual([full]);
  });
  it('are sent with the manifest last, after its copy', () => {
    expect(LABEL_PARTS.map((part) => part.join(' '))).toEqual([
      '--exclude backup.manifest*',
      '--include backup.manifest.copy',
      '--include backup.manifest',
    ]);
  });
  it('are removed with those first that build on others', () => {
    const [differential, increment, later] = [`${full}_20260102-000000D`, `${full}_20260103-000000I`, `${full}_20260104-000000I`];
    const other = 'pgbackrest/20260201-000000F';
    expect(surplusLabels([full, differential, other, later, increment], [other])).toEqual([later, increment, differential, full]);
    expect(surplusLabels([full], [full])).toEqual([]);
  });
  it('arrive with the manifest last, after its copy', () => {
    const paths = ['l/backup.manifest', 'l/pg_data/1.zst', 'l/backup.manifest.copy', 'm/backup.manifest', 'm/bundle/1'];
    expect(arrivalOrder(paths)).toEqual([
      'l/pg_data/1.zst',
      'm/bundle/1',
      'l/backup.manifest.copy',
      'l/backup.manifest',
      'm/backup.manifest',
    ]);
  });
});

describe('what a copy is to hold', () => {
  it('is read as it is written', () => {
    const [full, later] = [setAt('2026-11-24T00:00:00Z'), setAt('2026-11-25T00:00:00Z')];
    expect(parseWanted(wantText([full, later]))).toEqual({
      oldest: full.parts.db.walStart,
      labels: [full, later].map(({ parts }) => `pgbackrest/${parts.db.label}`),
      sets: [full.id, later.id],
    });
  });
  it('may be nothing', () => {
    expect(parseWanted(wantText([]))).toEqual({ oldest: undefined, labels: [], sets: [] });
  });
});

describe('whose a place is', () => {
  it.each([
    ['an empty place', [], '', { as: 'begin' }],
    ['one whose beginning was killed', ['repository.id'], '', { as: 'begin' }],
    ['ours', ['files/', 'pgbackrest/', 'repository.id'], 'own', { as: 'ours' }],
    ['ours, just begun', ['repository.id'], 'own', { as: 'ours' }],
  ])('%s', (_, names, identity, expected) => {
    expect(ownership('own', names, identity)).toEqual(expected);
  });
  it.each([
    ['something without an identity', ['photos/'], '', 'something else is there already: give it an empty folder of its own'],
    ['another repository', ['repository.id'], 'other', 'it is the copy of another repository (other), and is not touched'],
    ['one whose identity is damaged', ['files/', 'repository.id'], '', 'it is the copy of another repository (), and is not touched'],
  ])('%s is not touched', (_, names, identity, why) => {
    expect(ownership('own', names, identity)).toEqual({ as: 'refused', why });
  });
  it('brings nothing into the repository of another', () => {
    expect([fetchRefusal('', 'there'), fetchRefusal('there', 'there')]).toEqual([undefined, undefined]);
    expect(fetchRefusal('own', 'there')).toBe('it is the copy of another repository (there) than the one here (own)');
  });
});

describe('why it failed', () => {
  it.each([
    ['2026/11/25 10:00:00 ERROR : a.zst: Failed to copy: no\n2026/11/25 10:00:01 NOTICE: Transferred\n', 'a.zst: Failed to copy: no'],
    ['Fatal: unable to open repository\nsee above\n', 'unable to open repository'],
    ['one\n\n  \nlast words\n\n', 'last words'],
    [`error ${'x'.repeat(400)}`, `error ${'x'.repeat(294)}`],
  ])('%j', (said, why) => {
    expect(failure('', said)).toBe(why);
  });
  it('is on stderr first, and may be told by nothing', () => {
    expect(failure('error of a file that was listed', 'connection refused')).toBe('connection refused');
    expect(failure('the last line', '\n')).toBe('the last line');
    expect(failure('', '')).toBe('it failed without a word');
  });
  it('tells a full disk from a server that refuses, for which SFTP has one word', () => {
    const error = 'sftp: "Failure" (SSH_FX_FAILURE)';
    expect([needsFreeSpace(error), needsFreeSpace('connection refused')]).toEqual([true, false]);
    const about = (free: number) => freeBytes(`{\n\t"total": 9,\n\t"free": ${free}\n}`);
    expect(explain(error, about(5 * 1024 ** 2 + 1))).toBe(`the disk there is full or nearly so, 5 MiB are free: ${error}`);
    for (const free of [about(1024 ** 3), freeBytes('{}'), freeBytes('')])
      expect(explain(error, free)).toBe(`the server refuses to write, as where a quota is used up: ${error}`);
    expect(explain('connection refused', 0)).toBe('connection refused');
  });
  it('names the first file that differs', () => {
    expect(firstDifference('NOTICE: x\n2026/11/25 10:00:00 ERROR : pg_data/1.zst: sizes differ\nERROR : another\n')).toBe(
      'pg_data/1.zst: sizes differ',
    );
    expect(firstDifference('NOTICE: x')).toBe('');
  });
});

describe('status', () => {
  const facts = {
    since: '2026-11-25T10:00:00Z',
    newest: oldest('09'),
    labels: 'pgbackrest/a pgbackrest/b ',
    'wal-success': '2026-11-25T11:00:00Z',
    'wal-error': '',
    'sets-error': 'no\nspace',
    'sets-success': undefined,
  };
  it('is read as it is written', () => {
    expect(parseCopies(['sftp'], statusLines('sftp', facts, 'set a\n', 'set a\n').join('\n'))).toEqual([
      {
        name: 'sftp',
        since: '2026-11-25T10:00:00Z',
        walSuccess: '2026-11-25T11:00:00Z',
        walError: null,
        setsSuccess: null,
        setsError: 'no space',
        newestWal: oldest('09'),
        complete: true,
        labels: ['pgbackrest/a', 'pgbackrest/b'],
        bytes: null,
        free: null,
        measured: null,
      },
    ]);
  });
  it.each([
    ['what is wanted was sent', 'set a\n', 'set a\n', true],
    ['nothing is wanted yet', undefined, undefined, true],
    ['more is wanted', 'set a\nset b\n', 'set a\n', false],
    ['nothing was sent', 'set a\n', undefined, false],
  ])('complete: %s', (_, want, done, complete) => {
    expect(statusLines('sftp', {}, want, done)).toEqual(complete ? ['sftp complete yes'] : []);
  });
  it('has times in seconds', () => {
    expect(factTime(new Date('2026-11-25T10:00:00.123Z'))).toBe('2026-11-25T10:00:00Z');
  });
});

describe('settings', () => {
  it('are read as they are rendered', () => {
    expect(parseSettings('NAMES="sftp s3"\nFOLDERS="pgbackrest pgbackrest-2"\nPERIOD=30\n')).toEqual({
      names: ['sftp', 's3'],
      folders: ['pgbackrest', 'pgbackrest-2'],
      periodSeconds: 30,
    });
    expect(() => parseSettings('NAMES="sftp"\nPERIOD=30\n')).toThrow('copies.conf has no FOLDERS');
  });
  it('get secrets where they name them, each one line, whatever is in it', () => {
    const text = '[s3]\nregion = us-east-1\nsecret_access_key = @copy-s3-secret-key\nnote = a @copy-s3-secret-key\n';
    expect(withSecrets(text, (name) => `$& of ${name}\nmore\n`)).toBe(
      '[s3]\nregion = us-east-1\nsecret_access_key = $& of copy-s3-secret-key\nnote = a @copy-s3-secret-key\n',
    );
  });
  it('a copy may have generations of now and those that were ever sent', () => {
    expect(foldersThere(['pgbackrest-2', 'pgbackrest-3'], 'pgbackrest\npgbackrest-2')).toEqual([
      'pgbackrest',
      'pgbackrest-2',
      'pgbackrest-3',
    ]);
    expect(foldersHere(['files', 'pgbackrest-2', 'repository.id', 'pgbackrest', 'pgbackrests'])).toEqual(['pgbackrest', 'pgbackrest-2']);
  });
});

describe('restic’s part', () => {
  it('keeps snapshots of sets that are wanted', () => {
    const json = JSON.stringify([{ id: '1', tags: ['set', 'a'] }, { id: '2', tags: ['set', 'b'] }, { id: '3' }]);
    expect(surplusSnapshots(json, ['b'])).toEqual(['1', '3']);
    expect(surplusSnapshots('[]', ['b'])).toEqual([]);
  });
  it('a file that is not named by its digest is damaged; one that could not be read is not known to be', () => {
    const [good, half] = ['a'.repeat(64), 'b'.repeat(64)];
    const sums = `${good}  ${good}\n${'c'.repeat(64)}  ${half}\nERROR  ${'d'.repeat(64)}\n${' '.repeat(64)}  ${'e'.repeat(64)}\n`;
    expect(damagedFiles(sums)).toEqual([half]);
  });
  it('is copied by the tags of sets: all of them, those that are asked for, or none', () => {
    expect(copiedTags(undefined)).toEqual(['--tag', 'set']);
    expect(copiedTags(['a', 'b'])).toEqual(['--tag', 'a', '--tag', 'b']);
    expect(copiedTags([])).toBeUndefined();
  });
});
