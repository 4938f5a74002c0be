/** What one database of a source has. */
export interface DatabaseKeys {
  keys: number;
  /** Keys by type, as TYPE says it. */
  types: Record<string, number>;
  /** Keys that end by themselves. */
  expiring: number;
  /** Bytes in the memory of a server. */
  bytes: number;
}

export interface CacheSurvey {
  /** By number. */
  databases: Record<string, DatabaseKeys>;
  /** Bytes by hash slot, as a cluster would spread them. */
  slotBytes: Float64Array;
  largest: { key: string; bytes: number } | undefined;
  /** Libraries of FUNCTION LOAD. */
  libraries: string[];
}

export const SLOTS = 16_384;

export const emptySurvey = (): CacheSurvey => ({ databases: {}, slotBytes: new Float64Array(SLOTS), largest: undefined, libraries: [] });

/** What a server said of one key: its type, its number of elements, and when it ends (milliseconds since 1970; -1: never). */
export interface KeyFacts {
  type: string;
  elements: number;
  expires: number;
}

/** @param text of a script of cache-scripts.ts; `none -1 -2` where the key is not there @returns undefined where it is no such answer */
export function keyFacts(text: string): (KeyFacts & { bytes: number }) | undefined {
  const [, type, elements, expires, bytes] = /^(\S+) (-?\d+) (-?\d+)(?: (\d+))?$/.exec(text) ?? [];
  return type === undefined ? undefined : { type, elements: Number(elements), expires: Number(expires), bytes: Number(bytes ?? 0) };
}

export function countKey(survey: CacheSurvey, database: number, key: Buffer, facts: KeyFacts & { bytes: number }): void {
  survey.databases[database] ??= { keys: 0, types: {}, expiring: 0, bytes: 0 };
  const all = survey.databases[database];
  all.keys += 1;
  all.types[facts.type] = (all.types[facts.type] ?? 0) + 1;
  if (facts.expires >= 0) all.expiring += 1;
  all.bytes += facts.bytes;
  const slot = hashSlot(key);
  survey.slotBytes[slot] = (survey.slotBytes[slot] ?? 0) + facts.bytes;
  if (facts.bytes > (survey.largest?.bytes ?? 0)) survey.largest = { key: shownKey(key), bytes: facts.bytes };
}

/** A key for people, at most 60 characters of it, without what a terminal would obey. */
export const shownKey = (key: Buffer): string =>
  JSON.stringify(key.subarray(0, 60).toString('utf8')).slice(1, -1) + (key.length > 60 ? '...' : '');

/** Both sides say the same of a key; one that has ended meanwhile counts as the same. @param now milliseconds since 1970 */
export function sameKey(source: KeyFacts, here: KeyFacts, now: number): boolean {
  if (source.type === here.type && source.elements === here.elements && source.expires === here.expires) return true;
  return (
    (here.type === 'none' || source.type === 'none') &&
    Math.max(source.expires, here.expires) >= 0 &&
    Math.max(source.expires, here.expires) <= now
  );
}

/** Where a cluster keeps a key: CRC16 (XMODEM) of it, or of what is in its first braces (redis.io, "Cluster specification"). */
export function hashSlot(key: Buffer): number {
  const open = key.indexOf('{');
  const close = open < 0 ? -1 : key.indexOf('}', open + 1);
  const hashed = close > open + 1 ? key.subarray(open + 1, close) : key;
  let crc = 0;
  for (const byte of hashed) {
    crc ^= byte << 8;
    for (let bit = 0; bit < 8; bit += 1) crc = crc & 0x8000 ? ((crc << 1) ^ 0x1021) & 0xffff : (crc << 1) & 0xffff;
  }
  return crc % SLOTS;
}
