import type { Check } from '../../capability/check.ts';
import type { DiskForecast } from './forecast.ts';

const SOON_DAYS = 7;

/** For `health`: the disk that is full first, if disks continue to fill as they did. None where no trend is known yet. */
export function forecastCheck(disks: readonly DiskForecast[]): Check[] {
  const known = disks.filter(({ perDay }) => perDay !== null);
  if (known.length === 0) return [];
  const [first] = known
    .flatMap(({ mountpoint, fullInDays }) => (fullInDays === null ? [] : [{ mountpoint, fullInDays }]))
    .sort((a, b) => a.fullInDays - b.fullInDays);
  const id = 'disk.forecast';
  if (!first) return [{ id, status: 'ok', message: 'no disk of this host fills up' }];
  const days = Math.floor(first.fullInDays);
  const message = `${first.mountpoint} is full in ${days < 1 ? 'less than a day' : `${days} ${days === 1 ? 'day' : 'days'}`}, as it filled until now`;
  if (days >= SOON_DAYS) return [{ id, status: 'ok', message, value: days }];
  const remedy = 'docker system df, medianest images prune and medianest backup prune make room; medianest report shows the trend';
  return [{ id, status: days < 1 ? 'fail' : 'warn', message, remedy, value: days }];
}
