/** What a statement of a dump is to an import: pg_dump writes each in one known form (src/bin/pg_dump/pg_dump.c of PostgreSQL 13 to 18). */
export type Statement =
  | { kind: 'copy'; table: string }
  | { kind: 'insert' }
  | { kind: 'sequence'; name: string; value: string; called: boolean }
  | { kind: 'extension'; name: string }
  | { kind: 'encoding'; name: string }
  | { kind: 'path'; schema: string | undefined }
  | { kind: 'create' }
  /** Not handed on. `what` is told to the person; without it, nothing is lost. */
  | { kind: 'drop'; what?: string }
  | { kind: 'database' }
  /** It cannot run as the application's role. */
  | { kind: 'refuse'; what: string }
  | { kind: 'other' };

const NAME = String.raw`(?:"(?:[^"]|"")+"|[\p{L}_][\p{L}\p{N}_$]*)`;
const QUALIFIED = String.raw`(?:(${NAME})\.)?(${NAME})`;
const COPY = new RegExp(String.raw`^COPY\s+(?:ONLY\s+)?${QUALIFIED}\s*(?:\([^;]*\))?\s+FROM\s+stdin\b`, 'iu');
const SETVAL = /^SELECT\s+pg_catalog\.setval\('((?:[^']|'')+)',\s*(-?\d+)(?:,\s*(true|false))?\)/i;
const EXTENSION = new RegExp(String.raw`^CREATE\s+EXTENSION\s+(?:IF\s+NOT\s+EXISTS\s+)?(${NAME})`, 'iu');
const ENCODING = /^SET\s+client_encoding\s*(?:=|TO)\s*'?([A-Za-z0-9_-]+)'?/i;
const PATH = new RegExp(String.raw`^SET\s+search_path\s*(?:=|TO)\s*(${NAME})`, 'iu');

/** Who owns what, and who may do what: the application's role owns all that is imported. */
const RIGHTS =
  /^(?:GRANT|REVOKE|ALTER\s+DEFAULT\s+PRIVILEGES|SET\s+SESSION\s+AUTHORIZATION|RESET\s+SESSION\s+AUTHORIZATION|SET\s+ROLE|RESET\s+ROLE|(?:CREATE|ALTER)\s+(?:ROLE|USER(?!\s+MAPPING)|GROUP)|DROP\s+(?:ROLE|USER|GROUP))\b/i;
const OWNER = new RegExp(String.raw`^ALTER\s.*\sOWNER\s+TO\s+(${NAME}|CURRENT_USER|SESSION_USER)\s*;?$`, 'isu');
/** What the database has anyway, or what a comment of the extension itself says. */
const NEEDLESS =
  /^(?:COMMENT\s+ON\s+EXTENSION|CREATE\s+SCHEMA\s+(?:IF\s+NOT\s+EXISTS\s+)?public\s*;|DROP\s+SCHEMA\s+(?:IF\s+EXISTS\s+)?public\b|SET\s+default_table_access_method|SET\s+(?:default_with_oids|transaction_timeout)\b)/i;
const DATABASE = /^(?:(?:CREATE|ALTER|DROP)\s+DATABASE|COMMENT\s+ON\s+DATABASE|CREATE\s+TABLESPACE|SET\s+default_tablespace)\b/i;
const OUTSIDE = /^(?:CREATE|ALTER)\s+(PUBLICATION|SUBSCRIPTION|EVENT\s+TRIGGER)\s+("(?:[^"]|"")+"|[^\s;]+)|^SECURITY\s+(LABEL)\b/i;
const UNTRUSTED = /\bLANGUAGE\s+'?"?(c|internal|plpython3u|plperlu|pltclu)\b/i;

const undouble = (text: string): string => text.replaceAll('""', '"');
const unquote = (name: string): string => (name.startsWith('"') ? undouble(name.slice(1, -1)) : name.toLowerCase());

