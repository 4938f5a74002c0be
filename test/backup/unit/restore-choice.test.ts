import { describe, expect, it } from 'vitest';
import { aimOf, nothingNamed, setRows, setsToShow } from '../../../src/backup/plan/restore-choice.ts';
import { recoveryOf, type WalAfter } from '../../../src/backup/plan/restore-moment.ts';
import type { Part } from '../../../src/backup/plan/restore-part.ts';
import { type RestoreTarget, targetText } from '../../../src/backup/plan/restore-target.ts';
import { setAt } from '../../support/backup/backup-sets.ts';

const NOW = new Date('2026-11-28T22:28:31Z');
const set = setAt('2026-11-28T20:14:03Z', { id: '20261128-201400-full', wal: '0000000100000000000000A0' });
const safety = setAt('2026-11-28T21:00:00Z', { id: '20261128-210000-incr', type: 'incr', reason: 'safety' });
const bad = setAt('2026-11-28T19:00:00Z', { id: '20261128-190000-full', problems: ['a byte is another'] });
const brought = setAt('2026-11-27T19:00:00Z', { id: '20261127-190000-full', importedAt: '2026-11-28T20:00:00.000Z' });
const sets = [brought, bad, set, safety];

describe('a restore that names nothing', () => {
  it('is refused with the three ways, with sets that are there', () => {
    const { code, message, hint } = nothingNamed(sets, NOW);
    expect([code, message]).toEqual([
      'USAGE',
      'what to restore is not said: a set, a moment, or everything that can be reached; nothing was changed',
    ]);
    expect(hint.split('\n')).toEqual([
      'say one of these:',
      '  medianest restore latest                 the newest set, as of its end',
      '  medianest restore 20261128-201400-full   any set by its id, as of its end (medianest backup list)',
      '  medianest restore --to "10 minutes ago"  a moment',
      '  medianest restore --to newest            everything that can be reached, also what happened a moment ago',
    ]);
  });
  it('names what else was typed, and no set and no moment that is not known to be there', () => {
    const { hint } = nothingNamed(undefined, NOW, '--into look --sanitize');
    expect(hint).toContain('medianest restore latest --into look --sanitize ');
    expect(hint).not.toMatch(/2026|any set/);
    const fresh = nothingNamed([setAt('2026-11-28T22:28:00Z', { id: 'fresh' })], NOW).hint;
    expect(fresh).toContain('medianest restore --to "2026-11-28 22:28:00 UTC" ');
  });
  it('shows the sets, the newest first, with what is special about them', () => {
    expect(setRows(setsToShow(sets), (size) => `${size} B`)).toEqual([
      ['#', 'SET', 'END', 'TYPE', 'SIZE', 'NOTE'],
      ['1', '20261128-210000-incr', '2026-11-28 21:00:00 UTC', 'incr', '1 B', 'safety set: made before a restore'],
      ['2', '20261128-201400-full', '2026-11-28 20:14:03 UTC', 'full', '1 B', 'latest'],
      ['3', '20261128-190000-full', '2026-11-28 19:00:00 UTC', 'full', '1 B', 'damaged: a byte is another'],
      ['4', '20261127-190000-full', '2026-11-27 19:00:00 UTC', 'full', '1 B', 'imported 2026-11-28 20:00:00 UTC'],
    ]);
    const many = Array.from({ length: 40 }, (_, hour) =>
      setAt(new Date(NOW.getTime() - hour * 3_600_000).toISOString(), { id: `${hour}` }),
    );
    expect(setsToShow(many).map(({ id }) => id)).toEqual(Array.from({ length: 15 }, (_, hour) => `${hour}`));
  });
  it.each([
    ['2', { set: '20261128-201400-full', to: undefined }],
    [' newest ', { set: undefined, to: 'newest' }],
    ['latest', { set: 'latest', to: undefined }],
    ['20261127-190000-full', { set: '20261127-190000-full', to: undefined }],
    ['10 minutes ago', { set: undefined, to: new Date('2026-11-28T22:18:31Z') }],
    ['2026-11-28 21:30:00+01:00', { set: undefined, to: new Date('2026-11-28T20:30:00Z') }],
  ])('the answer %j is taken', (answer, aim) => expect(aimOf(answer, setsToShow(sets), sets, NOW)).toEqual(aim));
  it.each([
    ['0', /there is no set number 0/],
    ['5', /there is no set number 5/],
    ['2026-02-30 10:00Z', /there is no 2026-02-30/],
    ['yes', /should be a date and a time/],
  ])('the answer %j is not', (answer, why) => expect(() => aimOf(answer, setsToShow(sets), sets, NOW)).toThrow(why));
});

