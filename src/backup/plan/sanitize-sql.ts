import { type CatalogueColumn, type CatalogueTable, type SanitizePlan, SHORTEST_EMAIL } from './sanitize.ts';

/** Where one server writes digests of what was, and the other reads them. */
const ORIGINALS = '/srv/from/originals';

/** What the first script says: values that were changed by the place of their column in the plan, rows by that of their table. */
export interface SanitizeCounts {
  columns: Record<string, number>;
  tables: Record<string, number>;
  largeObjects: number;
}

/** An identifier of PostgreSQL, quoted. */
const identifier = (name: string): string => `"${name.replaceAll('"', '""')}"`;

const tableName = ({ schema, name }: CatalogueTable): string => `${identifier(schema)}.${identifier(name)}`;
/** A table and not those that inherit from it, which have rules of their own; a partitioned one is nothing but its parts. */
const rowsOf = (table: CatalogueTable): string => `${table.kind === 'p' ? '' : 'only '}${tableName(table)}`;

/** A made-up value instead of one. Of the same value it makes the same, so that what belonged together still does. */
function replacement({ name, type, length, category }: CatalogueColumn, rule: SanitizePlan['columns'][number]['rule']): string {
  const own = identifier(name);
  const digits = (count: number) => `left(pg_temp.keyed(${own}::text), ${Math.min(count, length ?? count)})`;
  const unlessNull = (value: string) => `case when ${own} is not null then ${value} end`;
  switch (rule) {
    case 'email':
      return `'user-' || ${digits(length === null ? 16 : Math.min(16, length - SHORTEST_EMAIL + 8))} || '@example.invalid'`;
    case 'name':
      return length !== null && length < 19 ? digits(32) : `'person-' || ${digits(12)}`;
    case 'hash':
      return type === 'uuid' ? `pg_temp.keyed(${own}::text)::uuid` : digits(32);
    case 'ip':
      return unlessNull(type === 'inet' || type === 'cidr' ? `'192.0.2.1'::${type}` : "'192.0.2.1'");
    case 'text':
      return `regexp_replace(${own}::text collate "C", '\\S', 'x', 'g')`;
    case 'empty':
      return category === 'A' || type === 'json' || type === 'jsonb' ? "'{}'" : "''";
    case 'remove':
      return 'null';
  }
}

/** Bytes of one column’s value. A key that is not kept stands before it, so that a list of likely values tells nothing. */
const functions = (key: string): string[] => [
  `create function pg_temp.digest(text) returns bytea language sql immutable strict as $$ select sha256('\\x${key}'::bytea || convert_to($1, 'UTF8')) $$;`,
  "create function pg_temp.keyed(text) returns text language sql immutable strict as $$ select left(encode(pg_temp.digest($1), 'hex'), 32) $$;",
];

const HEAD = ['set search_path = pg_catalog;', 'set standard_conforming_strings = on;'];

/** What fires always would write what is replaced elsewhere, so it waits until the end, and is as before then. */
const STOP_FIRING = `create temp table firing as
  select tgrelid::regclass::text as place, 'trigger' as kind, tgname as name, tgenabled as how from pg_trigger
   where not tgisinternal and tgparentid = 0 and tgenabled in ('A', 'R')
  union all select ev_class::regclass::text, 'rule', rulename, ev_enabled from pg_rewrite where ev_enabled in ('A', 'R');
do $$ declare found record; begin for found in select * from pg_temp.firing loop
  execute format('alter table %s disable %s %I', found.place, found.kind, found.name);
end loop; end $$;`;
const FIRE_AGAIN = `do $$ declare found record; begin for found in select * from pg_temp.firing loop
  execute format('alter table %s enable %s %s %I', found.place, case found.how when 'A' then 'always' else 'replica' end, found.kind, found.name);
end loop; end $$;`;

/** Foreign servers are not reached from a preview, and their passwords are not for it. */
const FORGET_MAPPINGS = `do $$ declare found record; begin
  for found in select srvname, case umuser when 0 then 'public' else quote_ident(usename) end as whose from pg_user_mappings loop
    execute format('drop user mapping for %s server %I', found.whose, found.srvname);
  end loop; end $$;`;

const valuesOf = (column: CatalogueColumn): string => `${identifier(column.name)}::text collate "C"`;

/** Digests of the values that a column may not contain any more; values that its rule leaves unchanged are skipped. */
const remember = ({ table, column, rule }: SanitizePlan['columns'][number], place: number): string =>
  `insert into pg_temp.originals select ${place}, pg_temp.digest(${valuesOf(column)}), count(*) from ${rowsOf(table)}
  where ${identifier(column.name)} is not null and (${valuesOf(column)}) is distinct from ((${replacement(column, rule)})::text collate "C") group by 2;`;

function updates({ columns }: SanitizePlan): string[] {
  return [...new Set(columns.map(({ table }) => table))].map((table) => {
    const own = columns.filter((each) => each.table === table);
    const assignments = own.map(({ column, rule }) => `${identifier(column.name)} = ${replacement(column, rule)}`);
    return `update ${rowsOf(table)} set ${assignments.join(', ')};`;
  });
}

/**
 * One transaction that changes all of it, notes digests of what was, and says how much that is. Constraints that span tables, and
 * triggers, take no part: the copy is checked instead. @param key hexadecimal, of this run alone
 */
export function sanitizeSql(plan: SanitizePlan, key: string): string {
  const { columns, truncated } = plan;
  return [
    ...HEAD,
    'begin;',
    'set local session_replication_role = replica;',
    ...functions(key),
    'create temp table originals (place int, digest bytea, times bigint);',
    'create temp table emptied (place int, times bigint);',
    STOP_FIRING,
    FORGET_MAPPINGS,
    ...truncated.map((table, place) => `insert into pg_temp.emptied select ${place}, count(*) from ${rowsOf(table)};`),
    ...(truncated.length > 0 ? [`truncate ${truncated.map(rowsOf).join(', ')};`] : []),
    ...columns.map(remember),
    ...updates(plan),
    FIRE_AGAIN,
    `copy (select place, digest from pg_temp.originals) to '${ORIGINALS}';`,
    `select jsonb_build_object(
  'columns', (select coalesce(jsonb_object_agg(place, times), '{}') from (select place, sum(times) as times from pg_temp.originals group by 1) each),
  'tables', (select coalesce(jsonb_object_agg(place, times), '{}') from pg_temp.emptied),
  'largeObjects', (select count(*) from pg_largeobject_metadata));`,
    'commit;',
    '',
  ].join('\n');
}

/** Searches the copy for the old values: returns the columns that still contain one. */
export function proveSql({ columns }: SanitizePlan, key: string): string {
  const found = columns.map(
    ({ table, column }, place) => `select ${place} as place where exists (select from ${rowsOf(table)} as own
  join pg_temp.originals on place = ${place} and digest = pg_temp.digest(own.${valuesOf(column)}))`,
  );
  return [
    ...HEAD,
    ...functions(key),
    'create temp table originals (place int, digest bytea);',
    `copy pg_temp.originals from '${ORIGINALS}';`,
    `select coalesce(jsonb_agg(place order by place), '[]') from (${['select 0 as place where false', ...found].join(' union all ')}) found;`,
    '',
  ].join('\n');
}
