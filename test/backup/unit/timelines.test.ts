import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { archiveContents, archiveGaps, archiveOf } from '../../../src/backup/plan/archive-contents.ts';
import type { BackupSet, DatabasePart } from '../../../src/backup/plan/backup-sets.ts';
import { databaseInfo } from '../../../src/backup/plan/pgbackrest.ts';
import type { Aim } from '../../../src/backup/plan/restore-choice.ts';
import { chooseTarget } from '../../../src/backup/plan/restore-target.ts';
import { ancestor, type Lineage, leadsTo, lineageFrom, newestTimeline, timelineAt } from '../../../src/backup/plan/timelines.ts';
import { setAt } from '../../support/backup/backup-sets.ts';
import { HOME } from '../../support/cli.ts';

const at = (time: string) => new Date(`2026-11-25T${time}:00Z`);
const seconds = (time: string) => at(time).getTime() / 1000;
const NOW = at('23:00');
const wal = (timeline: number, position: number) =>
  `${timeline.toString(16).padStart(8, '0')}00000000${position.toString(16).padStart(8, '0')}`.toUpperCase();
/** A set that ends in a segment, a little behind its beginning, as pgBackRest's do. */
const made = (time: string, id: string, timeline: number, position: number, more: Partial<DatabasePart> & { reason?: 'safety' } = {}) => {
  const { reason, ...db } = more;
  const set = setAt(at(time).toISOString(), { id, wal: wal(timeline, position), ...(reason && { reason }) });
  const lsnStop = `0/${(position * 16 * 1024 ** 2 + 0x100).toString(16)}`;
  return { ...set, parts: { ...set.parts, db: { ...set.parts.db, lsnStop, ...db } } };
};

/*
 * 08:00 `old` on timeline 1; 10:00 `before`; 12:00 DROP TABLE; 13:00 `restore old` (fork at its end, in segment 2) after `safety`.
 */
const old = made('08:00', 'old', 1, 2);
const before = made('10:00', 'before', 1, 5);
const safety = made('13:00', 'safety', 1, 9, { reason: 'safety' });
const sets: BackupSet[] = [old, before, safety];
const archive = archiveContents(
  [
    ...[2, 3, 4, 5, 6, 7, 8, 9, 10].map((position) => `wal 1/17-1/${wal(1, position)}`),
    ...[2, 3].map((position) => `wal 1/17-1/${wal(2, position)}`),
    `newest 1/17-1 ${seconds('22:00')}`,
    `history 1/17-1/00000002 ${seconds('13:01')}`,
  ].join('\n'),
).archives[0];
if (!archive) throw new Error('no archive');
const newest = lineageFrom(archive, 2, '1\t0/2000100\treached consistency\n');
const choose = (aim: Partial<Aim>, lineage?: Lineage) => {
  const { set, until, timeline } = chooseTarget(sets, { set: undefined, to: undefined, ...aim }, NOW, [], lineage);
  return [set.id, until, timeline];
};
const along = (to: Date, from: Lineage = newest) => {
  const timeline = timelineAt(to, sets, from);
  return choose({ to }, ancestor(from, timeline));
};

describe('after a restore that was killed before its full backup', () => {
  it('`latest` is the set before it, and not the safety set, which holds what the restore was to undo', () => {
    expect(choose({ set: 'latest' })).toEqual(['before', 'set', undefined]);
    expect(choose({ set: 'safety' })).toEqual(['safety', 'set', undefined]);
    expect(() => chooseTarget([safety], { set: 'latest', to: undefined }, NOW)).toThrow(/every set is a safety set/);
  });
  it('`newest` begins with the set that leads to the timeline of now; without its history, with the newest', () => {
    expect(sets.map((set) => leadsTo(set, newest))).toEqual([true, false, false]);
    expect(choose({ to: 'newest' }, newest)).toEqual(['old', 'end', undefined]);
    expect(choose({ to: 'newest' })).toEqual(['safety', 'end', undefined]);
  });
  it.each([
    ['09:00', ['old', at('09:00'), 1]],
    ['11:59', ['before', at('11:59'), 1]],
    ['13:00', ['safety', at('13:00'), 1]],
    ['14:00', ['old', at('14:00'), 2]],
  ])('%s is on the timeline that was written then', (time, expected) => {
    expect(along(at(time))).toEqual(expected);
  });
  it('a set that is named and does not lead to the moment is tried as before', () => {
    expect(choose({ set: 'before', to: at('14:00') }, newest)).toEqual(['before', at('14:00'), undefined]);
    expect(choose({ set: 'before', to: 'newest' }, newest)).toEqual(['before', 'end', undefined]);
  });
});

