import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { type DumpFacts, DumpFilter } from '../../../src/import/plan/dump-filter.ts';
import { HOME } from '../../support/cli.ts';

const fixture = (name: string): Buffer => readFileSync(path.join(HOME, 'test', 'import', 'fixtures', name));

/** The dump in pieces of one size: where a piece ends must change nothing. */
function filtered(dump: Buffer | string, size = 65_536, encoding?: string): { facts: DumpFacts; sql: string } {
  const bytes = Buffer.from(dump as Buffer);
  const filter = new DumpFilter(encoding);
  const out: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += size) out.push(...filter.feed(bytes.subarray(at, at + size)));
  out.push(...filter.end());
  return { facts: filter.facts, sql: Buffer.concat(out).toString('latin1') };
}

const of = (sql: string) => filtered(`--\n-- PostgreSQL database dump\n--\n${sql}\n-- PostgreSQL database dump complete\n`);

describe('a dump that PostgreSQL 15 has made', () => {
  const { facts, sql } = filtered(fixture('shop-15.sql'));

  test('is counted by its COPY lines and its sequences', () => {
    expect(facts.tables).toEqual({
      'extra.log_2024': expect.any(Number),
      'extra.log_2025': expect.any(Number),
      'public."Odd ""Table"".x"': 3,
      'public.customers': 50,
    });
    expect((facts.tables['extra.log_2024'] ?? 0) + (facts.tables['extra.log_2025'] ?? 0)).toBe(60);
    expect(facts.sequences).toEqual({
      'public."Odd ""Table"".x_id_seq"': { value: '3', called: true },
      'public.customers_id_seq': { value: '50', called: true },
    });
    expect(facts).toMatchObject({ version: '15.18', encoding: 'UTF8', complete: true, databases: 0, refused: [] });
    expect(facts.extensions).toEqual(['citext', 'pg_stat_statements', 'pgcrypto']);
  });

  test('loses owners, rights, publications and event triggers, and nothing else', () => {
    expect(facts.leftOut).toEqual(['publication p', 'event trigger et']);
    const statements = sql.replaceAll(/^--.*$/gm, '');
    expect(statements).not.toMatch(
      /OWNER TO|^GRANT (?!all to x)|^REVOKE|DEFAULT PRIVILEGES|PUBLICATION|^CREATE EVENT TRIGGER|\\restrict|COMMENT ON EXTENSION/m,
    );
    // What only looks like it, in a comment, a function and a string.
    expect(sql).toContain('GRANT nothing TO nobody;');
    expect(statements).toContain('GRANT all to x;');
    expect(statements).toContain('\n\\if\n');
    expect(statements).toContain('CREATE POLICY own ON public.customers');
  });

  test.each([1, 2, 3, 7, 100, 4096])('is the same in pieces of %i bytes', (size) => {
    expect(filtered(fixture('shop-15.sql'), size)).toEqual({ facts, sql });
  });

  test('whose end is missing is not complete, wherever it was cut', () => {
    const whole = fixture('shop-15.sql');
    for (let at = 500; at < whole.length - 60; at += 997) expect(filtered(whole.subarray(0, at)).facts.complete, String(at)).toBe(false);
  });
});

describe('names and text of another encoding', () => {
  test('are told as they are, and handed on as bytes', () => {
    const { facts, sql } = filtered(fixture('latin-15.sql'));
    expect(facts).toMatchObject({ encoding: 'LATIN1', tables: { 'public.Straße': 1, 'public.names': 3 } });
    expect(sql).toContain('M\u00fcller');
    expect(sql).toContain("SET client_encoding = 'LATIN1'");
  });

  test('that nothing knows are the server’s to refuse', () => {
    const dump = Buffer.from("SET client_encoding = 'WIN9';\nCOPY public.\xfc (a) FROM stdin;\n\\.\n", 'latin1');
    expect(filtered(dump).facts).toMatchObject({ encoding: 'WIN9', tables: { 'public.ü': 0 } });
  });

  test('that the dump does not know are what the operator says', () => {
    const { facts, sql } = filtered(fixture('ascii-15.sql'), 10, 'WIN1252');
    expect(facts.encoding).toBe('WIN1252');
    expect(sql).toContain("SET client_encoding = 'WIN1252';");
    expect(sql).not.toContain('SQL_ASCII');
  });
});

