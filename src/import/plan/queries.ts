/** What is asked of servers: ours, and those that a database comes from (PostgreSQL 13 and later). Each answers with one line of JSON. */

/** How the servers of both sides know an import, so that what a killed one has left can be ended. */
export const APPLICATION = 'medianest-import';

/** As PostgreSQL's programs take a name that may have any character in it. */
export const conninfo = (name: string): string => `dbname='${name.replaceAll(/[\\']/g, '\\$&')}'`;

export const identifier = (name: string): string => `"${name.replaceAll('"', '""')}"`;
export const literal = (text: string): string => `'${text.replaceAll("'", "''")}'`;

const endBy = (call: string): string =>
  `select ${call} from pg_stat_activity where application_name = '${APPLICATION}' and pid <> pg_backend_pid()`;
export const END_SQL = endBy('pg_terminate_backend(pid)');
/** Of our server: returns once they have ended (PostgreSQL 14 and later). */
export const END_HERE_SQL = endBy('pg_terminate_backend(pid, 5000)');

/** Of the source. What is left out: what speaks to other servers, and what only a superuser makes. */
export const SOURCE_SQL = `select json_build_object(
  'version', current_setting('server_version'),
  'encoding', pg_encoding_to_char(encoding),
  'bytes', pg_database_size(oid),
  'extensions', (select coalesce(json_agg(extname order by extname), '[]') from pg_extension),
  'leftOut', (select coalesce(json_agg(what), '[]') from (
     select 'publication ' || pubname as what from pg_publication
     union all select 'event trigger ' || evtname from pg_event_trigger
     union all select 'subscription ' || subname from pg_subscription where subdbid = (select oid from pg_database where datname = current_database())) as left_out))
  from pg_database where datname = current_database()`;

/** The databases of a server, without those that PostgreSQL makes. */
export const DATABASES_SQL = `select coalesce(json_agg(datname order by datname), '[]') from pg_database
  where datallowconn and not datistemplate and datname <> 'postgres'`;

export const SIZES_SQL = `select coalesce(json_object_agg(datname, pg_database_size(oid)), '{}') from pg_database where not datistemplate`;

/** Of our server. */
export const HERE_SQL = `select json_build_object('major', current_setting('server_version_num')::int / 10000,
  'extensions', (select json_object_agg(name, trusted) from (
     select name, bool_or(trusted) as trusted from pg_available_extension_versions group by name) as available))`;

const PART = (column: string): string =>
  `case when ${column} ~ '[."]' then '"' || replace(${column}, '"', '""') || '"' else ${column}::text end`;
const QUALIFIED = `${PART('n.nspname')} || '.' || ${PART('c.relname')}`;
const OWN = `n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
  and not exists (select from pg_depend d where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e')`;

/** Rows of each table, and where its sequences are. A partitioned table is counted with its partitions, which have lines of their own. */
export const COUNTS_SQL = `select json_build_object(
  'tables', (select coalesce(json_object_agg(${QUALIFIED}, (xpath('/row/c/text()', query_to_xml(
      format('select count(*) as c from %s %I.%I', case c.relkind when 'r' then 'only' else '' end, n.nspname, c.relname), false, true, '')))[1]::text::bigint), '{}')
    from pg_class c join pg_namespace n on n.oid = c.relnamespace where c.relkind in ('r', 'p') and c.relpersistence <> 't' and ${OWN}),
  'sequences', (select coalesce(json_object_agg(${QUALIFIED}, json_build_object(
      'value', (xpath('/row/v/text()', s))[1]::text, 'called', (xpath('/row/called/text()', s))[1]::text = 'true')), '{}')
    from pg_class c join pg_namespace n on n.oid = c.relnamespace,
      query_to_xml(format('select last_value as v, is_called as called from %I.%I', n.nspname, c.relname), false, true, '') as s
    where c.relkind = 'S' and ${OWN}))`;