describe('after a failover', () => {
  // The old leader had written segment 10 in part: what continues it begins there.
  const failedOver = { ...archive, segments: archive.segments.filter((name) => name < wal(2, 0)).concat(wal(2, 10), wal(2, 11)) };
  const next = lineageFrom(failedOver, 2, '1\t0/A800000\tno recovery target specified\n');
  it('every moment is followed into the next timeline, however late its history arrived', () => {
    expect([old, before, safety].map((set) => leadsTo(set, next))).toEqual([true, true, true]);
    expect(along(at('12:59'), next)).toEqual(['before', at('12:59'), 2]);
    expect(choose({ to: 'newest' }, next)).toEqual(['safety', 'end', undefined]);
  });
  it('one that begins at the border of a segment continues too, and one with WAL behind the border does not', () => {
    const border = (segments: string[]) => lineageFrom({ ...failedOver, segments }, 2, '1\t0/B000000\tx\n');
    expect(timelineAt(at('12:00'), sets, border(failedOver.segments))).toBe(2);
    expect(timelineAt(at('12:00'), sets, border([...failedOver.segments, wal(1, 11)]))).toBe(1);
  });
});

describe('timelines', () => {
  // 3 came from 1 by `--undo`: 2 was left behind.
  const third = lineageFrom({ ...archive, histories: [...archive.histories, { timeline: 3, at: at('15:00') }] }, 3, '1\t0/AF00000\tx\n');
  it('one that another does not come from is not its ancestor', () => {
    expect(ancestor(third, 2)).toBeUndefined();
    expect(ancestor(third, 1)).toEqual({ archive: third.archive, timeline: 1, forks: [] });
    expect(ancestor(third, 3)).toEqual(third);
    expect(timelineAt(at('14:00'), sets, third)).toBe(2);
    expect(timelineAt(at('16:00'), sets, third)).toBe(3);
  });
  it('a set proves that its timeline had begun, whenever the history arrived', () => {
    const late = { ...archive, histories: [{ timeline: 2, at: at('20:00') }] };
    const full = made('13:05', 'full', 2, 4);
    const lineage = lineageFrom(late, 2, '1\t0/2000100\tx\n');
    expect(timelineAt(at('14:00'), [...sets, full], lineage)).toBe(2);
    expect(timelineAt(at('14:00'), sets, lineage)).toBe(1);
  });
  it('the latest is known by histories, sets or WAL', () => {
    expect(newestTimeline(archive, sets)).toBe(2);
    expect(newestTimeline({ ...archive, histories: [], segments: [wal(1, 2)] }, sets)).toBe(1);
    expect(newestTimeline({ ...archive, histories: [], segments: [] }, [made('13:05', 'full', 18, 4)])).toBe(18);
  });
});

