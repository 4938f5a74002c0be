import { describe, expect, it } from 'vitest';
import { BACKUP_SCHEDULE } from '../../../src/backup/plan/schedule.ts';
import { CERTIFICATE_SCHEDULE } from '../../../src/certificates/plan/schedule.ts';
import { begun, dueTime, firstRecord, type Job, type JobRecord, jobChecks, jobsOf, nextRunOf } from '../../../src/schedule/plan/jobs.ts';
import type { Role } from '../../../src/stack/types.ts';

const at = (text: string) => new Date(text);
const schedules = [BACKUP_SCHEDULE, CERTIFICATE_SCHEDULE];
const jobs = (times: Record<string, string> = {}, roles: Role[] = ['repository'], timezone = 'UTC') =>
  jobsOf(schedules, { project: 'home', settings: { timezone, times }, roles: new Set(roles), hostZone: () => 'Europe/Berlin' });
const job = (name: string, times?: Record<string, string>): Job => {
  const found = jobs(times).find((one) => one.name === name);
  if (!found) throw new Error(name);
  return { ...found, shiftMs: 0 };
};

describe('the jobs of a project', () => {
  it('have the times that settings say, and are left out where they are off', () => {
    const found = jobs({ full: '15 3 * * 6', drill: 'off' });
    expect(found.map(({ name }) => name)).toEqual(['full', 'incr', 'diff', 'prune', 'verify', 'certs']);
    expect(found[0]).toMatchObject({ cron: '15 3 * * 6', zone: 'UTC' });
  });
  it('are only those that there is a service for', () => {
    expect(jobs({}, []).map(({ name }) => name)).toEqual(['certs']);
  });
  it('are in the zone of the host unless settings name one', () => {
    expect(jobs({}, [], 'host')[0]?.zone).toBe('Europe/Berlin');
  });
  it('are refused where settings name one that there is not', () => {
    expect(() => jobs({ ful: 'off' })).toThrowError(
      expect.objectContaining({ code: 'INVALID_SETTINGS', message: expect.stringMatching(/jobs\.times\.ful: .*full/) }),
    );
  });
  it('come later by a share of their jitter that is the same each time, and differs between projects', () => {
    const shift = (project: string) =>
      jobsOf([CERTIFICATE_SCHEDULE], { project, settings: { timezone: 'UTC', times: {} }, roles: new Set(), hostZone: () => 'UTC' })[0]
        ?.shiftMs as number;
    const shifts = ['a', 'b', 'c', 'd', 'e', 'f'].map(shift);
    expect(shift('a')).toBe(shifts[0]);
    expect(new Set(shifts).size).toBeGreaterThan(3);
    for (const one of shifts) expect(one).toBeLessThanOrEqual(1_800_000);
  });
});