describe('a plan', () => {
  const running = { segment: '0000000100000000000000C5', at: NOW };
  const archived = { segment: '0000000100000000000000C4', at: new Date('2026-11-28T22:27:41Z') };
  const ALL: Part[] = ['db', 'files', 'redis'];
  const say = (until: RestoreTarget['until'], after: Partial<WalAfter>, parts: Part[] = ['db']) =>
    recoveryOf({ set, until }, parts, { running: undefined, archived: undefined, leads: true, ...after });

  it.each<[string, Partial<WalAfter>, string, (number | null)[]]>([
    ['the database runs', { running, archived }, '2 h 14 min and 37 WAL segments written since then are left out', [8068, 37]],
    ['it does not', { archived }, '2 h 13 min and 36 WAL segments written since then are left out', [8018, 36]],
    ['times are not known', { archived: { ...archived, at: undefined } }, '36 WAL segments written since then are left out', [null, 36]],
    [
      'there was a restore to another moment since',
      { running, archived, leads: false },
      'what was written in the 2 h 14 min since then is left out; how much that is cannot be told: the database was restored to another moment since',
      [8068, null],
    ],
    ['nothing is known', { leads: undefined }, 'what was written since then is left out; how much that is cannot be told', [null, null]],
    [
      'the archive ends with the set',
      { archived: { segment: set.parts.db.walStop, at: NOW } },
      'no WAL was archived since then',
      [8068, 0],
    ],
    [
      'one segment',
      { running: { ...running, segment: '0000000100000000000000A1' } },
      '2 h 14 min and 1 WAL segment written since then are left out',
      [8068, 1],
    ],
  ])('of a set as of its end names that moment and what was written since, where %s', (_where, after, leftOut, numbers) => {
    expect(say('set', after, ALL)).toEqual({
      to: '2026-11-28T20:14:03.000Z',
      leftOutSeconds: numbers[0],
      leftOutSegments: numbers[1],
      text: `recovers the database to 2026-11-28 20:14:03 UTC (end of set 20261128-201400-full); ${leftOut}`,
    });
  });
  it('of a moment names it, and from when uploads and cache are', () => {
    const { text, to, leftOutSeconds } = say(new Date('2026-11-28T22:18:31Z'), { running, archived }, ALL);
    expect([text, to, leftOutSeconds]).toEqual([
      'recovers the database to 2026-11-28 22:18:31 UTC (set 20261128-201400-full, and the WAL after it); the last 10 min are left out; the uploads and the cache are those of set 20261128-201400-full (2026-11-28 20:14:03 UTC)',
      '2026-11-28T22:18:31.000Z',
      600,
    ]);
    expect(say(new Date('2026-11-28T22:18:31Z'), {}).text).toContain('; what was written since then is left out');
  });
  it('of everything names the newest moment, if it can be told', () => {
    expect(say('end', { running, archived })).toEqual({
      to: NOW.toISOString(),
      leftOutSeconds: null,
      leftOutSegments: null,
      text: 'recovers the database to the newest moment that can be reached (now, 2026-11-28 22:28:31 UTC: the last WAL is archived first); nothing is left out',
    });
    const end = 'recovers the database to the end of the WAL in the repository';
    expect(say('end', { archived }).text).toBe(
      `${end} (segment 0000000100000000000000C4, archived 2026-11-28 22:27:41 UTC); what never arrived there is left out`,
    );
    expect(say('end', { archived: { ...archived, at: undefined } })).toMatchObject({
      to: null,
      text: `${end} (segment 0000000100000000000000C4); what never arrived there is left out`,
    });
    expect(say('end', {}).text).toContain(`${end} (when that is cannot be told)`);
  });
  it.each<[Part[], string]>([
    [['files'], 'the uploads are those of set 20261128-201400-full (2026-11-28 20:14:03 UTC)'],
    [['redis'], 'the cache is that of set 20261128-201400-full (2026-11-28 20:14:03 UTC)'],
    [
      ['files', 'redis', 'settings'],
      'the uploads, the cache and medianest.yml and its profiles are those of set 20261128-201400-full (2026-11-28 20:14:03 UTC)',
    ],
  ])('of %j alone names the set', (parts, text) => expect(say('end', { running }, parts).text).toBe(text));
  it('names its target for the journal', () => {
    expect((['set', 'end', NOW] as const).map((until) => targetText({ set, until }))).toEqual([
      'the end of 20261128-201400-full (2026-11-28 20:14:03 UTC)',
      'the newest that there is',
      '2026-11-28T22:28:31.000Z',
    ]);
  });
});
