import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { type CatalogueColumn, type CatalogueTable, planSanitize } from '../../../src/backup/plan/sanitize.ts';
import { proveSql, sanitizeSql } from '../../../src/backup/plan/sanitize-sql.ts';
import { PORTAL_RULES, ruleByName } from '../../../src/services/backup/settings/sanitize-settings.ts';
import { HOME } from '../../support/cli.ts';
import { load } from '../../support/settings.ts';

const column = (name: string, more: Partial<CatalogueColumn> = {}): CatalogueColumn => ({
  name,
  ...{ type: 'text', category: 'S', length: null, nullable: true, generated: false, refers: null },
  ...more,
});
const table = (name: string, columns: CatalogueColumn[], more: Partial<CatalogueTable> = {}): CatalogueTable => ({
  ...{ schema: 'public', name, kind: 'r', partition: false, columns },
  ...more,
});
const refers = (to: string, of: string) => ({ schema: 'public', table: to, column: of });
const number = { type: 'int8', category: 'N' };
const KEY = 'ab'.repeat(32);
const HOSTILE = `x"; drop table y; --\n'$$ \\! :z`;

const plan = (catalogue: CatalogueTable[], rules: Parameters<typeof planSanitize>[1] = {}, portal = false) => {
  const made = planSanitize(catalogue, rules, { portal });
  return {
    columns: made.columns.map((each) => `${each.table.name}.${each.column.name} ${each.rule}`),
    truncated: made.truncated.map(({ name }) => name),
    unknown: made.unknown,
  };
};
const refusal = (catalogue: CatalogueTable[], rules: Parameters<typeof planSanitize>[1]): string => {
  try {
    plan(catalogue, rules);
  } catch (error) {
    return (error as Error).message;
  }
  return 'accepted';
};

describe('what becomes of a column', () => {
  it.each([
    ['email', 'email'],
    ['contactEmail', 'email'],
    ['ip_email', 'email'],
    ['password_hash', 'hash'],
    ['apiKey', 'hash'],
    ['refresh_token', 'hash'],
    ['ip', 'ip'],
    ['remote_addr', 'ip'],
    ['FirstName', 'name'],
    ['Full Name', 'name'],
    ['uploaded_by', 'name'],
    ['home_address', 'text'],
    ["email' --", 'email'],
    ['name', undefined],
    ['zipped', undefined],
    ['tokenizer', undefined],
    ['chip', undefined],
    ['description', undefined],
  ])('its name says it: %s is %s', (name, rule) => {
    expect(ruleByName(name)).toBe(rule);
  });

  it('what has no rule and may hold anything is told; numbers, moments and what is made of others are not', () => {
    const columns = [
      column('free'),
      column('email_count', number),
      column('tags', { type: '_text', category: 'A' }),
      column('born', { type: 'date', category: 'D' }),
      column('at', { type: 'timestamptz', category: 'D' }),
      column('lower', { generated: true }),
      column('token', { type: 'jsonb', category: 'U' }),
      column('mine'),
    ];
    expect(plan([table('t', columns)], { t: { mine: 'keep' } })).toEqual({
      columns: [],
      truncated: [],
      unknown: ['t.free', 't.tags', 't.born', 't.token'],
    });
  });

  it('one that refers to another becomes what that becomes, also by way of a third', () => {
    const tables = [
      table('users', [column('handle')]),
      table('posts', [column('made_by', { refers: refers('users', 'handle') })]),
      table('likes', [column('who', { refers: refers('posts', 'made_by') })]),
      table('loop', [column('email', { refers: refers('loop', 'email') })]),
    ];
    expect(plan(tables).columns).toEqual([]);
    expect(plan(tables, { users: { handle: 'hash' } }).columns).toEqual(['users.handle hash', 'posts.made_by hash', 'likes.who hash']);
  });

  it('the portal’s own tables have rules, which yours replace one by one, and which are for no other application', () => {
    const tables = [table('requests', [column('title'), column('note'), column('extra')]), table('uploads', [column('name')])];
    expect(plan(tables, { requests: { title: 'keep' } }, true)).toEqual({
      columns: ['requests.note text'],
      truncated: ['uploads'],
      unknown: ['requests.extra'],
    });
    expect(plan(tables, { uploads: { name: 'hash' } }, true).columns).toContain('uploads.name hash');
    expect(plan(tables).truncated).toEqual([]);
  });

  it('the tables of sign-on are emptied, whatever the application is, and tables of these names elsewhere are not', () => {
    const sql = readFileSync(path.join(HOME, 'templates/sign-on/image/users'), 'utf8');
    const names = [...sql.matchAll(/^CREATE TABLE (\w+)/gm)].map(([, name]) => name as string);
    expect(names).toEqual([
      'users',
      'invitations',
      'sessions',
      'psessions',
      'tokens',
      'used_codes',
      'recovery_codes',
      'mails',
      'identities',
    ]);
    const of = (schema: string) => names.map((name) => table(name, [column('a_session', { type: 'jsonb', category: 'U' })], { schema }));
    expect(plan(of('sign_on'))).toEqual({ columns: [], truncated: names, unknown: [] });
    expect(plan(of('public'), {}, true).truncated).toEqual([]);
  });

  it('a partitioned table is changed as a whole, its parts and views not by themselves', () => {
    const tables = [
      table('p', [column('email')], { kind: 'p' }),
      table('p1', [column('email')], { partition: true }),
      table('v', [column('email')], { kind: 'v' }),
    ];
    expect(plan(tables)).toEqual({ columns: ['p.email email'], truncated: [], unknown: [] });
    expect(sanitizeSql(planSanitize(tables, {}, { portal: false }), KEY)).toContain('update "public"."p" set');
  });
});

