import { UserError } from '../../core/errors.ts';
import { utcText } from '../../core/time.ts';
import { keyVersionOf } from '../../services/backup/settings/key-versions.ts';
import { POSTGRES_MAJOR } from '../../services/database/postgres.ts';
import { type BackupSet, byAge, databaseName, isDump, isGood } from './backup-sets.ts';
import type { WalGap } from './pgbackrest.ts';
import { type Aim, nothingNamed } from './restore-choice.ts';
import { type Lineage, leadsTo } from './timelines.ts';

/** What is to be restored: a set, and how far WAL is followed from it. */
export interface RestoreTarget<S extends BackupSet = BackupSet> {
  set: S;
  /** `end`: all WAL there is; `set`: until the set is consistent; otherwise a moment. */
  until: 'end' | 'set' | Date;
  /** The timeline that a moment is on; where it is not said, the latest that the set leads to. */
  timeline?: number;
}

/** For a person. */
export const targetText = ({ set, until }: RestoreTarget): string =>
  until instanceof Date
    ? until.toISOString()
    : until === 'end'
      ? 'the newest that there is'
      : `the end of ${set.id} (${utcText(set.parts.db.consistentAt)})`;

/** Files of another major version are nothing that this one could start from. @throws UserError NO_BACKUP */
export function refuseOtherVersion(set: BackupSet): void {
  // A dump is statements, which a later version takes too.
  if (isDump(set)) return;
  const { id, version: made, parts } = set;
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

/** The newest set that a person or a timer has made. A safety set holds what a restore was to undo, so it has to be named. */
function latestSet<S extends BackupSet>(good: readonly S[]): S {
  const latest = good.findLast(({ reason }) => reason !== 'safety');
  if (latest) return latest;
  throw new UserError(
    'NO_BACKUP',
    'every set is a safety set, made before a restore; nothing was changed',
    `name the one that is meant: medianest restore ${good.at(-1)?.id}`,
  );
}

function namedSet<S extends BackupSet>(sets: readonly S[], good: readonly S[], name: string): S {
  const set = name === 'latest' ? latestSet(good) : sets.find((known) => known.id === name || databaseName(known) === name);
  if (!set) throw new UserError('NO_BACKUP', `there is no set ${name}; nothing was changed`, 'medianest backup list names them');
  if (isGood(set)) return set;
  throw new UserError(
    'NO_BACKUP',
    `${set.id} is damaged (${set.problems?.[0]}); nothing was changed`,
    'choose another: medianest backup list',
  );
}

/**
 * The set to begin with, and how far WAL is followed.
 * @param lineage the timeline that is asked for, where that is known: only sets whose WAL leads there are begun with
 * @throws UserError USAGE where nothing is asked for, NO_BACKUP where nothing that is there leads to what is asked
 */
export function chooseTarget<S extends BackupSet>(
  sets: readonly S[],
  { set: name, to }: Aim,
  now: Date,
  gaps: readonly WalGap[] = [],
  lineage?: Lineage,
): RestoreTarget<S> {
  if (name === undefined && to === undefined) throw nothingNamed(sets, now);
  const good = [...sets].sort(byAge).filter(isGood);
  if (good.length === 0)
    throw new UserError('NO_BACKUP', 'there is no backup to restore; nothing was changed', 'medianest backup --type full makes one');
  const last = to instanceof Date && to > now ? lastAfter(good, to) : good.length - 1;
  if (to instanceof Date && last < 0)
    throw new UserError('NO_BACKUP', `${utcText(to)} is in the future; nothing was changed`, 'choose an earlier time');
  if (name !== undefined) {
    const set = namedSet(sets, good, name);
    if (to instanceof Date && consistent(set) > to)
      throw new UserError(
        'NO_BACKUP',
        `${set.id} is newer than ${utcText(to)}: it was consistent at ${utcText(consistent(set))}; nothing was changed`,
        'name no set: the right one is chosen by --to',
      );
    return proven({ set, until: to === undefined ? 'set' : to === 'newest' ? 'end' : to, ...along(set, to, lineage) }, gaps);
  }
  const onTheWay = (set: S) => !lineage || leadsTo(set, lineage);
  if (!(to instanceof Date)) return proven({ set: good.findLast(onTheWay) ?? (good.at(-1) as S), until: 'end' }, gaps);
  const before = (set: S, at: number) => at <= last && consistent(set) <= to;
  const chosen = good.findLastIndex((set, at) => before(set, at) && onTheWay(set));
  const index = chosen < 0 ? good.findLastIndex(before) : chosen;
  const set = good[index];
  if (set)
    return proven(
      { set, until: to, ...along(set, to, lineage) },
      gaps,
      good.slice(index).find((later) => consistent(later) > to),
    );
  throw new UserError(
    'NO_BACKUP',
    `${utcText(to)} is before the oldest set, which was consistent at ${utcText(consistent(good[0] as BackupSet))}; nothing was changed`,
    `choose a later time, or that set: medianest restore ${good[0]?.id}`,
  );
}

/** The timeline that a moment is on, if the set leads there. */
const along = (set: BackupSet, to: Aim['to'], lineage: Lineage | undefined): { timeline?: number } =>
  to instanceof Date && lineage && leadsTo(set, lineage) ? { timeline: lineage.timeline } : {};

/**
 * WAL cannot be followed across a gap. Only the sets around it say at which moment the gap is.
 * @param next the first set that is newer than what is asked
 */
function proven<S extends BackupSet>(target: RestoreTarget<S>, gaps: readonly WalGap[], next?: S): RestoreTarget<S> {
  const { set, until } = target;
  if (isDump(set)) return target;
  const gap = gaps.find(
    ({ after, generation }) =>
      // WAL after the set is followed into later key versions too.
      (until === 'set' ? generation === set.parts.db.generation : keyVersionOf({ generation }) >= keyVersionOf(set.parts.db)) &&
      after.slice(8) >= set.parts.db.walStart.slice(8) &&
      !(next && !isDump(next) && next.parts.db.walStart.slice(8) <= after.slice(8)),
  );
  const crossed = until !== 'set' || (gap && gap.after.slice(8) < set.parts.db.walStop.slice(8));
  if (!gap || !crossed) return target;
  throw new UserError(
    'NO_BACKUP',
    `WAL is missing after ${gap.after} (${gap.missing} segments up to ${gap.before}), and ${set.id} would have to be followed across that; nothing was changed`,
    `restore the set itself: medianest restore ${set.id}; and make a new full backup`,
  );
}