/** A name as the servers of both sides are asked for it: `schema.table`, each part quoted only where it has a dot or a quote in it. */
const qualified = (schema: string, name: string): string =>
  [schema, name].map((part) => (/[."]/.test(part) ? `"${part.replaceAll('"', '""')}"` : part)).join('.');

function qualifiedOf(text: string, schema: string): string {
  const [, first, second] = new RegExp(`^${QUALIFIED}$`, 'u').exec(text) ?? [];
  return second === undefined ? text : qualified(first === undefined ? schema : unquote(first), unquote(second));
}

/** Comments between the first words, up to what is quoted, count as a space to the server: `DROP/**\/DATABASE`. */
export function withoutComments(text: string): string {
  if (!/^[^'"$]*?(?:\/\*|--)/.test(text)) return text;
  let out = '';
  let at = 0;
  while (at < text.length && !/['"$]/.test(text[at] as string)) {
    if (text.startsWith('--', at)) {
      const end = text.indexOf('\n', at);
      at = end < 0 ? text.length : end;
    } else if (text.startsWith('/*', at)) {
      at = endOfComment(text, at);
      out += ' ';
    } else out += text[at++];
  }
  return out + text.slice(at);
}

/** They may be within each other. */
function endOfComment(text: string, start: number): number {
  const mark = /\/\*|\*\//g;
  mark.lastIndex = start;
  for (let depth = 0; ; ) {
    const found = mark.exec(text);
    if (!found) return text.length;
    depth += found[0] === '/*' ? 1 : -1;
    if (depth === 0) return mark.lastIndex;
  }
}

/** @param text without comments before it @param schema what a name without one is in */
export function statementOf(text: string, schema: string): Statement {
  // First: a dump may consist of millions of them.
  if (/^INSERT\b/i.test(text)) return { kind: 'insert' };
  const copy = COPY.exec(text);
  if (copy) return { kind: 'copy', table: qualified(copy[1] === undefined ? schema : unquote(copy[1]), unquote(copy[2] as string)) };
  if (/^COPY\b/i.test(text)) return { kind: 'refuse', what: 'COPY from a file or a program' };
  const setval = SETVAL.exec(text);
  if (setval)
    return {
      kind: 'sequence',
      name: qualifiedOf((setval[1] as string).replaceAll("''", "'"), schema),
      value: setval[2] as string,
      called: setval[3]?.toLowerCase() !== 'false',
    };
  const encoding = ENCODING.exec(text)?.[1];
  if (encoding) return { kind: 'encoding', name: encoding };
  if (/^SET\s+search_path\b|^SELECT\s+pg_catalog\.set_config\('search_path'/i.test(text)) {
    const first = PATH.exec(text)?.[1];
    return { kind: 'path', schema: first === undefined ? undefined : unquote(first) };
  }
  const extension = EXTENSION.exec(text)?.[1];
  if (extension) return { kind: 'extension', name: unquote(extension) };
  if (DATABASE.test(text)) return { kind: 'database' };
  if (RIGHTS.test(text) || OWNER.test(text) || NEEDLESS.test(text)) return { kind: 'drop' };
  const outside = OUTSIDE.exec(text);
  if (outside) return { kind: 'drop', what: outside[3] ? 'security labels' : `${(outside[1] as string).toLowerCase()} ${outside[2]}` };
  const language = /^CREATE\s+(?:OR\s+REPLACE\s+)?(?:FUNCTION|PROCEDURE)\b/i.test(text) ? UNTRUSTED.exec(text)?.[1] : undefined;
  if (language) return { kind: 'refuse', what: `a function in the language ${language.toLowerCase()}` };
  return /^CREATE\b/i.test(text) ? { kind: 'create' } : { kind: 'other' };
}

/** What `pg_dump --clean` writes before the first object, which a fresh database does not have. */
export const isCleaning = (text: string): boolean =>
  /^(?:DROP\b|SELECT\s+pg_catalog\.lo_unlink\(|ALTER\s+TABLE\b.*\b(?:DROP\s+(?:CONSTRAINT|DEFAULT|IDENTITY)|ALTER\s+COLUMN\b.*\bDROP\b|DETACH\s+PARTITION)\b|ALTER\s.*\bDROP\b)/is.test(
    text,
  );
