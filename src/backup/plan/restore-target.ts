import { UserError } from '../../core/errors.ts';
import { keyVersionOf } from '../../services/backup/settings/key-versions.ts';
import { POSTGRES_MAJOR } from '../../services/database/postgres.ts';
import { type BackupSet, byAge, isGood } from './backup-sets.ts';
import type { WalGap } from './pgbackrest.ts';

/** What is to be restored: a set, and how far WAL is followed from it. */
export interface RestoreTarget {
  set: BackupSet;
  /** `end`: all WAL there is; `set`: until the set is consistent; otherwise a moment. */
  until: 'end' | 'set' | Date;
}

/** For a person. */
export const targetText = ({ set, until }: RestoreTarget): string =>
  until instanceof Date ? until.toISOString() : until === 'end' ? 'the newest that there is' : `the contents of ${set.id}`;

const RELATIVE = /^(\d+)\s*(second|minute|hour|day|week)s?\s+ago$/i;
const UNIT_SECONDS: Record<string, number> = { second: 1, minute: 60, hour: 3600, day: 86_400, week: 604_800 };

/** `2026-11-25 10:00:00+01:00`, `2026-11-25T09:00Z` or `10 minutes ago`. @throws UserError USAGE */
export function parseTime(text: string, now: Date): Date {
  const [, amount, unit = ''] = RELATIVE.exec(text.trim()) ?? [];
  if (amount) return new Date(now.getTime() - Number(amount) * (UNIT_SECONDS[unit.toLowerCase()] as number) * 1000);
  const match = /^(\d{4}-\d{2}-\d{2})[T ](\d{2}:\d{2}(?::\d{2}(?:\.\d{1,6})?)?)\s*(Z|UTC|[+-]\d{2}(?::?\d{2})?)?$/i.exec(text.trim());
  const example = 'for example --to "2026-11-25 09:30:00+01:00", or --to "10 minutes ago"';
  if (!match) throw new UserError('USAGE', `--to ${JSON.stringify(text)} is no time`, example);
  const [, day, clock, zone] = match;
  if (!zone) throw new UserError('USAGE', `--to ${JSON.stringify(text)} has no time zone, and an hour off is another restore`, example);
  const offset = /^(Z|UTC)$/i.test(zone) ? 'Z' : `${zone.slice(0, 3)}:${zone.slice(3).replace(':', '') || '00'}`;
  const time = new Date(`${day}T${clock}${offset}`);
  if (Number.isNaN(time.getTime())) throw new UserError('USAGE', `--to ${JSON.stringify(text)} is no time`, example);
  return time;
}

/** Files of another major version are nothing that this one could start from. @throws UserError NO_BACKUP */
export function refuseOtherVersion({ id, version: made, parts }: BackupSet): void {
  const version = parts.db.version ?? POSTGRES_MAJOR;
  if (version === POSTGRES_MAJOR) return;
  throw new UserError(
    'NO_BACKUP',
    `the database of ${id} is of PostgreSQL ${version}, and this medianest runs PostgreSQL ${POSTGRES_MAJOR}; nothing was changed`,
    `choose another set, restore it with medianest ${made}, which made it, or restore the other parts: --only files,redis`,
  );
}

const consistent = ({ parts }: BackupSet): Date => new Date(parts.db.consistentAt);

/** A moment that is later than now was there if a set is later still: then the clock was put back after that set. */
const lastAfter = (good: readonly BackupSet[], to: Date): number => good.findLastIndex((set) => consistent(set) >= to);

/** The set to begin with. @throws UserError where nothing that is there leads to what is asked */
export function chooseTarget(
  sets: readonly BackupSet[],
  asked: { set: string | undefined; to: Date | undefined },
  now: Date,
  gaps: readonly WalGap[] = [],
): RestoreTarget {
  const good = [...sets].sort(byAge).filter(isGood);
  const newest = good.at(-1);
  if (!newest)
    throw new UserError('NO_BACKUP', 'there is no backup to restore; nothing was changed', 'medianest backup --type full makes one');
  const { to } = asked;
  const last = to && to > now ? lastAfter(good, to) : good.length - 1;
  if (to && last < 0)
    throw new UserError('NO_BACKUP', `${to.toISOString()} is in the future; nothing was changed`, 'choose an earlier time');
  if (asked.set !== undefined && asked.set !== 'latest') {
    const set = sets.find(({ id, parts }) => id === asked.set || parts.db.label === asked.set);
    if (!set) throw new UserError('NO_BACKUP', `there is no set ${asked.set}; nothing was changed`, 'medianest backup list names them');
    if (!isGood(set))
      throw new UserError(
        'NO_BACKUP',
        `${set.id} is damaged (${set.problems?.[0]}); nothing was changed`,
        'choose another: medianest backup list',
      );
    if (to && new Date(set.parts.db.consistentAt) > to)
      throw new UserError(
        'NO_BACKUP',
        `${set.id} is newer than ${to.toISOString()}: it was consistent at ${set.parts.db.consistentAt}; nothing was changed`,
        'name no set: the right one is chosen by --to',
      );
    return proven({ set, until: to ?? 'set' }, gaps);
  }
  if (!to) return proven({ set: newest, until: 'end' }, gaps);
  const index = good.findLastIndex((set, at) => at <= last && consistent(set) <= to);
  const set = good[index];
  if (set)
    return proven(
      { set, until: to },
      gaps,
      good.slice(index).find((later) => consistent(later) > to),
    );
  throw new UserError(
    'NO_BACKUP',
    `${to.toISOString()} is before the oldest set, which was consistent at ${good[0]?.parts.db.consistentAt}; nothing was changed`,
    `choose a later time, or that set: medianest restore ${good[0]?.id}`,
  );
}

/**
 * WAL cannot be followed across a gap. Only the sets around it say at which moment the gap is.
 * @param next the first set that is newer than what is asked
 */
function proven(target: RestoreTarget, gaps: readonly WalGap[], next?: BackupSet): RestoreTarget {
  const { set, until } = target;
  const gap = gaps.find(
    ({ after, generation }) =>
      // WAL after the set is followed into later key versions too.
      (until === 'set' ? generation === set.parts.db.generation : keyVersionOf({ generation }) >= keyVersionOf(set.parts.db)) &&
      after.slice(8) >= set.parts.db.walStart.slice(8) &&
      !(next && next.parts.db.walStart.slice(8) <= after.slice(8)),
  );
  const crossed = until !== 'set' || (gap && gap.after.slice(8) < set.parts.db.walStop.slice(8));
  if (!gap || !crossed) return target;
  throw new UserError(
    'NO_BACKUP',
    `WAL is missing after ${gap.after} (${gap.missing} segments up to ${gap.before}), and ${set.id} would have to be followed across that; nothing was changed`,
    `restore the set itself: medianest restore ${set.id}; and make a new full backup`,
  );
}
