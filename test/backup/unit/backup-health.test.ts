import { describe, expect, test } from 'vitest';
import { archiveChecks, type BackupFailure, backupChecks, timersOf } from '../../../src/backup/plan/backup-health.ts';
import { isPassing, nextAttempt, PassingRefusal } from '../../../src/backup/plan/retry.ts';
import { UserError } from '../../../src/core/errors.ts';
import { setAt } from '../../support/backup/backup-sets.ts';

const said = (more: object) =>
  JSON.stringify({ waiting: 0, since: null, failing: false, segment: null, now: '2026-11-26T10:00:00+00:00', ...more });
const check = (more: object) => archiveChecks(said(more))[0];

const NOW = new Date('2026-11-25T12:00:00Z');
const refusal = new PassingRefusal('BACKUP_REFUSED', 'a part of the cache is away; no backup was made', 'medianest health');

describe('a command about backups that failed', () => {
  const set = setAt('2026-11-25T11:30:00Z');
  const failed: BackupFailure = { command: 'backup', at: '2026-11-25T11:59:30.000Z', message: refusal.message, passing: true };
  const told = (failure: BackupFailure, sets = [set], upcoming = {}) =>
    backupChecks(sets, [failure], { now: NOW, maxAgeHours: 2, upcoming })[0];

  test('is a warning that names the next attempt where its cause passes and the newest good set is young enough', () => {
    expect(told({ ...failed, next: '2026-11-25T12:00:30.000Z' })).toEqual({
      id: 'backup',
      status: 'warn',
      message:
        'the last `backup`, of 2026-11-25T11:59:30.000Z, failed: a part of the cache is away; no backup was made; next attempt at 2026-11-25 12:00:30 UTC; the newest good set is 30 min old',
      remedy: 'none is needed if the cause passes before the next attempt; at once: medianest backup',
    });
  });

  test.each([
    ['the newest set is too old', failed, [setAt('2026-11-25T09:59:00Z')]],
    ['the newest set is damaged', failed, [setAt('2026-11-25T09:00:00Z'), setAt('2026-11-25T11:30:00Z', { problems: ['torn'] })]],
    ['there is no set', failed, []],
    ['its cause stays', { command: 'backup', at: failed.at, message: 'the repository is away' }, [set]],
  ])('is a failure where %s', (_why, failure, sets) => {
    expect(told(failure, sets)?.status).toBe('fail');
  });

  test('names what systemd runs next where no command waits, or the one that waited was killed', () => {
    const upcoming = { backup: new Date('2026-11-25T12:30:21Z') };
    const message = expect.stringContaining('next attempt at 2026-11-25 12:30:21 UTC');
    expect(told(failed, [set], upcoming)).toMatchObject({ message });
    expect(told({ ...failed, next: '2026-11-25T11:00:00.000Z' }, [set], upcoming)).toMatchObject({ message });
    expect(told({ ...failed, next: '2026-11-25T11:00:00.000Z' })?.message).not.toContain('next attempt');
  });

  test('is run again by the timers of that command alone', () => {
    expect(timersOf('backup').map(({ name }) => name)).toEqual(['full', 'incr', 'diff']);
    expect(timersOf('backup prune').map(({ name }) => name)).toEqual(['prune']);
    expect(timersOf('drill').map(({ name }) => name)).toEqual(['drill']);
    expect(timersOf('backup keys rotate')).toEqual([]);
  });
});

describe('what is tried again', () => {
  const late = NOW.getTime() + 3_600_000;
  const error = (code: 'LOCKED' | 'REPOSITORY_AWAY' | 'BACKUP_REFUSED' | 'BACKUP_FAILED') => new UserError(code, 'why', 'how');
  const delayOf = (cause: unknown, attempt = 0, deadline = late) => {
    const next = nextAttempt(cause, attempt, NOW, deadline);
    return next && (next.getTime() - NOW.getTime()) / 1000;
  };
  test('is what was refused for a cause that passes, and a disk that may come back', () => {
    expect([refusal, error('LOCKED'), error('REPOSITORY_AWAY')].map((cause) => delayOf(cause))).toEqual([30, 30, 30]);
    expect([error('BACKUP_REFUSED'), error('BACKUP_FAILED'), new Error('x')].map((cause) => delayOf(cause))).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
    expect([refusal, error('LOCKED'), error('REPOSITORY_AWAY'), error('BACKUP_REFUSED')].map(isPassing)).toEqual([
      true,
      true,
      false,
      false,
    ]);
  });
  test('comes less and less often, and not after the deadline', () => {
    expect([0, 1, 2, 3, 4, 50].map((attempt) => delayOf(refusal, attempt))).toEqual([30, 60, 120, 240, 300, 300]);
    expect(delayOf(refusal, 0, NOW.getTime() + 29_999)).toBeUndefined();
    expect(delayOf(refusal, 0, NOW.getTime())).toBeUndefined();
  });
});

describe('how WAL is archived', () => {
  test('is well where nothing waits, or not for long', () => {
    expect(check({})).toMatchObject({ id: 'archive', status: 'ok', value: 0 });
    expect(check({ waiting: 3, since: '2026-11-26T09:59:30+00:00' })).toMatchObject({ status: 'ok', value: 3 });
  });

  test('is told as soon as it is refused, with what is refused', () => {
    const failing = { waiting: 1, since: '2026-11-26T09:59:58+00:00', failing: true, segment: '00000001000000000000000A' };
    expect(check(failing)).toMatchObject({
      status: 'warn',
      message:
        '1 segment of WAL waits for the archive, the oldest for 2 s; 00000001000000000000000A was refused: a host that dies now takes that with it',
      remedy: expect.stringContaining('medianest logs backup'),
    });
  });

  test('fails long before the promised hour is over, also where nobody refuses it', () => {
    expect(check({ waiting: 20, since: '2026-11-26T09:58:00+00:00' })).toMatchObject({ status: 'warn' });
    expect(check({ waiting: 900, since: '2026-11-26T09:44:00+00:00' })).toMatchObject({ status: 'fail' });
  });

  test('is no time in the future where the clock was put back', () => {
    expect(check({ waiting: 1, since: '2026-11-26T11:00:00+00:00' })).toMatchObject({ status: 'ok' });
  });

  test('is not well where the database does not say', () => {
    expect(archiveChecks(undefined)).toMatchObject([{ id: 'archive', status: 'warn' }]);
  });
});
