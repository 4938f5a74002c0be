import { UserError } from './errors.ts';

/** Times that people type, and times that they read. Every option that takes a moment is read here, so that all are equally strict. */

const UNIT_SECONDS: Record<string, number> = { second: 1, minute: 60, hour: 3600, day: 86_400, week: 604_800 };
const AGO = /^(\d+)\s*(second|minute|hour|day|week)s?\s+ago$/i;
const DURATION = /^(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?$/i;
const MOMENT = /^(\d{4}-\d{2}-\d{2})[T ](\d{2}:\d{2}(?::\d{2})?)(\.\d{1,6})?\s*(?:(Z|UTC)|([+-])(\d{2}(?::?\d{2})?))?$/i;
/** In minutes: the zones of the world reach from -12:00 to +14:00. */
const FURTHEST_ZONE = 14 * 60;
const DAY_MS = 86_400_000;

/**
 * `2026-11-25 10:00:00+01:00`, `2026-11-25T09:00Z` or `10 minutes ago`.
 * @param option that the text was given to, such as `--to`
 * @throws UserError USAGE for any other text: also for a day that the month does not have, and for a time without its zone
 */
export function momentOf(option: string, text: string, now: Date): Date {
  return readMoment(option, text, now, `for example ${option} "2026-11-25 09:30:00+01:00", or ${option} "10 minutes ago"`);
}

/**
 * When a right ends: `2027-01-31` is the end of that day (UTC), anything else a moment with its zone.
 * @returns a moment after `now` @throws UserError USAGE for any other text, and for what is over
 */
export function endFrom(option: string, text: string, now: Date): Date {
  const day = /^\d{4}-\d{2}-\d{2}$/.test(text.trim());
  const example = `for example ${option} 2027-06-30, or ${option} 2027-06-30T12:00Z`;
  const moment = readMoment(option, day ? `${text.trim()}T00:00:00Z` : text, now, example);
  const end = new Date(moment.getTime() + (day ? DAY_MS : 0));
  if (end > now) return end;
  throw new UserError('USAGE', `${option} ${text} is over`, example);
}

/** As `momentOf`, or for how long: `10m`, `1h30m`, `2d`. @throws UserError USAGE */
export function sinceOf(option: string, text: string, now: Date): Date {
  const example = `for example ${option} 24h, or ${option} "2026-11-25 09:30:00+01:00"`;
  const seconds = secondsIn(text);
  return seconds === undefined ? readMoment(option, text, now, example) : earlier(option, text, now, seconds, example);
}

/** For how long, in seconds: `50m`, `1h30m`. @throws UserError USAGE */
export function durationOf(option: string, text: string): number {
  const seconds = secondsIn(text);
  if (seconds !== undefined) return seconds;
  throw new UserError('USAGE', `${option} ${text}: should be a duration`, `for example ${option} 50m, or ${option} 6h`);
}

function secondsIn(text: string): number | undefined {
  const [, ...parts] = (text.trim() !== '' && DURATION.exec(text.trim())) || [];
  if (parts.length === 0) return undefined;
  return [86_400, 3600, 60, 1].reduce((sum, unit, index) => sum + unit * Number(parts[index] ?? 0), 0);
}

function readMoment(option: string, text: string, now: Date, example: string): Date {
  const wrong = (why: string) => new UserError('USAGE', `${option} ${text}: ${why}`, example);
  const [, amount, unit = ''] = AGO.exec(text.trim()) ?? [];
  if (amount) return earlier(option, text, now, Number(amount) * (UNIT_SECONDS[unit.toLowerCase()] as number), example);
  const match = MOMENT.exec(text.trim());
  if (!match) throw wrong('should be a date and a time with its zone');
  const [, date = '', clock = '', fraction = '', utc, sign, zone = ''] = match;
  if (!utc && !sign) throw wrong('has no time zone, and an hour off is another moment');
  const [year = 0, month = 0, day = 0] = numbersOf(date);
  const [hour = 0, minute = 0, second = 0] = numbersOf(clock);
  if (hour > 23 || minute > 59 || second > 59) throw wrong(`there is no ${clock}`);
  // Date.UTC counts on where a month ends: the 30th of February becomes the 2nd of March.
  const local = new Date(Date.UTC(year, month - 1, day, hour, minute, second, Math.floor(Number(`0${fraction}`) * 1000)));
  if (local.toISOString().slice(0, 10) !== date) throw wrong(`there is no ${date}`);
  const [zoneHours = 0, zoneMinutes = 0] = numbersOf(zone);
  const offset = zoneHours * 60 + zoneMinutes;
  if (zoneMinutes > 59 || offset > FURTHEST_ZONE) throw wrong(`there is no time zone ${sign}${zone}`);
  return new Date(local.getTime() - offset * 60_000 * (sign === '-' ? -1 : 1));
}

/** The numbers in a text, of two digits each, but for a year. */
const numbersOf = (text: string): number[] => (text.match(/^\d{4}(?=-)|\d{2}/g) ?? []).map(Number);

function earlier(option: string, text: string, now: Date, seconds: number, example: string): Date {
  const time = new Date(now.getTime() - seconds * 1000);
  if (time.getTime() >= 0) return time;
  throw new UserError('USAGE', `${option} ${text}: is before 1970`, example);
}

/** `2026-11-28 20:14:03 UTC`, as PostgreSQL and `momentOf` read it too. @param time a Date, or ISO 8601 */
export const utcText = (time: Date | string): string => `${new Date(time).toISOString().slice(0, 19).replace('T', ' ')} UTC`;

/** How long, in its two largest units: `2 h 14 min`, `3 d 1 h`, `40 s`. */
export function durationText(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  const units = [
    [Math.floor(whole / 86_400), 'd'],
    [Math.floor(whole / 3600) % 24, 'h'],
    [Math.floor(whole / 60) % 60, 'min'],
    [whole % 60, 's'],
  ] as const;
  const first = units.findIndex(([amount]) => amount > 0);
  const shown = units.slice(first < 0 ? 3 : first, first < 0 ? 4 : first + 2);
  return shown.flatMap(([amount, unit], index) => (index > 0 && amount === 0 ? [] : [`${amount} ${unit}`])).join(' ');
}
