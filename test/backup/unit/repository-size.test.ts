import { describe, expect, it } from 'vitest';
import {
  copySize,
  fullInDays,
  type PlaceSize,
  repositorySize,
  sizeChecks,
  sizeMetrics,
  withSizes,
} from '../../../src/backup/metrics/plan/repository-size.ts';
import { parseCopies } from '../../../src/backup/plan/copies.ts';
import { metricsText } from '../../../src/core/metrics-text.ts';

const GIB = 1024 ** 3;
const day = (number: number, hour = 0) => new Date(Date.UTC(2026, 10, number, hour));
const size = (number: number, gib: number, free: number | null = 100, hour = 0): PlaceSize => ({
  at: day(number, hour).toISOString(),
  bytes: gib * GIB,
  free: free === null ? null : free * GIB,
});
/** A GiB more each day. */
const growing = (free: number | null) => [1, 2, 3, 4].map((number) => size(number, number, free));

describe('the size of the repository', () => {
  it('is that of the two programs, whatever else is there', () => {
    const du =
      '4096\t/srv/backups/copies\n300\t/srv/backups/pgbackrest\n20\t/srv/backups/pgbackrest-2\n1000\t/srv/backups/files\n5416\t/srv/backups\n';
    expect(repositorySize(du, 7, day(1))).toEqual({ at: day(1).toISOString(), bytes: 1320, pgbackrest: 320, restic: 1000, free: 7 });
    expect(repositorySize('1000\t/srv/backups/files\n', undefined, day(1))).toMatchObject({ bytes: 1000, pgbackrest: 0, free: null });
    // Nothing that was not measured counts as empty.
    expect(repositorySize('du: cannot access', 7, day(1))).toBeUndefined();
  });
  it('of a copy is what its container has measured', () => {
    const [known] = parseCopies(['nas'], 'nas bytes 12\nnas free 30\nnas measured 2026-11-01T00:00:00Z\nnas labels a b\n');
    expect(known && copySize(known)).toEqual({ at: '2026-11-01T00:00:00Z', bytes: 12, free: 30, backups: 2 });
    // That of an older image, and a server that does not tell what is free.
    const [none] = parseCopies(['nas'], 'nas since 2026-11-01T00:00:00Z\n');
    expect(none && copySize(none)).toBeUndefined();
    const [untold] = parseCopies(['nas'], 'nas bytes 12\nnas measured 2026-11-01T00:00:00Z\n');
    expect(untold && copySize(untold)).toMatchObject({ bytes: 12, free: null });
  });
  it('is kept once an hour, and no longer than the place is named', () => {
    const known = withSizes({ gone: [size(1, 1)] }, { here: size(1, 1, 100, 3) });
    expect(withSizes(known, { here: { ...size(1, 2, 100, 3), at: '2026-11-01T03:40:00.000Z' } }).here).toHaveLength(1);
    expect(withSizes(known, { here: size(1, 2, 100, 4) }).here).toHaveLength(2);
    // It could not be measured: what was known stays.
    expect(withSizes(known, { here: undefined })).toEqual({ here: known.here });
    let many = known;
    for (let hour = 4; hour < 600; hour++) many = withSizes(many, { here: size(1, 1, 100, hour) });
    expect(many.here).toHaveLength(400);
    // A clock that was set back begins again: what is later than now was measured by a wrong clock.
    expect(withSizes(many, { here: size(1, 1) }).here).toHaveLength(1);
  });
});

describe('when a place is full', () => {
  it('is known after two days, where it grows and tells what is free', () => {
    expect(fullInDays(growing(10))).toBeCloseTo(10, 5);
    expect(fullInDays(growing(10).slice(2))).toBeUndefined();
    expect(fullInDays(growing(null))).toBeUndefined();
    expect(fullInDays([1, 2, 3, 4].map((number) => size(number, 5)))).toBeUndefined();
    expect(fullInDays([])).toBeUndefined();
    // What was before two weeks does not count.
    expect(fullInDays([size(1, 500), ...[20, 21, 22, 23].map((number) => size(number, number, 10))])).toBeCloseTo(10, 5);
  });
  it('is told by health', () => {
    const status = (free: number | null) => sizeChecks({ here: growing(free), nas: growing(free) }).map((check) => check.status);
    expect([status(100), status(10), status(1), status(null)]).toEqual([
      ['ok', 'ok'],
      ['warn', 'warn'],
      ['fail', 'fail'],
      ['ok', 'ok'],
    ]);
    const [here, copy] = sizeChecks({ here: [{ ...size(1, 3), pgbackrest: 2 * GIB, restic: GIB }], nas: growing(1) });
    expect(here?.message).toBe('the repository takes 3.0 GiB (pgBackRest 2.0 GiB, restic 1.0 GiB); 100 GiB free');
    expect(copy).toMatchObject({
      id: 'backup-size-nas',
      message: 'the copy nas takes 4.0 GiB; 1.0 GiB free, full in 1 day as it grows',
      remedy: expect.stringContaining('backup.copies.nas.keep'),
    });
    expect(sizeChecks({ here: [] })).toEqual([]);
  });
  it('is told to Prometheus', () => {
    const text = metricsText(
      sizeMetrics({ here: growing(10).map((entry) => ({ ...entry, pgbackrest: 1, restic: 2 })), nas: growing(null) }),
    );
    expect(text).toContain(`medianest_backup_place_bytes{place="here"} ${4 * GIB}`);
    expect(text).toContain('medianest_backup_repository_bytes{part="restic"} 2');
    expect(text).toContain(`medianest_backup_place_free_bytes{place="here"} ${10 * GIB}`);
    expect(text).not.toContain('free_bytes{place="nas"}');
    expect(text).toMatch(/medianest_backup_place_full_days\{place="here"\} (10|9\.99)/);
    expect(metricsText(sizeMetrics({}))).toBe('');
  });
});
