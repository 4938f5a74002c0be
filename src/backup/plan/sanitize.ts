import { UserError } from '../../core/errors.ts';
import { didYouMean } from '../../core/suggest.ts';
import {
  type ColumnRule,
  PORTAL_RULES,
  ruleByName,
  type SanitizeRules,
  SIGN_ON_RULES,
  type TableRules,
} from '../../services/backup/settings/sanitize-settings.ts';
import { DATABASE_ROLE } from '../../services/sign-on/settings/address.ts';

/** A column of a restored database. */
export interface CatalogueColumn {
  name: string;
  /** Its base type and category, as pg_type names them; what a domain is made of. */
  type: string;
  category: string;
  /** The maximum number of characters, if limited. */
  length: number | null;
  nullable: boolean;
  generated: boolean;
  refers: { schema: string; table: string; column: string } | null;
}

export interface CatalogueTable {
  schema: string;
  name: string;
  /** As in pg_class: an ordinary table, a partitioned one, a view, a materialized one, a foreign table. */
  kind: 'r' | 'p' | 'v' | 'm' | 'f';
  /** It is a part of a partitioned table, and changes with that. */
  partition: boolean;
  columns: CatalogueColumn[];
}

export interface SanitizePlan {
  columns: { table: CatalogueTable; column: CatalogueColumn; rule: Exclude<ColumnRule, 'keep'> }[];
  truncated: CatalogueTable[];
  /** Columns that may contain anything and have no rule. */
  unknown: string[];
}

const TEXTS = ['text', 'varchar', 'bpchar', 'citext'];
const EMPTY = [...TEXTS, 'json', 'jsonb', 'bytea', 'hstore', 'tsvector'];
/** Booleans, numbers, enums, times, intervals and system types are no personal data on their own. */
const HARMLESS = /^[BNETZ]$/;
const HARMLESS_TYPES = ['uuid', 'timestamp', 'timestamptz', 'time', 'timetz'];
/** `user-` and `@example.invalid`, and as many digits as make two alike unlikely. */
export const SHORTEST_EMAIL = 29;

/**
 * What becomes of every table and column. Own rules come first, then what a column refers to, then what the portal’s tables and
 * those of sign-on are known to hold, then names. @throws UserError INVALID_SETTINGS where a rule fits nothing that is there
 */
export function planSanitize(catalogue: readonly CatalogueTable[], own: SanitizeRules, options: { portal: boolean }): SanitizePlan {
  const problems: string[] = [];
  const given = namedTables(catalogue, own, problems);
  const tables = catalogue.filter(({ kind, partition }) => (kind === 'r' || kind === 'p') && !partition);
  const rulesOf = (table: CatalogueTable): TableRules => {
    const mine = given.get(table);
    const shipped = shippedRules(table, options.portal);
    if (typeof mine === 'string' || shipped === undefined) return mine ?? {};
    if (typeof shipped === 'string') return mine ?? shipped;
    return { ...shipped, ...mine };
  };
  const truncated = tables.filter((table) => rulesOf(table) === 'truncate');
  const plan: SanitizePlan = { columns: [], truncated, unknown: [] };
  for (const table of tables.filter((each) => !truncated.includes(each))) {
    problems.push(...refersToNothing(table, truncated));
    for (const column of table.columns.filter(({ generated }) => !generated)) {
      const rule = ruleOf(tables, rulesOf, table, column);
      const problem = rule && misfit(rule.rule, column);
      if (rule && !problem && rule.rule !== 'keep') plan.columns.push({ table, column, rule: rule.rule });
      else if (rule?.meant && problem) problems.push(`${columnText(table, column)}: ${problem}`);
      else if (rule?.rule !== 'keep' && telling(column)) plan.unknown.push(columnText(table, column));
    }
  }
  if (problems.length === 0) return plan;
  throw new UserError(
    'INVALID_SETTINGS',
    `backup.sanitize does not fit this database: ${problems.join('; ')}; nothing is served, and the preview was removed`,
    'correct backup.sanitize in medianest.yml, and run the same command again',
  );
}

function shippedRules({ schema, name }: CatalogueTable, portal: boolean): TableRules | undefined {
  if (schema === DATABASE_ROLE) return lookUp(SIGN_ON_RULES, name);
  return portal && schema === 'public' ? lookUp(PORTAL_RULES, name) : undefined;
}

const lookUp = <T>(record: Readonly<Record<string, T>>, key: string): T | undefined =>
  Object.hasOwn(record, key) ? record[key] : undefined;