describe('a job is due', () => {
  const prune = job('prune');
  const handled = (time: string): JobRecord => ({ handled: time, started: time, ended: time, status: 0 });
  it('once its time has come, and no more once it was begun', () => {
    expect(dueTime(prune, handled('2026-06-01T04:00:03Z'), at('2026-06-02T03:59:59Z'))).toBeUndefined();
    expect(dueTime(prune, handled('2026-06-01T04:00:03Z'), at('2026-06-02T04:00:00Z'))).toEqual(at('2026-06-02T04:00:00Z'));
    const ended = { ...begun(handled('2026-06-01T04:00:03Z'), at('2026-06-02T04:00:00Z')), ended: '2026-06-02T04:05:00Z', status: 0 };
    expect(dueTime(prune, ended, at('2026-06-02T04:06:00Z'))).toBeUndefined();
  });
  it('once, however many of its times were missed', () => {
    const late = at('2026-06-20T12:00:00Z');
    expect(dueTime(prune, handled('2026-06-01T04:00:03Z'), late)).toEqual(at('2026-06-20T04:00:00Z'));
    expect(dueTime(prune, { ...begun(handled('2026-06-01T04:00:03Z'), late), ended: late.toISOString() }, late)).toBeUndefined();
  });
  it('from its next time on, where it was never looked at', () => {
    const now = at('2026-06-02T12:00:00Z');
    expect(dueTime(prune, undefined, now)).toBeUndefined();
    const first = firstRecord(undefined, now);
    expect(dueTime(prune, first, now)).toBeUndefined();
    expect(dueTime(prune, first, at('2026-06-03T04:00:00Z'))).toEqual(at('2026-06-03T04:00:00Z'));
  });
  it('again where it was begun and did not come to its end, three times at most', () => {
    let record: JobRecord = begun(undefined, at('2026-06-02T04:00:00Z'));
    const later = at('2026-06-02T04:10:00Z');
    for (const attempt of [2, 3]) {
      expect(dueTime(prune, record, later)).toBeDefined();
      record = begun(record, later);
      expect(record.attempts).toBe(attempt);
    }
    expect(dueTime(prune, record, later)).toBeUndefined();
    expect(dueTime(prune, record, at('2026-06-03T04:00:00Z')), 'the next day').toBeDefined();
    expect(begun({ ...record, ended: '2026-06-02T04:20:00Z' }, later).attempts).toBe(1);
  });
  it('again from now on, where the clock was put back behind its last run', () => {
    const record = handled('2036-06-01T04:00:00Z');
    const now = at('2026-06-02T12:00:00Z');
    const first = firstRecord(record, now);
    expect(first).toMatchObject({ handled: now.toISOString() });
    expect(dueTime(prune, first, at('2026-06-03T04:00:00Z'))).toBeDefined();
    expect(firstRecord(handled('2026-06-01T04:00:00Z'), now)).toBeUndefined();
  });
  it('with its share of the jitter', () => {
    const shifted = { ...prune, shiftMs: 30_000 };
    expect(dueTime(shifted, handled('2026-06-01T04:00:33Z'), at('2026-06-02T04:00:29Z'))).toBeUndefined();
    expect(dueTime(shifted, handled('2026-06-01T04:00:33Z'), at('2026-06-02T04:00:30Z'))).toBeDefined();
    expect(nextRunOf(shifted, at('2026-06-02T04:00:10Z'))).toEqual(at('2026-06-02T04:00:30Z'));
    expect(nextRunOf(shifted, at('2026-06-02T04:00:30Z'))).toEqual(at('2026-06-03T04:00:30Z'));
  });
  it('at its share of the jitter, where it ran by hand between its time and that', () => {
    const shifted = { ...job('certs'), shiftMs: 480_000 };
    const byHand = handled('2026-06-02T04:05:00Z');
    expect(dueTime(shifted, byHand, at('2026-06-02T04:07:59Z'))).toBeUndefined();
    expect(dueTime(shifted, byHand, at('2026-06-02T04:08:00Z'))).toEqual(at('2026-06-02T04:08:00Z'));
  });
});

describe('health of the jobs', () => {
  const prune = job('prune');
  const now = at('2026-06-02T05:00:00Z');
  const seen = (record: JobRecord | undefined, running = false) => jobChecks([{ ...prune, record, running }], now);
  it('is good where all were run', () => {
    expect(seen({ handled: '2026-06-02T04:00:00Z', started: '2026-06-02T04:00:00Z', ended: '2026-06-02T04:01:00Z', status: 0 })).toEqual([
      { id: 'jobs', status: 'ok', message: '1 job runs at its time', value: 1 },
    ]);
  });
  it('fails where no runner has run what was due for a quarter of an hour, but not while it runs', () => {
    const record = { handled: '2026-06-01T04:00:00Z' };
    expect(seen(record)).toMatchObject([
      {
        status: 'fail',
        message: 'prune is overdue since 2026-06-02 04:00:00 UTC',
        remedy: expect.stringContaining('sudo medianest jobs install'),
      },
    ]);
    expect(seen({ ...record, started: '2026-06-02T04:00:00Z' }, true)).toMatchObject([{ status: 'ok' }]);
    expect(jobChecks([{ ...prune, record, running: false }], at('2026-06-02T04:14:00Z'))).toMatchObject([{ status: 'ok' }]);
  });
  it('gives one that was interrupted a quarter of an hour to begin again', () => {
    const started = (time: string) => seen({ handled: time, started: time, attempts: 1 });
    expect(started('2026-06-02T04:50:00Z')).toMatchObject([{ status: 'ok' }]);
    expect(started('2026-06-02T04:44:00Z')).toMatchObject([{ status: 'fail' }]);
  });
  it('warns where the last run failed, with its words', () => {
    const record = {
      handled: '2026-06-02T04:00:00Z',
      started: '2026-06-02T04:00:00Z',
      ended: '2026-06-02T04:01:00Z',
      status: 1,
      message: 'no leader elected',
    };
    expect(seen(record)).toMatchObject([{ status: 'warn', message: 'prune failed at 2026-06-02 04:01:00 UTC: no leader elected' }]);
  });
});
