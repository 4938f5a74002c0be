/**
 * Times of a schedule as cron writes them (crontab(5)): minute, hour, day of the month, month, day of the week, where 0 and 7
 * are Sunday. Values, ranges, lists and steps; no names, no `@daily`.
 */
export interface Cron {
  minutes: readonly number[];
  hours: readonly number[];
  /** Undefined: every one. */
  days: readonly number[] | undefined;
  months: readonly number[] | undefined;
  /** 1 to 7, Monday to Sunday. */
  weekdays: readonly number[] | undefined;
}

const FIELDS = [
  { name: 'minute', first: 0, last: 59 },
  { name: 'hour', first: 0, last: 23 },
  { name: 'day of the month', first: 1, last: 31 },
  { name: 'month', first: 1, last: 12 },
  { name: 'day of the week', first: 0, last: 7 },
] as const;
const LONGEST_MONTHS = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/** @returns the times, or in words what is wrong with them */
export function parseCron(text: string): Cron | string {
  const words = text.trim().split(/\s+/);
  if (words.length !== FIELDS.length) return 'should have five fields: minute, hour, day of the month, month, day of the week';
  const values: number[][] = [];
  for (const [index, field] of FIELDS.entries()) {
    const found = valuesOf(words[index] as string, field);
    if (typeof found === 'string') return found;
    values.push(found);
  }
  const [minutes = [], hours = [], days = [], months = [], weekdays = []] = values;
  const isEvery = (index: number) => (words[index] as string).startsWith('*') && !(words[index] as string).includes('/');
  // cron runs on days that fit either, systemd on those that fit both: what is meant cannot be told.
  if (!isEvery(2) && !isEvery(4)) return 'should name days of the month or days of the week, not both';
  if (!days.some((day) => months.some((month) => day <= (LONGEST_MONTHS[month - 1] as number))))
    return 'names a day that none of its months has';
  const sundayLast = sorted(weekdays.map((day) => (day === 0 ? 7 : day)));
  return {
    minutes,
    hours,
    days: isEvery(2) ? undefined : days,
    months: isEvery(3) ? undefined : months,
    weekdays: isEvery(4) ? undefined : sundayLast,
  };
}

function valuesOf(word: string, { name, first, last }: (typeof FIELDS)[number]): number[] | string {
  const values: number[] = [];
  for (const part of word.split(',')) {
    const [, range = '', from, to, step] = /^(\*|(\d{1,2})(?:-(\d{1,2}))?)(?:\/(\d{1,2}))?$/.exec(part) ?? [];
    const begin = range === '*' ? first : Number(from);
    // As in cron, a step after a single value reaches to the end.
    const end = range === '*' || (to === undefined && step !== undefined) ? last : Number(to ?? from);
    if (range === '' || begin < first || end > last || begin > end || step === '0' || step === '00')
      return `has ${JSON.stringify(part)} as its ${name}: should be ${first} to ${last}, a range such as ${first}-${last}, a list, or */2`;
    for (let value = begin; value <= end; value += Number(step ?? 1)) values.push(value);
  }
  return sorted(values);
}

const sorted = (values: readonly number[]): number[] => [...new Set(values)].sort((a, b) => a - b);