describe('a rule that does not fit', () => {
  const tables = [
    table('users', [
      column('email'),
      column('age', number),
      column('short', { type: 'varchar', length: 10, nullable: false }),
      column('lower', { generated: true }),
    ]),
    table('posts', [column('owner', { refers: refers('users', 'email') })]),
    table('shown', [column('email')], { kind: 'm' }),
    table('elsewhere', [], { kind: 'f' }),
    table('part', [], { partition: true }),
    table('users', [column('email')], { schema: 'old' }),
    table('old.users', []),
  ];
  it.each([
    [{ usrs: 'truncate' }, 'usrs: there is no such table; did you mean `users`?'],
    [{ constructor: 'truncate' }, 'constructor: there is no such table'],
    [{ users: { mail: 'email' } }, 'users.mail: there is no such column; did you mean `email`?'],
    [{ users: { age: 'hash' } }, 'users.age: `hash` is not for values of the type int8'],
    [{ users: { short: 'email' } }, 'users.short: `email` needs 29 characters'],
    [{ users: { short: 'remove' } }, 'users.short: `remove` cannot be: it may not be NULL'],
    [{ users: { lower: 'text' } }, 'users.lower: is made of other columns: give those a rule'],
    [{ users: 'truncate' }, 'posts refers to users, which is emptied: truncate it too'],
    [{ shown: 'truncate' }, 'shown: is a view: name the tables that it shows'],
    [{ elsewhere: 'truncate' }, 'elsewhere: is a foreign table'],
    [{ part: 'truncate' }, 'part: is a partition: name the table that it is part of'],
    [{ 'old.users': 'truncate' }, 'old.users: names two tables'],
    [{ users: { email: 'hash' }, 'public.users': { email: 'text' } }, 'users: has rules twice'],
  ] as const)('%j', (rules, message) => {
    expect(refusal(tables, rules)).toContain(message);
  });
  it('a guess from a name that does not fit is no fault: the column is told', () => {
    expect(plan([table('t', [column('phone', { type: 'bytea', category: 'U' })])]).unknown).toEqual(['t.phone']);
  });
});

