import { describe, expect, it } from 'vitest';
import { type Cron, parseCron } from '../../../src/core/cron.ts';
import { systemdCalendar } from '../../../src/schedule/plan/calendar.ts';
import { lastTime, nextTime } from '../../../src/schedule/plan/times.ts';

const read = (text: string): Cron => {
  const cron = parseCron(text);
  if (typeof cron === 'string') throw new Error(cron);
  return cron;
};

describe('the times of cron', () => {
  it.each([
    ['0 2 * *', 'should have five fields: minute, hour, day of the month, month, day of the week'],
    ['60 2 * * *', 'has "60" as its minute: should be 0 to 59, a range such as 0-59, a list, or */2'],
    ['0 5-3 * * *', 'has "5-3" as its hour: should be 0 to 23, a range such as 0-23, a list, or */2'],
    ['0 */0 * * *', 'has "*/0" as its hour: should be 0 to 23, a range such as 0-23, a list, or */2'],
    ['0 2 * * MON', 'has "MON" as its day of the week: should be 0 to 7, a range such as 0-7, a list, or */2'],
    ['0 2,, * * *', 'has "" as its hour: should be 0 to 23, a range such as 0-23, a list, or */2'],
    ['0 2 1 * 1', 'should name days of the month or days of the week, not both'],
    ['0 2 31 2,4 *', 'names a day that none of its months has'],
    ['@daily', 'should have five fields: minute, hour, day of the month, month, day of the week'],
  ])('refuse %j in words', (text, words) => {
    expect(parseCron(text)).toBe(words);
  });
  it.each([
    ['0 2 * * 0', 'Sun *-*-* 02:00:00'],
    ['0 2 * * 7', 'Sun *-*-* 02:00:00'],
    ['0 2 * * 1-6', 'Mon..Sat *-*-* 02:00:00'],
    ['30 0-1,3-23 * * *', '*-*-* 00..01,03..23:30:00'],
    ['0 6 1 * *', '*-*-01 06:00:00'],
    ['0 * * * *', '*-*-* *:00:00'],
    ['* * * * *', '*-*-* *:*:00'],
    ['*/20 8-18/5 * 1,7 *', '*-01,07-* 08,13,18:00,20,40:00'],
    ['15 4 29 2 *', '*-02-29 04:15:00'],
    ['0 0 * * 0,6', 'Sat..Sun *-*-* 00:00:00'],
  ])('mean the same to systemd: %s is %s', (cron, calendar) => {
    expect(systemdCalendar(read(cron))).toBe(calendar);
  });
  it('name their time zone to systemd where it is not the host’s', () => {
    expect(systemdCalendar(read('0 2 * * *'), 'Europe/Berlin')).toBe('*-*-* 02:00:00 Europe/Berlin');
  });
});

describe('the times of a schedule in a zone', () => {
  const berlin = (cron: string) => ({ cron, zone: 'Europe/Berlin' });
  const at = (text: string) => new Date(text);
  /** All times from one moment to another. */
  const between = (cron: string, from: string, to: string) => {
    const times: string[] = [];
    for (let time = nextTime(berlin(cron), at(from)); time && time <= at(to); time = nextTime(berlin(cron), time))
      times.push(time.toISOString());
    return times;
  };
  it('are by the clock on the wall, in summer and in winter', () => {
    expect(between('0 12 * * *', '2026-03-27T12:00:00Z', '2026-03-30T12:00:00Z')).toEqual([
      '2026-03-28T11:00:00.000Z',
      '2026-03-29T10:00:00.000Z',
      '2026-03-30T10:00:00.000Z',
    ]);
  });
  it('come once, where the hour is skipped in spring', () => {
    expect(between('30 2 * * *', '2026-03-28T12:00:00Z', '2026-03-30T12:00:00Z')).toEqual([
      '2026-03-29T01:00:00.000Z',
      '2026-03-30T00:30:00.000Z',
    ]);
  });
  it('come once, where the hour comes twice in autumn', () => {
    expect(between('30 2 * * *', '2026-10-24T12:00:00Z', '2026-10-26T12:00:00Z')).toHaveLength(2);
  });
  it('come every hour, where they are hourly', () => {
    expect(between('0 * * * *', '2026-10-24T22:00:00Z', '2026-10-25T22:00:00Z')).toHaveLength(24);
    expect(between('0 * * * *', '2026-03-28T23:00:00Z', '2026-03-29T22:00:00Z')).toHaveLength(23);
  });
  it.each(['30 2 * * *', '0 * * * *', '15 2,3 * * *', '*/10 1-3 * * 0'])(
    'are the same forwards and backwards, also where the clock changes: %s',
    (cron) => {
      for (const [from, to] of [
        ['2026-03-28T20:00:00Z', '2026-03-29T06:00:00Z'],
        ['2026-10-24T20:00:00Z', '2026-10-25T06:00:00Z'],
      ] as const) {
        const times = between(cron, from, to);
        expect(times.length).toBeGreaterThan(0);
        for (const [index, time] of times.entries()) {
          expect(lastTime(berlin(cron), at(time))?.toISOString()).toBe(time);
          const before = times[index - 1];
          if (before) expect(lastTime(berlin(cron), new Date(at(time).getTime() - 1))?.toISOString(), time).toBe(before);
        }
      }
    },
  );
  it('include the moment itself when the last one is asked for', () => {
    expect(lastTime(berlin('0 12 * * *'), at('2026-06-01T10:00:00Z'))).toEqual(at('2026-06-01T10:00:00Z'));
    expect(lastTime(berlin('0 12 * * *'), at('2026-06-01T09:59:59.999Z'))).toEqual(at('2026-05-31T10:00:00Z'));
    expect(lastTime(berlin('0 0 29 2 *'), at('2027-06-01T00:00:00Z'))?.toISOString()).toBe('2024-02-28T23:00:00.000Z');
  });
});
