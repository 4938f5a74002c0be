import type { Cron } from '../../core/cron.ts';

const WEEKDAYS = ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'];

/**
 * The same times for systemd (systemd.time(7), "Calendar events").
 * @param zone undefined: the host's
 */
export function systemdCalendar({ minutes, hours, days, months, weekdays }: Cron, zone?: string): string {
  const date = `*-${part(months, 12)}-${part(days, 31)}`;
  const clock = `${part(hours.length === 24 ? undefined : hours)}:${part(minutes.length === 60 ? undefined : minutes)}:00`;
  const onDays = weekdays && weekdays.length < 7 ? ranges(weekdays, (day) => WEEKDAYS[day - 1] as string) : undefined;
  return [onDays, date, clock, zone].filter((word) => word !== undefined).join(' ');
}

const twoDigits = (value: number): string => String(value).padStart(2, '0');

const part = (values: readonly number[] | undefined, all?: number): string =>
  values === undefined || values.length === all ? '*' : ranges(values, twoDigits);

/** `00..01,03..23` for sorted values. */
function ranges(values: readonly number[], name: (value: number) => string): string {
  const runs: number[][] = [];
  for (const value of values) {
    const run = runs.at(-1);
    if (run && value === (run.at(-1) as number) + 1) run.push(value);
    else runs.push([value]);
  }
  return runs
    .map((run) => (run.length === 1 ? name(run[0] as number) : `${name(run[0] as number)}..${name(run.at(-1) as number)}`))
    .join(',');
}
