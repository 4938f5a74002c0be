import { durationText, utcText } from '../../core/time.ts';
import { type BackupSet, isDump } from './backup-sets.ts';
import { segmentPosition } from './pgbackrest.ts';
import type { Part } from './restore-part.ts';
import type { RestoreTarget } from './restore-target.ts';

/** Where the database has got to. */
export interface Reached {
  /** The segment of WAL that is written, or that arrived in the archive last. */
  segment: string;
  /** Now, by the database’s clock; or when the segment arrived, undefined if that cannot be told. */
  at: Date | undefined;
}

/** What is known of the WAL after a set. */
export interface WalAfter {
  /** Of the database that runs; undefined if none runs, or one that is not known to be the set’s. */
  running: Reached | undefined;
  /** Of the archive that the set is in. */
  archived: Reached | undefined;
  /** Whether WAL after the set leads there; undefined if that cannot be told. */
  leads: boolean | undefined;
}

/** The moment that a restore recovers to, and what it leaves out. */
export interface Recovery {
  /** ISO 8601; null where it is the end of what is archived, and that has no time. */
  to: string | null;
  /** What was written since then and is left out; null where it cannot be told, or is nothing. */
  leftOutSeconds: number | null;
  leftOutSegments: number | null;
  /** The same, for a person. */
  text: string;
}

const NAMES = { db: 'the database', files: 'the uploads', redis: 'the cache', settings: 'medianest.yml and its profiles' } as const;

/** `a, b and c`. */
const listText = (names: readonly string[]): string => names.join(', ').replace(/, ([^,]*)$/, ' and $1');

const endOf = ({ parts }: BackupSet): string => utcText(parts.db.consistentAt);

/** What a plan says of it, whichever parts are restored. */
export function recoveryOf(target: RestoreTarget, parts: readonly Part[], after: WalAfter): Recovery {
  const others = parts.filter((part) => part !== 'db').map((part) => NAMES[part]);
  const { set } = target;
  const ofSet = `${listText(others)} ${others.join() === NAMES.redis ? 'is that' : 'are those'} of set ${set.id} (${endOf(set)})`;
  if (!parts.includes('db')) return { to: set.parts.db.consistentAt, leftOutSeconds: null, leftOutSegments: null, text: ofSet };
  const database = ofDatabase(target, after);
  return target.until === 'set' || others.length === 0 ? database : { ...database, text: `${database.text}; ${ofSet}` };
}

function ofDatabase({ set, until }: RestoreTarget, { running, archived, leads }: WalAfter): Recovery {
  const now = running ?? archived;
  const secondsSince = (time: Date) => (now?.at ? Math.max(0, Math.round((now.at.getTime() - time.getTime()) / 1000)) : null);
  const recovers = (to: string, how: string) => `recovers the database to ${to} (${how})`;
  if (until === 'end') {
    const arrived = archived ? `segment ${archived.segment}${archived.at ? `, archived ${utcText(archived.at)}` : ''}` : undefined;
    const text = running?.at
      ? `${recovers('the newest moment that can be reached', `now, ${utcText(running.at)}: the last WAL is archived first`)}; nothing is left out`
      : `${recovers('the end of the WAL in the repository', arrived ?? 'when that is cannot be told')}; what never arrived there is left out`;
    return { to: now?.at?.toISOString() ?? null, leftOutSeconds: null, leftOutSegments: null, text };
  }
  if (until instanceof Date) {
    const seconds = secondsSince(until);
    const leftOut = seconds === null ? 'what was written since then is left out' : `the last ${durationText(seconds)} are left out`;
    const text = `${recovers(utcText(until), `set ${set.id}, and the WAL after it`)}; ${leftOut}`;
    return { to: until.toISOString(), leftOutSeconds: seconds, leftOutSegments: null, text };
  }
  const end = new Date(set.parts.db.consistentAt);
  const seconds = secondsSince(end);
  const segments =
    now && leads && !isDump(set) ? Math.max(0, segmentPosition(now.segment).number - segmentPosition(set.parts.db.walStop).number) : null;
  const text = `${recovers(utcText(end), `end of set ${set.id}`)}; ${leftOutText(seconds, segments, leads, running !== undefined)}`;
  return { to: end.toISOString(), leftOutSeconds: seconds, leftOutSegments: segments, text };
}

function leftOutText(seconds: number | null, segments: number | null, leads: boolean | undefined, runs: boolean): string {
  const time = seconds === null ? '' : durationText(seconds);
  if (segments !== null && segments > 0) {
    const wal = `${segments} WAL segment${segments === 1 ? '' : 's'}`;
    return `${time ? `${time} and ` : ''}${wal} written since then ${time || segments > 1 ? 'are' : 'is'} left out`;
  }
  if (segments === 0) return `no WAL was ${runs ? 'written' : 'archived'} since then`;
  const why = leads === false ? ': the database was restored to another moment since' : '';
  return `${time ? `what was written in the ${time} since then` : 'what was written since then'} is left out; how much that is cannot be told${why}`;
}
