import { describe, expect, it } from 'vitest';
import { durationOf, durationText, momentOf, sinceOf, utcText } from '../../../src/core/time.ts';

const NOW = new Date('2026-11-25T12:00:00Z');

describe('a duration that is typed', () => {
  it.each([
    ['50m', 3000],
    ['1h30m', 5400],
    ['2d', 172_800],
    ['0s', 0],
  ])('%s', (text, seconds) => {
    expect(durationOf('--retry-for', text)).toBe(seconds);
  });
  it.each(['', ' ', '50', '10 minutes ago', '2026-11-25 10:00Z', '-5m'])('%j is none', (text) => {
    expect(() => durationOf('--retry-for', text)).toThrow('should be a duration');
  });
});

describe('a moment that is typed', () => {
  it.each([
    ['2026-11-25 10:00:00+01:00', '2026-11-25T09:00:00.000Z'],
    ['2026-11-25T10:00Z', '2026-11-25T10:00:00.000Z'],
    ['2026-11-25 10:00:00.5 UTC', '2026-11-25T10:00:00.500Z'],
    ['2026-11-25 10:00:00.123456Z', '2026-11-25T10:00:00.123Z'],
    ['2026-11-25 10:00-05', '2026-11-25T15:00:00.000Z'],
    ['2026-11-25 10:00:00+0530', '2026-11-25T04:30:00.000Z'],
    ['2026-11-25t10:00z', '2026-11-25T10:00:00.000Z'],
    ['2028-02-29 00:00Z', '2028-02-29T00:00:00.000Z'],
    ['2026-01-01 00:30+01:00', '2025-12-31T23:30:00.000Z'],
    ['2026-11-25 23:59:59+14:00', '2026-11-25T09:59:59.000Z'],
    [' 10 minutes ago ', '2026-11-25T11:50:00.000Z'],
    ['1 hour ago', '2026-11-25T11:00:00.000Z'],
    ['2 days ago', '2026-11-23T12:00:00.000Z'],
    ['1 Week Ago', '2026-11-18T12:00:00.000Z'],
  ])('%j is read by every option', (text, expected) => {
    expect([momentOf('--to', text, NOW), sinceOf('--since', text, NOW)].map((time) => time.toISOString())).toEqual([expected, expected]);
  });
  it.each([
    ['2026-02-30 10:00:00+01:00', 'there is no 2026-02-30'],
    ['2027-02-29 10:00Z', 'there is no 2027-02-29'],
    ['2026-04-31 10:00Z', 'there is no 2026-04-31'],
    ['2026-13-01 10:00Z', 'there is no 2026-13-01'],
    ['2026-00-10 10:00Z', 'there is no 2026-00-10'],
    ['2026-11-00 10:00Z', 'there is no 2026-11-00'],
    ['0026-11-10 10:00Z', 'there is no 0026-11-10'],
    ['2026-11-25 24:00Z', 'there is no 24:00'],
    ['2026-11-25 10:60Z', 'there is no 10:60'],
    ['2026-12-31 23:59:60Z', 'there is no 23:59:60'],
    ['2026-11-25 10:00+15:00', 'there is no time zone +15:00'],
    ['2026-11-25 10:00+01:75', 'there is no time zone +01:75'],
    ['2026-11-25 10:00:00', 'has no time zone'],
    ['2026-11-25', 'should be a date and a time with its zone'],
    ['yesterday', 'should be a date and a time with its zone'],
    ['2026-11-25 10:00:00.Z', 'should be'],
    ['2026-11-25 10:00Zulu', 'should be'],
    ['1764064800', 'should be'],
    ['', 'should be'],
    ['99999999999999 weeks ago', 'is before 1970'],
  ])('%j is refused: %s', (text, why) => {
    for (const [option, read] of [
      ['--to', momentOf],
      ['--since', sinceOf],
    ] as const) {
      const message = `${option} ${text}: ${why}`;
      expect(() => read(option, text, NOW)).toThrow(message);
      expect(() => read(option, text, NOW)).toThrow(expect.objectContaining({ code: 'USAGE' }));
    }
  });
  it.each([
    ['10m', '2026-11-25T11:50:00.000Z'],
    ['24h', '2026-11-24T12:00:00.000Z'],
    ['1h30m', '2026-11-25T10:30:00.000Z'],
    ['2d', '2026-11-23T12:00:00.000Z'],
    ['90s', '2026-11-25T11:58:30.000Z'],
  ])('%j is a time since when, and no moment to restore', (text, expected) => {
    expect(sinceOf('--since', text, NOW).toISOString()).toBe(expected);
    expect(() => momentOf('--to', text, NOW)).toThrow(`--to ${text}: should be`);
  });
});

describe('a time that is told', () => {
  it('is the zone’s own, and can be typed again', () => {
    const text = utcText('2026-11-28T20:14:03.700Z');
    expect([text, momentOf('--to', text, NOW).toISOString()]).toEqual(['2026-11-28 20:14:03 UTC', '2026-11-28T20:14:03.000Z']);
  });
  it.each([
    [0, '0 s'],
    [40.9, '40 s'],
    [-3, '0 s'],
    [61, '1 min 1 s'],
    [3600, '1 h'],
    [8040, '2 h 14 min'],
    [8045, '2 h 14 min'],
    [86_400 * 3 + 3600, '3 d 1 h'],
    [86_400 + 59, '1 d'],
  ])('%d seconds are %s', (seconds, text) => expect(durationText(seconds)).toBe(text));
});