describe('archives', () => {
  it('of two databases in one key version are told apart by the set, if it says', () => {
    const { archives } = archiveContents(`wal 1/17-1/${wal(1, 2)}\nwal 1/17-2/${wal(1, 2)}\nwal 2/17-1/${wal(1, 3)}`);
    expect(archives.map(({ generation, id }) => [generation, id])).toEqual([
      [1, '17-1'],
      [1, '17-2'],
      [2, '17-1'],
    ]);
    expect(archiveOf(made('08:00', 'a', 1, 2, { archive: '17-2' }), archives)).toBe(archives[1]);
    expect(archiveOf(old, archives)).toBeUndefined();
    expect(archiveOf(made('08:00', 'a', 1, 2, { generation: 2 }), archives)).toBe(archives[2]);
  });
  it('pgBackRest says which one a backup is in', () => {
    const backup = { label: 'a', type: 'full', error: false, prior: null, reference: null, archive: {}, lsn: {}, database: { id: 2 } };
    const more = { info: { size: 1, repository: { delta: 1 } }, timestamp: { start: 1, stop: 1 } };
    const archives = [1, 2].map((id) => ({ id: `17-${id}`, database: { id }, max: null }));
    expect(databaseInfo(JSON.stringify([{ backup: [{ ...backup, ...more }], archive: archives }])).backups[0]?.archive).toBe('17-2');
  });

  it('are listed by the image of the backup', () => {
    const root = mkdtempSync(path.join(os.tmpdir(), 'medianest-contents-'));
    const put = (file: string, time = '10:00') => {
      const target = path.join(root, file);
      mkdirSync(path.dirname(target), { recursive: true });
      writeFileSync(target, '');
      utimesSync(target, seconds(time), seconds(time));
    };
    put(`pgbackrest/archive/medianest/17-1/0000000100000000/${wal(1, 2)}-abc.zst`);
    put(`pgbackrest/archive/medianest/17-1/0000000100000000/${wal(1, 4)}-abc.zst`, '11:00');
    put(`pgbackrest/archive/medianest/17-1/0000000200000000/${wal(2, 4)}-abc.zst`, '12:00');
    put('pgbackrest/archive/medianest/17-1/00000002.history', '11:30');
    put('pgbackrest/archive/medianest/archive.info');
    put('pgbackrest/backup/medianest/20261125-080000F/backup.manifest');
    put(`pgbackrest-2/archive/medianest/17-1/0000000200000000/${wal(2, 5)}-abc.zst`, '13:00');
    put('pgbackrest-2/archive/medianest/17-2/archive-is-empty-otherwise.history', '13:00');
    mkdirSync(path.join(root, 'pgbackrest-2/backup/medianest'), { recursive: true });
    const script = path.join(HOME, 'templates/backup/image/contents');
    const text = execFileSync('bash', [script], { env: { ...process.env, BACKUPS: root }, encoding: 'utf8' });
    // A folder that cannot be looked into says nothing of what it holds.
    for (const name of ['', 'pgbackrest', 'pgbackrest/archive', 'pgbackrest-2']) chmodSync(path.join(root, name), 0o755);
    for (const name of ['pgbackrest', 'pgbackrest/archive/medianest/17-1/0000000100000000']) {
      chmodSync(path.join(root, name), 0o000);
      const asOther = process.getuid?.() === 0 ? ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups'] : [];
      const [program = '', ...args] = [...asOther, 'bash', script];
      expect(() => execFileSync(program, args, { env: { ...process.env, BACKUPS: root }, stdio: 'pipe' })).toThrow(/Permission denied/);
      chmodSync(path.join(root, name), 0o755);
    }
    rmSync(root, { recursive: true });
    const { archives, labels } = archiveContents(text.replace('archive-is-empty-otherwise', '00000003'));
    expect(labels).toEqual(['1/20261125-080000F']);
    expect(archives).toEqual([
      {
        generation: 1,
        id: '17-1',
        segments: [wal(1, 2), wal(1, 4), wal(2, 4)],
        newestAt: at('12:00'),
        histories: [{ timeline: 2, at: at('11:30') }],
      },
      { generation: 2, id: '17-1', segments: [wal(2, 5)], newestAt: at('13:00'), histories: [] },
      { generation: 2, id: '17-2', segments: [], newestAt: undefined, histories: [{ timeline: 3, at: at('13:00') }] },
    ]);
    expect(archiveGaps(archives, [old])).toEqual([{ after: wal(1, 2), before: wal(1, 4), missing: 1 }]);
  });
});
