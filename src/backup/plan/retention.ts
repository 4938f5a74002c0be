import { archivedSets, type BackupSet, byAge, dumpSets, isGood, neededBy } from './backup-sets.ts';

/** How many of each kind stay. */
export interface KeepPolicy {
  last: number;
  hourly: number;
  daily: number;
  weekly: number;
  monthly: number;
  yearly: number;
}

export interface Decision {
  id: string;
  keep: boolean;
  /** Why it stays; where it goes, that nothing asks for it. */
  reasons: string[];
}

/** The period that a time is in, in UTC: two of the same hour, day and so on have the same text. */
const PERIODS: Record<Exclude<keyof KeepPolicy, 'last'>, (time: Date) => string> = {
  hourly: (time) => time.toISOString().slice(0, 13),
  daily: (time) => time.toISOString().slice(0, 10),
  weekly: (time) => isoWeek(time),
  monthly: (time) => time.toISOString().slice(0, 7),
  yearly: (time) => time.toISOString().slice(0, 4),
};

/** How long an imported set is kept at least: it was imported to be restored. */
const IMPORTED_DAYS = 7;

/**
 * Which sets are kept and why. The order of the answer is that of the question.
 * @param undo what the last restore that succeeded is undone with: a later one that failed has left a newer safety set
 */
export function retention(sets: readonly BackupSet[], policy: KeepPolicy, undo?: string | null): Decision[] {
  const reasons = new Map<string, string[]>(sets.map(({ id }) => [id, []]));
  const keep = (id: string, why: string) => reasons.get(id)?.push(why);
  const newestFirst = [...sets].sort(byAge).reverse();
  // A damaged set counts for nothing: it would push a good one out.
  const good = newestFirst.filter(isGood);
  if (good.length === 0) for (const { id } of sets) keep(id, 'no set is good: nothing is removed until one is');
  for (const [index, { id }] of good.slice(0, policy.last).entries()) keep(id, `one of the last ${policy.last} (${index + 1})`);
  for (const [kind, periodOf] of Object.entries(PERIODS) as [keyof typeof PERIODS, (time: Date) => string][]) {
    const seen = new Set<string>();
    for (const { id, startedAt } of good) {
      const period = periodOf(new Date(startedAt));
      if (seen.size >= policy[kind]) break;
      if (!seen.has(period)) keep(id, `${kind} ${period}`);
      seen.add(period);
    }
  }
  // Of those that were verified by one command, at the same time, the newest.
  const latest = (of: 'verifiedAt' | 'drilledAt') =>
    good.reduce<BackupSet | undefined>((best, set) => ((set[of] ?? '') > (best?.[of] ?? '') ? set : best), undefined);
  const verified = latest('verifiedAt');
  const drilled = latest('drilledAt');
  if (verified) keep(verified.id, 'the last that was verified');
  if (drilled) keep(drilled.id, 'the last that was restored in a drill');
  const lately = new Date(new Date(newestFirst[0]?.startedAt ?? 0).getTime() - IMPORTED_DAYS * 86_400_000).toISOString();
  for (const { id, importedAt } of good)
    if (importedAt && importedAt >= lately) keep(id, `it was imported ${importedAt.slice(0, 10)}, and stays for ${IMPORTED_DAYS} days`);
  const safety = newestFirst.find(({ reason }) => reason === 'safety');
  for (const id of new Set([undo, safety?.id])) if (id) keep(id, 'what `restore --undo` goes back to');
  for (const set of newestFirst)
    if (reasons.get(set.id)?.length) for (const id of neededBy(set, sets)) keep(id, `${set.id} is made from it`);
  return sets.map(({ id }) => {
    const own = reasons.get(id) ?? [];
    return { id, keep: own.length > 0, reasons: own.length > 0 ? own : ['no rule keeps it'] };
  });
}

/**
 * Dumps and what pgBackRest made each by the same rules, so that neither takes the place of the other.
 * @param dumps whether the stack keeps dumps: there is no pgBackRest then that could remove its own
 */
export function retentionHere(sets: readonly BackupSet[], policy: KeepPolicy, dumps: boolean, undo?: string | null): Decision[] {
  const others = archivedSets(sets);
  const archived = dumps
    ? others.map(({ id }) => ({ id, keep: true, reasons: ['it is of a cluster: `backup prune` of staging or prod decides'] }))
    : retention(others, policy, undo);
  const decided = new Map([...archived, ...retention(dumpSets(sets), policy, undo)].map((decision) => [decision.id, decision]));
  return sets.flatMap(({ id }) => decided.get(id) ?? []);
}

/** `2026-W48` (ISO 8601: the week of the year that its Thursday is in). */
function isoWeek(time: Date): string {
  const thursday = new Date(Date.UTC(time.getUTCFullYear(), time.getUTCMonth(), time.getUTCDate()));
  thursday.setUTCDate(thursday.getUTCDate() + 4 - (thursday.getUTCDay() || 7));
  const first = Date.UTC(thursday.getUTCFullYear(), 0, 1);
  const week = Math.ceil(((thursday.getTime() - first) / 86_400_000 + 1) / 7);
  return `${thursday.getUTCFullYear()}-W${String(week).padStart(2, '0')}`;
}
