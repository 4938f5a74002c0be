import { SLOTS } from './cache-keys.ts';

/** A server of the cache that takes writes. */
export interface Leader {
  container: string;
  mode: 'single' | 'sentinel' | 'cluster';
  /** Hash slots that it has, from and to; all of them where it is no cluster. */
  slots: [number, number][];
  /** Bytes of data that it takes; 0: no limit. */
  maxBytes: number;
  /** Bytes that it takes without any data. */
  ownBytes: number;
  /** Keys by database. */
  keys: Record<string, number>;
}

/** @param text of INFO */
export const infoFields = (text: string): Record<string, string> =>
  Object.fromEntries(
    text.split(/\r?\n/).flatMap((line) => {
      const at = line.indexOf(':');
      return at < 1 || line.startsWith('#') ? [] : [[line.slice(0, at), line.slice(at + 1)]];
    }),
  );

/** Keys by database. @param fields of INFO keyspace */
const keyspace = (fields: Readonly<Record<string, string>>): Record<string, number> =>
  Object.fromEntries(
    Object.entries(fields).flatMap(([name, value]) => {
      const database = /^db(\d+)$/.exec(name)?.[1];
      return database === undefined ? [] : [[database, Number(/keys=(\d+)/.exec(value)?.[1] ?? 0)]];
    }),
  );

/** Slots that the node which was asked owns. @param nodes of CLUSTER NODES */
function ownSlots(nodes: string): [number, number][] {
  const own = nodes.split(/\r?\n/).find((line) => /\bmyself,master\b/.test(line)) ?? '';
  return own
    .split(' ')
    .slice(8)
    .flatMap((range): [number, number][] => {
      const [, from, to] = /^(\d+)(?:-(\d+))?$/.exec(range) ?? [];
      return from === undefined ? [] : [[Number(from), Number(to ?? from)]];
    });
}

/** What a node says of itself; undefined where it takes no writes, or owns no slot. @param said INFO, and CLUSTER NODES of a cluster */
export function leaderOf(container: string, said: string): Leader | undefined {
  const fields = infoFields(said);
  if (fields.role !== 'master') return undefined;
  const clustered = fields.cluster_enabled === '1';
  const slots: [number, number][] = clustered ? ownSlots(said) : [[0, SLOTS - 1]];
  if (slots.length === 0) return undefined;
  return {
    container,
    mode: clustered ? 'cluster' : fields.medianest_mode === 'replicated' ? 'sentinel' : 'single',
    slots,
    maxBytes: Number(fields.maxmemory ?? 0),
    ownBytes: Number(fields.used_memory_startup ?? 0),
    keys: keyspace(fields),
  };
}

/** Every slot has one leader, and there is one leader where it is no cluster. */
export function isWhole(leaders: readonly Leader[]): boolean {
  const owned = leaders.flatMap(({ slots }) => slots).reduce((sum, [from, to]) => sum + to - from + 1, 0);
  return owned === SLOTS;
}

export const owns = ({ slots }: Leader, slot: number): boolean => slots.some(([from, to]) => from <= slot && slot <= to);

export const keysOf = (leaders: readonly Leader[]): number =>
  leaders.flatMap(({ keys }) => Object.values(keys)).reduce((sum, count) => sum + count, 0);