/** The rules by their tables. What names nothing, or something that cannot be changed, is a problem. */
function namedTables(catalogue: readonly CatalogueTable[], own: SanitizeRules, problems: string[]): Map<CatalogueTable, TableRules> {
  const found = new Map<CatalogueTable, TableRules>();
  for (const [key, rules] of Object.entries(own)) {
    const [table, another] = catalogue.filter(({ schema, name }) => `${schema}.${name}` === key || (schema === 'public' && name === key));
    const problem = table ? (another ? 'names two tables' : whyNot(table)) : 'there is no such table';
    if (table && !problem) {
      if (found.has(table)) problems.push(`${tableText(table)}: has rules twice`);
      found.set(table, rules);
      problems.push(...noColumns(table, rules));
    } else problems.push(`${plainly(key)}: ${table ? problem : `${problem}; ${didYouMean(key, catalogue.map(tableText))}`}`);
  }
  return found;
}

function whyNot({ kind, partition }: CatalogueTable): string | undefined {
  if (partition) return 'is a partition: name the table that it is part of';
  if (kind === 'v' || kind === 'm') return 'is a view: name the tables that it shows';
  return kind === 'f' ? 'is a foreign table: what it shows is not in this database' : undefined;
}

function noColumns(table: CatalogueTable, rules: TableRules): string[] {
  if (rules === 'truncate') return [];
  return Object.keys(rules).flatMap((name) => {
    const column = table.columns.find((each) => each.name === name);
    const text = `${tableText(table)}.${plainly(name)}`;
    if (!column)
      return [
        `${text}: there is no such column; ${didYouMean(
          name,
          table.columns.map((each) => plainly(each.name)),
        )}`,
      ];
    return column.generated ? [`${text}: is made of other columns: give those a rule`] : [];
  });
}

/** Emptying a table while another refers to it would leave that without what it means. */
function refersToNothing(table: CatalogueTable, truncated: readonly CatalogueTable[]): string[] {
  const to = truncated.find(({ schema, name }) => table.columns.some(({ refers }) => refers?.schema === schema && refers.table === name));
  return to ? [`${tableText(table)} refers to ${tableText(to)}, which is emptied: truncate it too`] : [];
}

interface Rule {
  rule: ColumnRule;
  /** Configured or required: if it does not fit, that is an error and no wrong guess. */
  meant: boolean;
}

/** A column that refers to another one has to become what that becomes, or it would refer to nothing. */
function ruleOf(
  tables: readonly CatalogueTable[],
  rulesOf: (table: CatalogueTable) => TableRules,
  table: CatalogueTable,
  column: CatalogueColumn,
  seen: readonly CatalogueColumn[] = [],
): Rule | undefined {
  const rules = rulesOf(table);
  const explicit = typeof rules === 'string' ? undefined : lookUp(rules, column.name);
  if (explicit) return { rule: explicit, meant: true };
  const { refers } = column;
  const target = refers && tables.find(({ schema, name }) => schema === refers.schema && name === refers.table);
  const referred = target?.columns.find(({ name }) => name === refers?.column);
  if (target && referred) {
    if (seen.includes(referred)) return undefined;
    const followed = ruleOf(tables, rulesOf, target, referred, [...seen, column]);
    return followed && (followed.meant || !misfit(followed.rule, referred)) ? { rule: followed.rule, meant: true } : undefined;
  }
  const guess = ruleByName(column.name);
  return guess && { rule: guess, meant: false };
}

/** Why a rule cannot be for a column. */
function misfit(rule: ColumnRule, { type, category, length, nullable }: CatalogueColumn): string | undefined {
  const fits: Record<ColumnRule, boolean> = {
    email: TEXTS.includes(type),
    name: TEXTS.includes(type),
    hash: TEXTS.includes(type) || type === 'uuid',
    ip: TEXTS.includes(type) || type === 'inet' || type === 'cidr',
    text: TEXTS.includes(type),
    empty: EMPTY.includes(type) || category === 'A',
    remove: true,
    keep: true,
  };
  if (!fits[rule]) return `\`${rule}\` is not for values of the type ${plainly(type)}`;
  if (rule === 'remove' && !nullable) return '`remove` cannot be: it may not be NULL';
  return rule === 'email' && length !== null && length < SHORTEST_EMAIL ? `\`email\` needs ${SHORTEST_EMAIL} characters` : undefined;
}

const telling = ({ type, category }: CatalogueColumn): boolean => !HARMLESS.test(category) && !HARMLESS_TYPES.includes(type);

/** A name for people: one that holds more than letters is quoted, so that it is one line and ends where it ends. */
const plainly = (name: string): string => (/^[\p{L}\p{N}_$.-]+$/u.test(name) ? name : JSON.stringify(name));

export const tableText = ({ schema, name }: Pick<CatalogueTable, 'schema' | 'name'>): string =>
  schema === 'public' ? plainly(name) : `${plainly(schema)}.${plainly(name)}`;

export const columnText = (table: CatalogueTable, { name }: Pick<CatalogueColumn, 'name'>): string =>
  `${tableText(table)}.${plainly(name)}`;
