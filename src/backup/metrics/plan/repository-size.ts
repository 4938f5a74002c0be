import type { Check } from '../../../capability/check.ts';
import { gauge, type Metric } from '../../../core/metrics-text.ts';
import { plural } from '../../../core/plural.ts';
import { bytes } from '../../../host/plan/finding.ts';
import type { CopyState } from '../../plan/copies.ts';
import { slopeOf } from './trend.ts';

/** What a place with backups held at one moment, in bytes. */
export interface PlaceSize {
  /** ISO 8601. */
  at: string;
  bytes: number;
  /** Of these; not known of a copy. */
  pgbackrest?: number;
  restic?: number;
  /** Null where the place does not tell (S3). */
  free: number | null;
  /** Backups of the database that are there. */
  backups?: number;
}

/** Of the repository (`here`) and of each copy by its name: what was measured, the oldest first. */
export type PlaceSizes = Readonly<Record<string, readonly PlaceSize[]>>;

/** The repository among the places; a copy cannot have this name. */
export const HERE = 'here';

const FOLDER = /^(\d+)\t\S*\/(pgbackrest(?:-\d+)?|files)$/gm;

/**
 * The repository, from `du --block-size=1 --max-depth=1` of it.
 * @param free bytes on its disk; undefined where they could not be read
 * @returns undefined where the answer names neither of the two programs' folders
 */
export function repositorySize(du: string, free: number | undefined, at: Date): PlaceSize | undefined {
  const folders = [...du.matchAll(FOLDER)].map(([, size, name]) => ({ name: name as string, size: Number(size) }));
  if (folders.length === 0) return undefined;
  const sum = (fits: (name: string) => boolean) => folders.reduce((total, { name, size }) => total + (fits(name) ? size : 0), 0);
  const [pgbackrest, restic] = [sum((name) => name !== 'files'), sum((name) => name === 'files')];
  return { at: at.toISOString(), bytes: pgbackrest + restic, pgbackrest, restic, free: free ?? null };
}

/** A copy, by what its container has measured; undefined where it has measured nothing yet. */
export const copySize = ({ measured, bytes: size, free, labels }: CopyState): PlaceSize | undefined =>
  measured === null || size === null ? undefined : { at: measured, bytes: size, free, backups: labels.length };

/** More than two weeks of hourly backups. */
const MOST = 400;
const HOUR_MS = 3_600_000;

/** With what was measured now; of one hour the newest stays. Places that are no longer named go. */
export function withSizes(known: PlaceSizes, now: Readonly<Record<string, PlaceSize | undefined>>): PlaceSizes {
  const hour = ({ at }: PlaceSize) => Math.floor(Date.parse(at) / HOUR_MS);
  return Object.fromEntries(
    Object.entries(now).map(([place, size]) => {
      const before = known[place] ?? [];
      return [place, size ? [...before.filter((entry) => hour(entry) < hour(size)), size].slice(-MOST) : before];
    }),
  );
}

/** A set or a prune of one day is no trend. */
const LEAST_SECONDS = 2 * 86_400;
const TREND_SECONDS = 14 * 86_400;
const DAY = 86_400;

/** Days until nothing is free, as the place grew in the last two weeks; undefined where it does not grow, or where that is not known. */
export function fullInDays(sizes: readonly PlaceSize[]): number | undefined {
  const last = sizes.at(-1);
  if (!last || last.free === null) return undefined;
  const points = sizes.map(({ at, bytes: size }) => [Date.parse(at) / 1000, size] as const);
  const end = Date.parse(last.at) / 1000;
  const recent = points.filter(([time]) => time >= end - TREND_SECONDS);
  const first = recent[0];
  if (!first || end - first[0] < LEAST_SECONDS) return undefined;
  const perDay = slopeOf(recent) * DAY;
  return perDay > 0 ? last.free / perDay : undefined;
}

const WARN_DAYS = 14;
const FAIL_DAYS = 2;

const placeName = (place: string): string => (place === HERE ? 'the repository' : `the copy ${place}`);

/** For `health`: what each place holds, and whether it is full before long. */
export const sizeChecks = (places: PlaceSizes): Check[] =>
  Object.entries(places).flatMap(([place, sizes]): Check[] => {
    const last = sizes.at(-1);
    if (!last) return [];
    const days = fullInDays(sizes);
    const check = { id: place === HERE ? 'backup-size' : `backup-size-${place}`, value: last.bytes, message: sizeLine(place, sizes) };
    if (days === undefined || days >= WARN_DAYS) return [{ ...check, status: 'ok' }];
    const remedy =
      place === HERE
        ? 'medianest backup prune, a larger disk, or a shorter `backup.local.keep`'
        : `more space there, or a shorter \`backup.copies.${place}.keep\``;
    return [{ ...check, status: days < FAIL_DAYS ? 'fail' : 'warn', remedy }];
  });

/** What a place holds, for a person. */
function sizeLine(place: string, sizes: readonly PlaceSize[]): string {
  const last = sizes.at(-1);
  if (!last) return `${placeName(place)}: not measured yet`;
  const { pgbackrest, restic, free } = last;
  const parts = pgbackrest !== undefined && restic !== undefined ? ` (pgBackRest ${bytes(pgbackrest)}, restic ${bytes(restic)})` : '';
  const days = fullInDays(sizes);
  const ends =
    days === undefined
      ? ''
      : days < 1
        ? ', full in less than a day as it grows'
        : `, full in ${plural(Math.floor(days), 'day')} as it grows`;
  const room = free === null ? '; how much is free is not told there' : `; ${bytes(free)} free${ends}`;
  return `${placeName(place)} takes ${bytes(last.bytes)}${parts}${room}`;
}

/** For Prometheus. */
export function sizeMetrics(places: PlaceSizes): Metric[] {
  const last = Object.entries(places).flatMap(([place, sizes]) => {
    const size = sizes.at(-1);
    return size ? [{ place, size, days: fullInDays(sizes) }] : [];
  });
  return [
    gauge(
      'medianest_backup_repository_bytes',
      'What the repository takes on its disk, by the program that keeps it.',
      last.flatMap(({ place, size }) =>
        place === HERE
          ? (['pgbackrest', 'restic'] as const).flatMap((part) => {
              const value = size[part];
              return value === undefined ? [] : [{ labels: { part }, value }];
            })
          : [],
      ),
    ),
    gauge(
      'medianest_backup_place_bytes',
      'What the repository (`here`) and each copy take, when they were last measured.',
      last.map(({ place, size }) => ({ labels: { place }, value: size.bytes })),
    ),
    gauge(
      'medianest_backup_place_free_bytes',
      'What is free there; missing where the place does not tell.',
      last.flatMap(({ place, size }) => (size.free === null ? [] : [{ labels: { place }, value: size.free }])),
    ),
    gauge(
      'medianest_backup_place_full_days',
      'Days until the place is full, as it grew in the last two weeks; missing where it does not grow.',
      last.flatMap(({ place, days }) => (days === undefined ? [] : [{ labels: { place }, value: days }])),
    ),
    gauge(
      'medianest_backup_place_measured_timestamp_seconds',
      'When the place was last measured.',
      last.map(({ place, size }) => ({ labels: { place }, value: Date.parse(size.at) / 1000 })),
    ),
  ];
}
