import { dayText } from './format.ts';

/** What stands below a line of the axis: the day, or the time of that day (UTC). */
export function tickText(tick: Date, ticks: readonly Date[]): string {
  const [first, second] = ticks;
  const days = !first || !second || second.getTime() - first.getTime() >= 86_400_000;
  const clock = tick.toISOString().slice(11, 16);
  return days || clock === '00:00' ? dayText(tick) : clock;
}
