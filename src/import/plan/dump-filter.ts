import { decoded } from './decode.ts';
import { isCleaning, type Statement, statementOf, withoutComments } from './dump-statements.ts';
import { SqlLexer, type Token } from './sql-lexer.ts';

/** A statement longer than that is a value: it is handed on as it comes, and not looked at. */
const LONGEST = 1024 ** 2;

/** What was read of a dump. */
export interface DumpFacts {
  /** Version of the server that it was made of, as pg_dump's first lines say. */
  version: string | undefined;
  /** `client_encoding` of its bytes. */
  encoding: string | undefined;
  /** Rows that its COPY lines have, by table. */
  tables: Record<string, number>;
  /** Tables filled by INSERT are not counted. */
  inserts: boolean;
  sequences: Record<string, { value: string; called: boolean }>;
  extensions: string[];
  /** What is not imported, such as `publication sales`. */
  leftOut: string[];
  /** Why it cannot be imported: statements that need more than the application's role may, commands of psql's own. */
  refused: string[];
  /** How many databases it changes to (`pg_dumpall`). */
  databases: number;
  /** Whether it ends as pg_dump ends a dump; undefined where it was not made by pg_dump. */
  complete: boolean | undefined;
  /** SQL in bytes, after what is left out. */
  bytes: number;
}

const HEADER = /^-- PostgreSQL database dump\s*$/;
const FOOTER = /^-- PostgreSQL database dump complete\s*$/;
const VERSION = /^-- Dumped from database version (\S+)/;

/**
 * A plain dump on its way into psql, piece by piece: owners, rights, roles and what belongs to the whole server are left out,
 * and what it holds is counted. Memory stays bounded, whatever a row or a value takes.
 */
export class DumpFilter {
  readonly facts: DumpFacts = {
    version: undefined,
    encoding: undefined,
    tables: {},
    inserts: false,
    sequences: {},
    extensions: [],
    leftOut: [],
    refused: [],
    databases: 0,
    complete: undefined,
    bytes: 0,
  };
  private readonly given: string | undefined;
  private lexer = new SqlLexer();
  private rest: Buffer = Buffer.alloc(0);
  /** In the lines of a COPY: which table's. */
  private copying: string | undefined;
  /** The line of the statement itself ends first. */
  private opening = false;
  private midLine = false;
  private created = false;
  private long = false;
  private schema = 'public';
  private restriction: string | undefined;

  /** @param encoding what its bytes are in, where the dump itself does not know (SQL_ASCII) */
  constructor(encoding?: string) {
    this.given = encoding;
  }

  /** @returns what goes on to psql */
  feed(piece: Buffer): Buffer[] {
    return this.work(piece, false);
  }

  /** The dump has ended. @returns what goes on to psql */
  end(): Buffer[] {
    const out = this.work(Buffer.alloc(0), true);
    const half = this.copying !== undefined || !this.lexer.isBetween || this.long;
    if (half) this.facts.complete = false;
    // A comment or spaces.
    if (this.rest.length > 0) this.pass(out, this.rest);
    this.rest = Buffer.alloc(0);
    return out;
  }

  private work(piece: Buffer, last: boolean): Buffer[] {
    const out: Buffer[] = [];
    this.rest = this.rest.length > 0 ? Buffer.concat([this.rest, piece]) : piece;
    while (this.copying === undefined ? this.statement(out, last) : this.lines(out, last));
    return out;
  }

  private pass(out: Buffer[], bytes: Buffer): void {
    if (bytes.length === 0) return;
    out.push(bytes);
    this.facts.bytes += bytes.length;
  }

  /** @returns whether there is more to do with these bytes */
  private statement(out: Buffer[], last: boolean): boolean {
    const token = this.lexer.next(this.rest, last);
    if (!token) {
      if (this.rest.length > LONGEST) {
        this.long = true;
        // The last bytes may be part of a mark that ends later.
        const count = this.rest.length - 1024;
        this.pass(out, this.take(count));
      }
      return false;
    }
    if (token.kind === 'comment') {
      this.comment(this.rest.toString('latin1', token.start, token.end));
      return true;
    }
    const text = this.rest.toString('latin1', token.start, token.end);
    const bytes = this.take(token.end);
    this.handle(out, token, text, bytes);
    return true;
  }