describe('statements', () => {
  test.each([
    ["COPY t (a) FROM '/etc/passwd';", 'COPY from a file or a program'],
    ["COPY t FROM PROGRAM 'id';", 'COPY from a file or a program'],
    ["CREATE FUNCTION f() RETURNS int LANGUAGE c AS 'x', 'y';", 'a function in the language c'],
    ['\\! touch /tmp/x', 'the psql command \\!'],
    ["SELECT 1 \\g |'sh'", 'the psql command \\g'],
    ['\\copy t from /etc/passwd', 'the psql command \\copy'],
    ['\\unrestrict other', 'the psql command \\unrestrict'],
  ])('%s is refused', (sql, why) => {
    expect(of(sql).facts.refused).toEqual([why]);
  });

  test.each([
    "SELECT '\\! x';",
    'SELECT "a\\b";',
    'SELECT $$\n\\! x\n$$;',
    "SELECT E'\\'; \\\\! x';",
    '/* \\! /* nested */ x */ SELECT 1;',
    'SELECT $1;',
  ])('%s is handed on as it is', (sql) => {
    const result = of(sql);
    expect(result.facts).toMatchObject({ refused: [], complete: true });
    expect(result.sql).toContain(sql);
  });

  test('of several databases are told apart from one', () => {
    expect(of('CREATE DATABASE a;\n\\connect a\nCREATE TABLE t (a int);').facts).toMatchObject({ databases: 1, refused: [] });
    expect(of('CREATE ROLE x;\n\\connect template1\n\\connect a').facts.databases).toBe(2);
  });

  test('of `--clean` are left out before the first object alone', () => {
    const { sql } = of('ALTER TABLE ONLY public.t DROP CONSTRAINT c;\nDROP TABLE public.t;\nCREATE TABLE t (a int);\nDROP TABLE other;');
    expect(sql).not.toContain('DROP CONSTRAINT');
    expect(sql).not.toContain('DROP TABLE public.t');
    expect(sql).toContain('DROP TABLE other;');
  });

  test('a row or value of any length passes in bounded memory', () => {
    const filter = new DumpFilter();
    const row = Buffer.alloc(65_536, 0x61);
    let passed = 0;
    let most = 0;
    const feed = (piece: Buffer) => {
      const out = filter.feed(piece).reduce((sum, { length }) => sum + length, 0);
      passed += out;
      most = Math.max(most, out);
    };
    feed(Buffer.from('COPY t (a) FROM stdin;\n'));
    for (let piece = 0; piece < 200; piece++) feed(row);
    feed(Buffer.from("\n\\.\nINSERT INTO u VALUES ('"));
    for (let piece = 0; piece < 200; piece++) feed(row);
    feed(Buffer.from("');\nSELECT pg_catalog.setval('s', 5, false);\n"));
    passed += filter.end().reduce((sum, { length }) => sum + length, 0);
    expect(filter.facts).toMatchObject({ tables: { 'public.t': 1 }, sequences: { 'public.s': { value: '5', called: false } } });
    expect(passed).toBeGreaterThan(400 * 65_536);
    expect(most).toBeLessThan(2 * 1024 ** 2);
  });

  test('lines that look like the end of a COPY are rows', () => {
    const { facts } = of('COPY public.t (a, b) FROM stdin;\n\\.x\ty\n\\\\.\tz\n\\N\t\\.\n\\.\nCOPY "S p".u (a) FROM stdin;\n\\.\n');
    expect(facts.tables).toEqual({ 'public.t': 3, 'S p.u': 0 });
  });
});

describe('comments within a statement', () => {
  test.each([
    'DROP/**/DATABASE medianest WITH (FORCE);',
    'DROP /* a /* b */ "c */ DATABASE medianest;',
    "DROP -- it's\nDATABASE medianest;",
    'ALTER/**/DATABASE medianest CONNECTION LIMIT 0;',
    'ALTER/**/ROLE medianest PASSWORD NULL;',
  ])('do not hide what belongs to the whole server: %j', (hostile) => {
    expect(of(`CREATE TABLE t (a int);\n${hostile}\n`).sql).not.toContain('medianest');
  });

  test('of which the quoted part is not one are handed on', () => {
    const { sql } = of("CREATE TABLE t (a int /* of DROP */);\nCREATE VIEW v AS SELECT '/*' AS a, '*/' AS b;\n");
    expect(sql).toContain('CREATE TABLE t (a int /* of DROP */);');
    expect(sql).toContain("SELECT '/*' AS a, '*/' AS b;");
  });
});
