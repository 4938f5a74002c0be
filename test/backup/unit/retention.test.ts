import { describe, expect, it } from 'vitest';
import { retention } from '../../../src/backup/plan/retention.ts';
import { setAt } from '../../support/backup/backup-sets.ts';

const NOTHING = { last: 1, hourly: 0, daily: 0, weekly: 0, monthly: 0, yearly: 0 };
const kept = (...args: Parameters<typeof retention>) =>
  retention(...args)
    .filter(({ keep }) => keep)
    .map(({ id }) => id);

describe('retention', () => {
  const hours = Array.from({ length: 72 }, (_, hour) => setAt(new Date(Date.UTC(2026, 10, 20, hour)).toISOString()));
  it.each([
    ['the last ones', { ...NOTHING, last: 3 }, 3],
    ['the newest of each hour', { ...NOTHING, hourly: 10 }, 10],
    ['the newest of each day', { ...NOTHING, daily: 7 }, 3],
    ['the newest of each ISO week', { ...NOTHING, weekly: 5 }, 1],
    ['nothing twice', { last: 3, hourly: 5, daily: 2, weekly: 1, monthly: 1, yearly: 1 }, 6],
  ])('keeps %s', (_what, policy, count) => {
    expect(kept(hours, policy)).toHaveLength(count);
  });
  it('knows that a week goes over the end of a year', () => {
    const sets = ['2026-12-28', '2027-01-03', '2027-01-04'].map((day) => setAt(`${day}T10:00:00Z`));
    const [first, second, third] = retention(sets, { ...NOTHING, weekly: 5 });
    expect([first?.keep, second?.reasons, third?.reasons[1]]).toEqual([false, ['weekly 2026-W53'], 'weekly 2027-W01']);
  });
  it('says why each stays and that nothing keeps the others', () => {
    expect(retention([setAt('2026-01-01T00:00:00Z'), setAt('2026-02-01T00:00:00Z')], NOTHING)).toEqual([
      { id: '2026-01-01T00:00:00.000Z', keep: false, reasons: ['no rule keeps it'] },
      { id: '2026-02-01T00:00:00.000Z', keep: true, reasons: ['one of the last 1 (1)'] },
    ]);
  });
  it('keeps what the last restore is undone with, also where a later one that failed has left a newer safety set', () => {
    const sets = ['undo', 'failed', 'newest'].map((id, day) =>
      setAt(`2026-01-0${day + 1}T00:00:00Z`, { id, ...(id !== 'newest' && { reason: 'safety' }) }),
    );
    expect([kept(sets, NOTHING), kept(sets, NOTHING, 'undo')]).toEqual([
      ['failed', 'newest'],
      ['undo', 'failed', 'newest'],
    ]);
  });
  it('keeps what another is made from, the last verified, the last drilled, and the safety copy', () => {
    const sets = [
      setAt('2026-01-01T00:00:00Z', { id: 'full' }),
      setAt('2026-01-02T00:00:00Z', { id: 'old' }),
      setAt('2026-01-03T00:00:00Z', { id: 'verified', verifiedAt: '2026-01-04T00:00:00Z' }),
      setAt('2026-01-04T00:00:00Z', { id: 'drilled', drilledAt: '2026-01-05T00:00:00Z' }),
      setAt('2026-01-05T00:00:00Z', { id: 'safety', reason: 'safety' }),
      setAt('2026-01-06T00:00:00Z', { id: 'incr', type: 'incr', references: ['full'] }),
    ];
    expect(kept(sets, NOTHING)).toEqual(['full', 'verified', 'drilled', 'safety', 'incr']);
  });
  it('lets no damaged set push a good one out', () => {
    const sets = [setAt('2026-01-01T00:00:00Z', { id: 'good' }), setAt('2026-01-02T00:00:00Z', { id: 'bad', problems: ['x'] })];
    expect(kept(sets, NOTHING)).toEqual(['good']);
  });
  it('removes nothing while no set is good', () => {
    const sets = ['2026-01-01', '2026-01-02'].map((day) => setAt(`${day}T00:00:00Z`, { problems: ['x'] }));
    expect(kept(sets, NOTHING)).toHaveLength(2);
  });
  it('keeps what an incremental one was built upon, and what that was', () => {
    const sets = [
      setAt('2026-01-01T00:00:00Z', { id: 'full' }),
      setAt('2026-01-02T00:00:00Z', { id: 'between', references: ['full'] }),
      setAt('2026-01-03T00:00:00Z', { id: 'newest', references: ['between'] }),
    ];
    expect(kept(sets, NOTHING)).toEqual(['full', 'between', 'newest']);
  });
  it('keeps the newest of those that were verified at once', () => {
    const verifiedAt = '2026-01-04T00:00:00Z';
    const sets = ['1', '2', '3'].map((day) => setAt(`2026-01-0${day}T00:00:00Z`, { id: day, verifiedAt, drilledAt: verifiedAt }));
    expect(kept([...sets, setAt('2026-01-05T00:00:00Z', { id: 'newest' })], NOTHING)).toEqual(['3', 'newest']);
  });
  it('is quick with 10,000 sets', () => {
    const many = Array.from({ length: 10_000 }, (_, hour) => setAt(new Date(Date.UTC(2025, 0, 1, hour)).toISOString()));
    const started = performance.now();
    retention(many, { last: 3, hourly: 24, daily: 7, weekly: 5, monthly: 12, yearly: 3 });
    expect(performance.now() - started).toBeLessThan(1000);
  });
});