describe('the SQL', () => {
  const hostile = planSanitize(
    [table(HOSTILE, [column(HOSTILE), column('b')], { schema: HOSTILE }), table(`${HOSTILE}2`, [])],
    { [`${HOSTILE}.${HOSTILE}`]: { [HOSTILE]: 'text', b: 'keep' }, [`${HOSTILE}2`]: 'truncate' },
    { portal: false },
  );
  const scripts = [sanitizeSql(hostile, KEY), proveSql(hostile, KEY)];

  it('holds a hostile name as an identifier, and nowhere else', () => {
    const quoted = `"${HOSTILE.replaceAll('"', '""')}`;
    for (const script of scripts) {
      expect(script).toContain(`${quoted}"`);
      expect(script.replaceAll(quoted, '')).not.toMatch(/drop table|\\!|:z/);
    }
  });

  it('is told of in one line', () => {
    const named = planSanitize([table(HOSTILE, [column('free')])], {}, { portal: false });
    expect(named.unknown).toEqual([`${JSON.stringify(HOSTILE)}.free`]);
    expect(named.unknown[0]).not.toContain('\n');
  });

  it('changes all in one transaction, before which digests of what was are noted, and each of them is asked for after it', () => {
    const users = planSanitize([table('users', [column('email'), column('token')])], {}, { portal: false });
    const sql = sanitizeSql(users, KEY);
    const order = ['begin;', 'session_replication_role = replica', 'originals select 0', 'originals select 1', 'update only', 'commit;'];
    const places = order.map((text) => sql.indexOf(text));
    expect(places.every((place, index) => place > (places[index - 1] ?? -1))).toBe(true);
    expect(sql.match(/update only/g)).toHaveLength(1);
    expect(proveSql(users, KEY).match(/where exists \(select from only "public"."users"/g)).toHaveLength(2);
  });

  it('of nothing is valid too', () => {
    const nothing = planSanitize([], {}, { portal: true });
    expect([sanitizeSql(nothing, KEY), proveSql(nothing, KEY)].join()).not.toMatch(/truncate|update/);
  });
});

describe('backup.sanitize', () => {
  const told = (sanitize: string): string => {
    try {
      load({ file: `version: 1\nprofile: staging\nbackup: { sanitize: ${sanitize} }\n` });
    } catch (error) {
      return (error as Error).message;
    }
    return 'accepted';
  };
  it.each([
    ['{ users: { email: email, "odd \\" name": keep }, "audit.log": truncate }', 'accepted'],
    ['{ users: drop }', 'backup.sanitize.users: should be `truncate`, or columns, each with one of'],
    ['{ users: { email: mask } }', 'backup.sanitize.users'],
    ['{ users: { email: null } }', 'backup.sanitize.users'],
    ['{ "a\\0b": truncate }', 'backup.sanitize'],
    ['[users]', 'backup.sanitize: should be'],
  ])('%s', (sanitize, message) => {
    expect(told(sanitize)).toContain(message);
  });
});

describe('the portal’s own database', () => {
  const folder = path.join(HOME, 'templates/app/image/migrations');
  const sql = readdirSync(folder)
    .sort()
    .map((file) => readFileSync(path.join(folder, file), 'utf8'))
    .join('\n');
  /** The text columns that its migrations make, by table. */
  const texts = [...sql.matchAll(/(?:CREATE|ALTER) TABLE (\w+)([^;]*);/g)].flatMap(([, name = '', body = '']) =>
    [...body.matchAll(/^\s*(?:ADD COLUMN )?(\w+)\s+text\b/gm)].map(([, each = '']) => [name, each] as const),
  );

  it.each(texts)('%s.%s has a rule', (name, each) => {
    const rules = PORTAL_RULES[name];
    expect(rules === 'truncate' || (rules !== undefined && Object.hasOwn(rules, each))).toBe(true);
  });
  it('has the columns that this looks for', () => {
    expect(texts.map((entry) => entry.join('.'))).toEqual(expect.arrayContaining(['people.email', 'requests.watch_url', 'uploads.name']));
  });
});
