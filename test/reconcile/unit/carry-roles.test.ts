import { describe, expect, it } from 'vitest';
import { differing, isEmpty, tablesIn } from '../../../src/reconcile/plan/carry-compare.ts';
import { databaseProperties, lackingRoles } from '../../../src/reconcile/plan/carry-roles.ts';

const ROLES = `--
-- Roles
--

CREATE ROLE medianest;
ALTER ROLE medianest WITH NOSUPERUSER INHERIT LOGIN PASSWORD 'SCRAM-SHA-256$4096:a$b:c';
CREATE ROLE "Odd ""one""";
ALTER ROLE "Odd ""one""" WITH NOSUPERUSER INHERIT NOLOGIN;
CREATE ROLE postgres;
ALTER ROLE postgres WITH SUPERUSER;
CREATE ROLE reporting;
ALTER ROLE reporting WITH NOSUPERUSER LOGIN PASSWORD 'SCRAM-SHA-256$4096:d$e:f';
ALTER ROLE reporting SET search_path TO 'public';
ALTER ROLE medianest SET work_mem TO '8MB';

GRANT "Odd ""one""" TO reporting WITH INHERIT TRUE GRANTED BY postgres;
GRANT pg_monitor TO medianest WITH INHERIT TRUE GRANTED BY postgres;
GRANT reporting TO medianest WITH INHERIT TRUE GRANTED BY postgres;
GRANT pg_read_all_data TO reporting WITH INHERIT TRUE GRANTED BY postgres;
`;

describe('roles of a carried database', () => {
  it('come along where the cluster lacks them, with their settings and memberships; those of the stack keep what they have', () => {
    const { names, sql } = lackingRoles(ROLES, ['postgres', 'medianest', 'medianest_a', 'medianest_b', 'replicator', 'rewinder']);
    expect(names).toEqual(['Odd "one"', 'reporting']);
    expect(sql).toEqual([
      'CREATE ROLE "Odd ""one""";',
      'ALTER ROLE "Odd ""one""" WITH NOSUPERUSER INHERIT NOLOGIN;',
      'CREATE ROLE reporting;',
      "ALTER ROLE reporting WITH NOSUPERUSER LOGIN PASSWORD 'SCRAM-SHA-256$4096:d$e:f';",
      "ALTER ROLE reporting SET search_path TO 'public';",
      'GRANT "Odd ""one""" TO reporting WITH INHERIT TRUE GRANTED BY postgres;',
      'GRANT reporting TO medianest WITH INHERIT TRUE GRANTED BY postgres;',
      'GRANT pg_read_all_data TO reporting WITH INHERIT TRUE GRANTED BY postgres;',
    ]);
  });
  it('are none on a further run', () => {
    expect(lackingRoles(ROLES, ['postgres', 'medianest', 'reporting', 'Odd "one"'])).toEqual({ names: [], sql: [] });
  });
  it('stand beside settings and rights of the database itself, which are taken out of a dump of it', () => {
    const dump = `CREATE DATABASE medianest WITH TEMPLATE = template0 ENCODING = 'UTF8';
ALTER DATABASE medianest OWNER TO medianest;
\\connect medianest
ALTER DATABASE medianest SET "TimeZone" TO 'Europe/Berlin';
ALTER ROLE reporting IN DATABASE medianest SET search_path TO '"$user"', 'public';
CREATE EXTENSION IF NOT EXISTS pg_trgm WITH SCHEMA public;
REVOKE CONNECT,TEMPORARY ON DATABASE medianest FROM PUBLIC;
GRANT CONNECT ON DATABASE medianest TO reporting;`;
    expect(databaseProperties(dump)).toEqual([
      `ALTER DATABASE medianest SET "TimeZone" TO 'Europe/Berlin';`,
      `ALTER ROLE reporting IN DATABASE medianest SET search_path TO '"$user"', 'public';`,
      'REVOKE CONNECT,TEMPORARY ON DATABASE medianest FROM PUBLIC;',
      'GRANT CONNECT ON DATABASE medianest TO reporting;',
    ]);
  });
});

describe('the comparison of two databases', () => {
  const nothing = 'large objects|0\nlarge pages|0\n';
  const some = `table public."a|b"|3|-77\ntable public.c|0|0\nsequence public.s|\n${nothing}`;

  it('finds tables and rows', () => {
    expect(tablesIn(some)).toEqual([
      { name: 'public."a|b"', rows: 3 },
      { name: 'public.c', rows: 0 },
    ]);
  });
  it('takes a database for empty only if it has no tables, sequences or large objects', () => {
    expect([nothing, some, `sequence public.s|1\n${nothing}`, 'large objects|1\nlarge pages|9\n', ''].map(isEmpty)).toEqual([
      true,
      false,
      false,
      false,
      false,
    ]);
  });
  it('names what is another one', () => {
    expect(differing(some, some)).toEqual([]);
    expect(differing(some, some.replace('|3|', '|4|'))).toEqual(['table public."a|b"|3|-77']);
  });
});
