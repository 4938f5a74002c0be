import { bytes } from '../../core/plural.ts';
import { durationText } from '../../core/time.ts';
import type { Unit } from '../../services/monitoring/panels/panel.ts';

/** A value for a person: `99.98 %`, `12 /s`, `180 ms`, `1.2 GiB`. */
export function valueText(value: number, unit: Unit): string {
  if (!Number.isFinite(value)) return 'no value';
  switch (unit) {
    case 'percent':
      return `${percent(value * 100)} %`;
    case 'perSecond':
      return `${short(value)}/s`;
    case 'seconds':
      return secondsText(value);
    case 'bytes':
      return bytes(Math.round(value));
    case 'days':
      return `${short(value)} d`;
    default:
      return short(value);
  }
}

/** Times of answers are shorter than a second, those of drills longer than a minute. */
export function secondsText(value: number): string {
  if (value < 1) return `${short(value * 1000)} ms`;
  return value < 60 ? `${short(value)} s` : durationText(value);
}

/** What is nearly all is not rounded to all: 99.999 % is not 100 %. */
function percent(value: number): string {
  if (value > 99 && value < 100) return String(Math.min(99.999, Math.floor(value * 1000 + 1e-6) / 1000));
  return short(value);
}

/** Three digits that count. */
const short = (value: number): string => (Math.abs(value) >= 100 ? String(Math.round(value)) : String(Number(value.toPrecision(3))));

/** `29 Nov`, in UTC. */
export const dayText = (time: Date | string | number): string => {
  const date = new Date(time);
  return `${date.getUTCDate()} ${MONTHS[date.getUTCMonth()]}`;
};

/** `29 Nov 2026, 14:03 UTC`. */
export const momentText = (time: Date | string | number): string => {
  const date = new Date(time);
  return `${dayText(date)} ${date.getUTCFullYear()}, ${date.toISOString().slice(11, 16)} UTC`;
};

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
