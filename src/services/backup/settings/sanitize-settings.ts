import * as z from 'zod';

/** What can become of a column's values. */
export const COLUMN_RULES = ['email', 'name', 'hash', 'ip', 'text', 'empty', 'remove', 'keep'] as const;
export type ColumnRule = (typeof COLUMN_RULES)[number];
/** What becomes of a table: its rows go, or its columns are changed one by one. */
export type TableRules = 'truncate' | Readonly<Record<string, ColumnRule>>;
export type SanitizeRules = Readonly<Record<string, TableRules>>;

const name = z.string().regex(/^[^\0]{1,200}$/s, 'should be a name, as the database has it');

export const sanitizeSettings = z
  .record(
    name,
    z.union(
      [z.literal('truncate'), z.record(name, z.enum(COLUMN_RULES))],
      `should be \`truncate\`, or columns, each with one of ${COLUMN_RULES.join(', ')}`,
    ),
  )
  .default({})
  .describe(
    'What `restore --into --sanitize` makes of tables (or `schema.table`): `truncate`, or columns with `email`, `name`, `hash` (equal values stay equal), `ip`, `text` (as long), `empty`, `remove` (NULL) or `keep`. Names that say what they hold have a rule',
  );

/** The portal's own tables. What people have typed is theirs; uploads are left out, and so are their rows. */
export const PORTAL_RULES: SanitizeRules = {
  requests: {
    title: 'text',
    kind: 'keep',
    note: 'text',
    status: 'keep',
    requested_by: 'name',
    decided_by: 'name',
    idempotency_key: 'hash',
    // They say the title again.
    tmdb_id: 'remove',
    poster: 'remove',
    watch_url: 'remove',
    forward_state: 'keep',
    forward_message: 'remove',
  },
  people: { subject: 'hash', name: 'name', email: 'email', role: 'keep' },
  tasks: 'truncate',
  schema_migrations: { name: 'keep' },
  uploads: 'truncate',
  // They hold addresses of clients.
  upload_reservations: 'truncate',
  upload_days: 'truncate',
};

/** The tables of the identity provider, in a schema of their own. No preview has it, and a session or a second factor is of use to nothing else. */
export const SIGN_ON_RULES: SanitizeRules = {
  users: 'truncate',
  invitations: 'truncate',
  sessions: 'truncate',
  psessions: 'truncate',
  tokens: 'truncate',
  used_codes: 'truncate',
  recovery_codes: 'truncate',
  mails: 'truncate',
  identities: 'truncate',
};

/** These words, and not a part of longer ones. */
const word = (words: string): RegExp => new RegExp(`(?<![a-z])(${words})(?![a-z])`);

/** Columns whose names say what they contain, the first that fits. They are compared as `snake_case`. */
const BY_NAME: readonly (readonly [RegExp, ColumnRule])[] = [
  [word('e_?mails?|mail'), 'email'],
  [
    word('pass(word|wd|phrase)?|pwd|secrets?|tokens?|(api|private|session|idempotency|license)_?key|salt|otp|pin|cookie|credentials?'),
    'hash',
  ],
  [/(^|_)session(_?id)?$/, 'hash'],
  [word('ip|(remote|client|peer)_?addr(ess)?'), 'ip'],
  [word('(first|last|full|display|given|family|middle|maiden|nick|user|screen|real)_?name|login|surname|author'), 'name'],
  [/._by$/, 'name'],
  [word('phone|mobile|fax|address|street|city|zip|post_?(al_?)?code|iban|ssn|tax_id'), 'text'],
  [word('notes?|comments?|message|bio|user_?agent'), 'text'],
];

const snakeCase = (column: string): string =>
  column
    .replace(/([a-z0-9])([A-Z])/g, '$1_$2')
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]+/gu, '_');

export const ruleByName = (column: string): ColumnRule | undefined => BY_NAME.find(([pattern]) => pattern.test(snakeCase(column)))?.[1];
