import type { Context } from '../../capability/capability.ts';
import { type ArchiveContents, archiveOf, type WalArchive } from '../plan/archive-contents.ts';
import { type BackupSet, isDump } from '../plan/backup-sets.ts';
import { segmentPosition, type WalGap } from '../plan/pgbackrest.ts';
import type { Aim } from '../plan/restore-choice.ts';
import type { WalAfter } from '../plan/restore-moment.ts';
import { chooseTarget, type RestoreTarget } from '../plan/restore-target.ts';
import { ancestor, type Lineage, leadsTo, newestTimeline, timelineAt } from '../plan/timelines.ts';
import { type BackupContext, readLineage } from '../repository/repository.ts';
import { runningAt } from '../repository/wal-archive.ts';

export interface FoundTarget {
  target: RestoreTarget;
  after: WalAfter;
}

const UNKNOWN: WalAfter = { running: undefined, archived: undefined, leads: undefined };

/**
 * The set to restore, and how far WAL is followed from it: along the timeline that the moment is on.
 * @param contents of the repository @throws UserError as chooseTarget does
 */
export async function findTarget(
  context: Context,
  backups: BackupContext,
  sets: readonly BackupSet[],
  aim: Aim,
  contents: ArchiveContents & { gaps: readonly WalGap[] },
): Promise<FoundTarget> {
  const now = context.clock.now();
  const choose = (lineage?: Lineage) => chooseTarget(sets, aim, now, contents.gaps, lineage);
  // Without timelines and gaps: it tells in which archive to look.
  const first = chooseTarget(sets, aim, now);
  // Nothing follows a dump, and what was written since then is known by the clock alone.
  if (isDump(first.set)) return { target: first, after: { ...UNKNOWN, running: { segment: '', at: now } } };
  const archive = archiveOf(first.set, contents.archives);
  const newest = archive && (await readLineage(backups, archive, newestTimeline(archive, sets)));
  if (!archive || !newest) return { target: choose(), after: UNKNOWN };
  const target = choose(await lineageOf(backups, sets, first, newest, contents.archives));
  return { target, after: await walAfter(context, backups, target, newest, contents.archives) };
}

async function lineageOf(
  backups: BackupContext,
  sets: readonly BackupSet[],
  { until }: RestoreTarget,
  newest: Lineage,
  archives: readonly WalArchive[],
): Promise<Lineage | undefined> {
  if (until === 'set') return undefined;
  // WAL goes on in a later key version, which may know of later timelines.
  if (until === 'end') return archives.some(({ generation }) => generation > newest.archive.generation) ? undefined : newest;
  const timeline = timelineAt(until, sets, newest);
  return ancestor(newest, timeline) ?? (await readLineage(backups, newest.archive, timeline));
}

async function walAfter(
  context: Context,
  backups: BackupContext,
  { set }: RestoreTarget,
  newest: Lineage,
  archives: readonly WalArchive[],
): Promise<WalAfter> {
  const { archive } = newest;
  // In a later key version WAL goes on, and how far is not known here.
  if (archives.some(({ generation }) => generation > archive.generation)) return UNKNOWN;
  const segment = archive.segments.at(-1);
  const archived = segment === undefined ? undefined : { segment, at: archive.newestAt };
  const running = await runningAt(context, backups);
  // A database whose volumes were deleted begins a new archive, and counts its WAL from the beginning.
  const last = archives.every(({ generation, id }) => generation < archive.generation || number(id) <= number(archive.id));
  const same = running !== undefined && last && segment !== undefined && running.segment >= segment;
  // The history of a timeline that has just begun may not have arrived.
  const known = !same || segmentPosition(running.segment).timeline === newest.timeline;
  return { running: same ? running : undefined, archived, leads: known ? leadsTo(set, newest) : undefined };
}

/** `17-2` -> 2. */
const number = (id: string): number => Number(id.split('-').at(-1));
