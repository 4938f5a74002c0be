import type { ArchivedSet, BackupSet, DumpSet } from '../../../src/backup/plan/backup-sets.ts';

/** A set that was begun at this time; its database part bears its id. */
export function setAt(time: string, more: Partial<Omit<BackupSet, 'parts'>> & { references?: string[]; wal?: string } = {}): ArchivedSet {
  const { references = [], wal = '000000010000000000000004', ...rest } = more;
  const startedAt = new Date(time).toISOString();
  const id = more.id ?? startedAt;
  return {
    id,
    type: 'full',
    reason: 'asked',
    startedAt,
    finishedAt: startedAt,
    seconds: 1,
    project: 'p',
    version: '0',
    sizeBytes: 1,
    storedBytes: 1,
    parts: {
      db: {
        label: id,
        references,
        lsnStart: '0/1',
        lsnStop: '0/2',
        walStart: wal,
        walStop: wal,
        consistentAt: startedAt,
        sizeBytes: 1,
        storedBytes: 1,
      },
      files: { snapshot: 'abcdef12', sizeBytes: 1, storedBytes: 1, files: 1 },
    },
    images: {},
    settings: '',
    cacheLeaders: [],
    ...rest,
  };
}

/** A set whose database was dumped at this time. */
export function dumpAt(time: string, more: Partial<Omit<BackupSet, 'parts'>> = {}): DumpSet {
  const { parts, ...set } = setAt(time, more);
  const { consistentAt, sizeBytes, storedBytes } = parts.db;
  const databases = [{ name: 'medianest', snapshot: `d-${set.id}` }];
  return {
    ...set,
    parts: { ...parts, db: { kind: 'dump', databases, roles: `r-${set.id}`, version: '17', consistentAt, sizeBytes, storedBytes } },
  };
}
