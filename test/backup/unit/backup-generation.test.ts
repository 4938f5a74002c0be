import { describe, expect, it } from 'vitest';
import type { ArchivedSet } from '../../../src/backup/plan/backup-sets.ts';
import { chooseTarget } from '../../../src/backup/plan/restore-target.ts';
import { unexpectedGaps } from '../../../src/backup/plan/set-archive.ts';
import { living } from '../../../src/services/backup/settings/key-versions.ts';
import { applyOverrides, type Overrides } from '../../../src/stack/overrides.ts';
import { render } from '../../../src/stack/render.ts';
import { setAt } from '../../support/backup/backup-sets.ts';
import { load, renderInput, stackOf } from '../../support/settings.ts';

const prod = load({ flags: { profile: 'prod' } });
const server = (overrides: Overrides) => {
  const stack = stackOf(prod, undefined, undefined, overrides);
  const own = stack.services.find(({ name }) => name === 'backup');
  const config = render(stack, renderInput(stack)).files.find(({ path }) => /backup\b.*pgbackrest\.conf$/.test(path))?.contents;
  return { secrets: own?.secrets.map(({ name }) => name), environment: own?.environment, config };
};

describe('a generation of the repository', () => {
  it('is named by one order: its folder, its key, and those of before that are still opened', () => {
    const first = server({});
    expect(first).toMatchObject({ secrets: ['backup-database-key', 'backup-files-key'], environment: {} });
    expect(first.config).toContain('repo1-path=/srv/backups/pgbackrest\n');
    const third = server({ backup: { current: 3, oldest: 1 } });
    expect(third.secrets).toEqual(['backup-database-key-3', 'backup-database-key-2', 'backup-database-key', 'backup-files-key']);
    expect(third.environment).toEqual({ GENERATION: '3' });
    expect(third.config).toContain('repo1-path=/srv/backups/pgbackrest-3\n');
    expect(server({ backup: { current: 3, oldest: 3 } }).secrets).toEqual(['backup-database-key-3', 'backup-files-key']);
  });

  it('is kept by what else is ordered, and is the newest first', () => {
    const overrides = { backup: { current: 3, oldest: 2 } };
    expect(applyOverrides(prod.settings, overrides, () => '').overrides).toEqual(overrides);
    expect(living(overrides.backup)).toEqual([3, 2]);
  });
});

describe('WAL that is missing', () => {
  const wal = (n: number) => `0000000100000000000000${n.toString(16).padStart(2, '0')}`;
  const of = (generation: number, set: ArchivedSet): ArchivedSet => ({
    ...set,
    parts: { ...set.parts, db: { generation, ...set.parts.db } },
  });
  const [old, young] = [setAt('2026-11-01', { id: 'old', wal: wal(2) }), of(2, setAt('2026-11-10', { id: 'young', wal: wal(20) }))];
  const now = new Date('2026-11-25');
  const restore = (set: string | undefined, to: string | undefined, generation?: number) =>
    chooseTarget([old, young], { set, to: to === undefined || to === 'newest' ? to : new Date(to) }, now, [
      { after: wal(30), before: wal(33), missing: 2, ...(generation && { generation }) },
    ]);

  it('in a later generation stops whoever is followed there, and nobody else', () => {
    expect(() => restore('old', '2026-11-20', 2)).toThrow(/WAL is missing/);
    expect(() => restore(undefined, 'newest', 2)).toThrow(/WAL is missing/);
    expect(restore('old', undefined, 2).until).toBe('set');
    expect(restore(undefined, '2026-11-05', 2).set.id).toBe('old');
  });

  it('in an earlier one is no matter of what is in a later', () => {
    expect(restore(undefined, 'newest').set.id).toBe('young');
    expect(unexpectedGaps([{ after: wal(30), before: wal(33), missing: 2 }], [young])).toEqual([]);
  });
});