  private take(count: number): Buffer {
    const taken = this.rest.subarray(0, count);
    this.rest = this.rest.subarray(count);
    this.lexer.drop(count);
    return taken;
  }

  private comment(text: string): void {
    if (HEADER.test(text)) this.facts.complete ??= false;
    else if (FOOTER.test(text)) this.facts.complete = true;
    else this.facts.version ??= VERSION.exec(text)?.[1];
  }

  private handle(out: Buffer[], { kind }: Token, raw: string, bytes: Buffer): void {
    if (kind === 'meta') this.meta(raw.trim());
    else if (this.long) {
      this.long = false;
      this.pass(out, bytes);
    } else {
      const text = withoutComments(decoded(raw, this.facts.encoding));
      const handedOn = !this.created && isCleaning(text) ? undefined : this.note(statementOf(text, this.schema), bytes);
      if (handedOn) this.pass(out, handedOn);
    }
  }

  /** @returns what goes on to psql in its place */
  private note(statement: Statement, bytes: Buffer): Buffer | undefined {
    const { facts } = this;
    switch (statement.kind) {
      case 'copy':
        this.copying = statement.table;
        this.opening = true;
        facts.tables[statement.table] ??= 0;
        break;
      case 'insert':
        facts.inserts = true;
        break;
      case 'sequence':
        facts.sequences[statement.name] = { value: statement.value, called: statement.called };
        break;
      case 'extension':
        if (!facts.extensions.includes(statement.name)) facts.extensions.push(statement.name);
        break;
      case 'path':
        this.schema = statement.schema ?? 'public';
        break;
      case 'encoding':
        facts.encoding = this.given ?? statement.name;
        return this.given ? Buffer.from(`\nSET client_encoding = '${this.given}';`) : bytes;
      case 'create':
        this.created = true;
        break;
      case 'drop':
        if (statement.what !== undefined && !facts.leftOut.includes(statement.what)) facts.leftOut.push(statement.what);
        return undefined;
      case 'database':
        return undefined;
      case 'refuse':
        if (!facts.refused.includes(statement.what)) facts.refused.push(statement.what);
        break;
      case 'other':
        break;
    }
    return bytes;
  }

  /** pg_dump itself writes three of psql's commands. */
  private meta(text: string): void {
    const [, word = '', value] = /^\\(\S+)\s*(\S*)/.exec(text) ?? [];
    if (word === 'restrict' && this.restriction === undefined) this.restriction = value;
    else if (word === 'unrestrict' && value === this.restriction) this.restriction = undefined;
    else if (word === 'connect') this.facts.databases++;
    else this.facts.refused.push(`the psql command \\${word.slice(0, 40)}`);
  }

  /** Lines of a COPY, up to `\.`: handed on in one piece, and counted. */
  private lines(out: Buffer[], last: boolean): boolean {
    const { rest } = this;
    const table = this.copying as string;
    let from = 0;
    let rows = 0;
    let ended = false;
    while (from < rest.length) {
      const end = rest.indexOf(0x0a, from);
      if (end < 0) break;
      if (this.opening) this.opening = false;
      else if (!this.midLine && isEnd(rest, from, end)) ended = true;
      else rows++;
      this.midLine = false;
      from = end + 1;
      if (ended) break;
    }
    // The beginning of a line may be that of `\.`.
    if (!ended && !this.opening && (last || rest.length - from > 3)) {
      this.midLine = true;
      from = rest.length;
    }
    this.facts.tables[table] = (this.facts.tables[table] ?? 0) + rows;
    this.pass(out, rest.subarray(0, from));
    this.rest = rest.subarray(from);
    if (!ended) return false;
    this.copying = undefined;
    this.lexer = new SqlLexer();
    return true;
  }
}

const isEnd = (bytes: Buffer, from: number, end: number): boolean =>
  bytes[from] === 0x5c && bytes[from + 1] === 0x2e && (end === from + 2 || (end === from + 3 && bytes[from + 2] === 0x0d));
