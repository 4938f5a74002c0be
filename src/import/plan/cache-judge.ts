import { UserError } from '../../core/errors.ts';
import { bytes, plural } from '../../core/plural.ts';
import type { CacheSurvey, DatabaseKeys } from './cache-keys.ts';
import { keysOf, type Leader } from './cache-nodes.ts';

/** RESTORE takes a value as one argument (proto-max-bulk-len). */
const LARGEST = 512 * 1024 ** 2;
/** Dictionaries that grow, and what the allocator rounds up. */
const BESIDES = 1.1;

/** Which database of the source is written to which here. */
export type Mapping = readonly { from: number; to: number }[];

export interface Judged {
  mapping: Mapping;
  /** What is not taken over. */
  leftOut: string[];
  keys: number;
  bytes: number;
}

const refused = (message: string, hint: string) => new UserError('IMPORT_REFUSED', `${message}; nothing was changed`, hint);

/**
 * What is taken over, and where to.
 * @param highest of the source’s databases, the highest that the cache here has too @param only the database of the source that is asked for
 * @throws UserError IMPORT_REFUSED where it does not fit
 */
export function judgeCache(
  survey: CacheSurvey,
  leaders: readonly Leader[],
  { only, highest, replace }: { only: number | undefined; highest: number; replace: boolean },
): Judged {
  const numbers = Object.keys(survey.databases).map(Number);
  if (only !== undefined && !numbers.includes(only))
    throw refused(`the source has no keys in database ${only}`, `it has some in ${numbers.join(', ') || 'none'}: --database NUMBER`);
  const taken = only === undefined ? numbers : [only];
  const mapping = taken.map((from) => ({ from, to: only === undefined ? from : 0 }));
  const clustered = leaders[0]?.mode === 'cluster';
  const beyond = mapping.find(({ to }) => to > highest);
  if (beyond)
    throw refused(
      clustered
        ? `the source has keys in ${plural(numbers.length, 'database')} (${numbers.join(', ')}), and a cluster has database 0 alone`
        : `the source has keys in database ${beyond.to}, which the cache here does not have`,
      clustered
        ? '--database NUMBER takes one of them, into 0; `cache: { mode: single }` or `sentinel` has several'
        : `\`cache: { databases: ${beyond.to + 1} }\`, or --database NUMBER`,
    );
  const there = keysOf(leaders);
  if (there > 0 && !replace)
    throw refused(`the cache has ${plural(there, 'key')} already`, '--replace removes them first; the import is for a cache without data');
  const { largest } = survey;
  if (largest && largest.bytes > LARGEST)
    throw refused(
      `${largest.key} takes ${bytes(largest.bytes)}, and Redis takes a value of ${bytes(LARGEST)} at most from elsewhere`,
      'split or remove it in the source',
    );
  // By slots the databases are not told apart: with one of several, its share is taken for that of each slot.
  const total = sum(numbers.map((number) => survey.databases[number]?.bytes ?? 0));
  const size = sum(taken.map((number) => survey.databases[number]?.bytes ?? 0));
  const share = total > 0 ? size / total : 0;
  for (const { container, slots, maxBytes, ownBytes } of leaders) {
    const need = slots.reduce((all, [from, to]) => all + sum([...survey.slotBytes.subarray(from, to + 1)]), 0) * share * BESIDES;
    if (maxBytes > 0 && need + ownBytes > maxBytes)
      throw refused(
        `${bytes(need)} would go to ${container}, which has ${bytes(Math.max(0, maxBytes - ownBytes))} for data`,
        `\`cache: { memory: ${Math.ceil(((need + ownBytes) * 4) / 3 / 1024 ** 2 / 32) * 32}m }\` in medianest.yml, then medianest up`,
      );
  }
  return {
    mapping,
    leftOut: [
      ...numbers
        .filter((number) => !taken.includes(number))
        .map((number) => `database ${number}: ${databaseText(survey.databases[number])}`),
      ...survey.libraries.map((name) => `the library ${name} of FUNCTION LOAD: load it again`),
    ],
    keys: sum(taken.map((number) => survey.databases[number]?.keys ?? 0)),
    bytes: size,
  };
}

const sum = (numbers: readonly number[]): number => numbers.reduce((all, number) => all + number, 0);

/** `12 keys (4.1 kB): 10 string, 2 hash; 3 of them end by themselves` */
export const databaseText = (found: DatabaseKeys | undefined): string =>
  found
    ? `${plural(found.keys, 'key')} (${bytes(found.bytes)}): ${Object.entries(found.types)
        .sort(([, a], [, b]) => b - a)
        .map(([type, count]) => `${count} ${type}`)
        .join(', ')}${found.expiring > 0 ? `; ${found.expiring} end by themselves` : ''}`
    : 'no keys';

/** Why the server that was to read an RDB file did not. @param said its last words @param memory bytes that it had */
export function unreadable(said: readonly string[], exitCode: number, memory: number): UserError {
  const text = said.join('\n');
  if (exitCode === 137)
    return refused(
      `the data take more than ${bytes(memory)}, which is all that the cache here has and more`,
      '`cache.memory` in medianest.yml',
    );
  const format = /Can't handle RDB format version (\d+)/.exec(text)?.[1];
  // What is no file of Redis at all was refused before.
  if (format !== undefined || /Wrong signature/.test(text))
    return refused(
      `the source is of a newer Redis, or of Valkey 9 or later: its format${format ? ` ${format}` : ''} is not known to the Redis here`,
      'while Valkey runs, name it instead of its file (container:NAME or redis://): it writes the older format for a replica',
    );
  const type = /module (?:type|data for the module type) '?([\w-]+)/i.exec(text)?.[1];
  if (type !== undefined || /module/i.test(text))
    return refused(
      `the source has data of a module${type ? ` (${type})` : ''}, which the Redis here does not have`,
      'remove them from a copy of the source, and export that',
    );
  const cause = said.find((line) => /short read|EOF|CRC|checksum|error|fatal/i.test(line)) ?? said.at(-1) ?? 'no answer';
  return refused(
    `the source cannot be read to its end: ${cause.replace(/^\d+:\w \d+ \w+ \d+ [\d:.]+ [#*.-] /, '')}`,
    'export or copy it again',
  );
}
