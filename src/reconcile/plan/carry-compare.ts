/**
 * Every table's rows, counted and hashed in no order, the sequences and the large objects: the same text for the same data.
 * Settings that change how a value is written are fixed. A large object may have pages that were never written: they read as zeros.
 */
export const FINGERPRINT = `SET timezone = 'UTC'; SET datestyle = 'ISO, YMD'; SET intervalstyle = 'postgres'; SET extra_float_digits = 1; SET bytea_output = 'hex'; SET search_path = '';
SELECT format('SELECT %L, count(*), coalesce(sum(hashtextextended(carried_row::text, 0)::numeric), 0) FROM ONLY %I.%I AS carried_row',
  'table ' || quote_ident(n.nspname) || '.' || quote_ident(c.relname), n.nspname, c.relname)
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'r' AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
  AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
ORDER BY n.nspname COLLATE "C", c.relname COLLATE "C" \\gexec
SELECT 'sequence ' || quote_ident(schemaname) || '.' || quote_ident(sequencename), last_value FROM pg_sequences ORDER BY schemaname COLLATE "C", sequencename COLLATE "C";
SELECT 'large objects', count(*) FROM pg_largeobject_metadata;
SELECT 'large pages', coalesce(sum(hashtextextended(loid::text || ' ' || pageno || ' ' || encode(rtrim(data, '\\x00'), 'hex'), 0)::numeric), 0)
FROM pg_largeobject WHERE rtrim(data, '\\x00') <> '';
`;

/** The tables in a fingerprint, with the number of their rows. */
export const tablesIn = (fingerprint: string): { name: string; rows: number }[] =>
  fingerprint.split('\n').flatMap((line) => {
    const [, name, rows] = /^table (.*)\|(\d+)\|-?\d+$/.exec(line) ?? [];
    return name === undefined ? [] : [{ name, rows: Number(rows) }];
  });

/** Whether a database has nothing of its own yet. */
export const isEmpty = (fingerprint: string): boolean =>
  tablesIn(fingerprint).length === 0 && !/^sequence /m.test(fingerprint) && /^large objects\|0$/m.test(fingerprint);

/** What of the one fingerprint the other does not have. */
export function differing(before: string, after: string): string[] {
  const now = new Set(after.split('\n'));
  return before.split('\n').filter((line) => !now.has(line));
}

/**
 * Disk space for a carried database: the copy that is dumped; in every member, the data and the WAL of writing it, which none can drop
 * before the others have it. @param size of the old volume @param wal what of it is WAL
 */
export const roomForDatabase = (size: number, wal: number, members: number): number => size + 2 * members * (size - wal);
