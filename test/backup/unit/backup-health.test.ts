import { describe, expect, test } from 'vitest';
import { archiveChecks } from '../../../src/backup/plan/backup-health.ts';

const said = (more: object) =>
  JSON.stringify({ waiting: 0, since: null, failing: false, segment: null, now: '2026-11-26T10:00:00+00:00', ...more });
const check = (more: object) => archiveChecks(said(more))[0];

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
