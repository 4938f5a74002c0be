import { describe, expect, it } from 'vitest';
import { backupChecks } from '../../../src/backup/plan/backup-health.ts';
import { COPIES_COMMAND, copyChecks, copyDecisions, fetched, parseCopies, wantText, withCopies } from '../../../src/backup/plan/copies.ts';
import { setAt } from '../../support/backup/backup-sets.ts';

const NOW = new Date('2026-11-25T12:00:00Z');
const KEEP = { last: 1, hourly: 0, daily: 0, weekly: 0, monthly: 0, yearly: 0 };
const state = (text: string) => parseCopies(['sftp'], text);
const checked = (text: string) => copyChecks(state(text), 30, NOW)[0];

describe('health of a copy', () => {
  it.each([
    ['sftp wal-success 2026-11-25T11:59:50Z\nsftp complete yes', 'ok'],
    ['sftp wal-success 2026-11-25T11:59:50Z\nsftp wal-error connection refused', 'warn'],
    ['sftp wal-success 2026-11-25T11:56:00Z', 'warn'],
    ['sftp wal-success 2026-11-25T10:59:50Z', 'fail'],
    ['sftp since 2026-11-25T10:00:00Z\nsftp wal-error no such host', 'fail'],
    ['sftp since 2026-11-25T11:59:59Z', 'ok'],
    // WAL goes, sets do not.
    ['sftp wal-success 2026-11-25T11:59:50Z\nsftp sets-success 2026-11-25T10:00:00Z\nsftp sets-error no space', 'fail'],
  ])('%j is %s', (text, status) => {
    expect(checked(text)?.status).toBe(status);
  });
  it('fails where nobody sends, and says why a copy is behind', () => {
    expect(copyChecks(undefined, 30, NOW)[0]?.status).toBe('fail');
    expect(checked('sftp wal-success 2026-11-25T11:59:50Z\nsftp wal-error connection refused')?.message).toContain('connection refused');
  });
  it('is asked, not remembered', () => {
    expect(
      backupChecks([], [{ command: COPIES_COMMAND, at: NOW.toISOString(), message: 'behind' }], { now: NOW, maxAgeHours: 2, upcoming: {} }),
    ).toEqual([]);
  });
});

describe('what a copy is to hold', () => {
  const old = setAt('2026-11-20T00:00:00Z');
  const full = setAt('2026-11-24T00:00:00Z', { wal: '000000010000000000000009' });
  const incr = setAt('2026-11-25T00:00:00Z', { references: [full.id], wal: '00000002000000000000000B' });
  it('goes by its own rules, with what a set is made from', () => {
    const { copies } = withCopies({ repository: 'r', sets: [old, full, incr] }, { sftp: KEEP }, undefined);
    expect(copies?.sftp?.map(({ id }) => id)).toEqual([full.id, incr.id]);
    expect(wantText(copies?.sftp ?? [])).toBe(
      `oldest 000000010000000000000009\nlabel pgbackrest/${full.id}\nlabel pgbackrest/${incr.id}\nset ${full.id}\nset ${incr.id}\n`,
    );
  });
  it('keeps longer than what is here, but only what it has', () => {
    const before = { repository: 'r', sets: [incr], copies: { sftp: [old, full] } };
    const ids = (labels: string) => copyDecisions(before, 'sftp', { ...KEEP, last: 9 }, state(`sftp labels ${labels}`)).map(({ id }) => id);
    expect(ids(`pgbackrest/${old.id} pgbackrest/${full.id}`)).toEqual([old.id, full.id, incr.id]);
    expect(ids(`pgbackrest/${full.id}`)).toEqual([full.id, incr.id]);
  });
  it('is nothing where there is no copy any more', () => {
    expect(withCopies({ repository: 'r', sets: [full], copies: { sftp: [full] } }, {}, undefined)).toEqual({
      repository: 'r',
      sets: [full],
    });
  });
});

describe('what was brought back', () => {
  const [full, incr] = [setAt('2026-11-24T00:00:00Z'), setAt('2026-11-25T00:00:00Z')];
  it('is what is there whole, by the ids that its snapshots have here', () => {
    const known = { repository: 'r', sets: [], copies: { sftp: [full, incr] } };
    const sets = fetched(known, 'sftp', { [full.id]: 'new', [incr.id]: 'also' }, [`1/${full.parts.db.label}`]);
    expect(sets.map(({ id, parts }) => [id, parts.files.snapshot])).toEqual([[full.id, 'new']]);
  });
});
