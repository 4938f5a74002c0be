/*
 * Where statements end in a stream of SQL as psql reads it (PostgreSQL 17 manual, 4.1: lexical structure). Bytes, because a dump may
 * have any encoding; all that SQL is made of is ASCII, in every encoding that a server can have.
 */

const NEWLINE = 0x0a;
const QUOTE = 0x27;
const DOUBLE = 0x22;
const DOLLAR = 0x24;
const BACKSLASH = 0x5c;
const DASH = 0x2d;
const SLASH = 0x2f;
const STAR = 0x2a;
const SEMICOLON = 0x3b;

/** What ends: a statement with its semicolon, a command of psql's own with its line, or a comment of one line. */
export type Token = { kind: 'statement' | 'meta' | 'comment'; end: number; start: number };

type Inside = 'plain' | 'quote' | 'escape' | 'double' | 'dollar' | 'line' | 'block' | 'meta';

/** What alone can end it: everything before is passed over. */
const CLOSING: Partial<Record<Inside, number>> = { quote: QUOTE, double: DOUBLE, dollar: DOLLAR, line: NEWLINE, meta: NEWLINE };

const isSpace = (byte: number): boolean => byte === 0x20 || (byte >= 0x09 && byte <= 0x0d);
const isWord = (byte: number | undefined): boolean =>
  byte !== undefined &&
  ((byte >= 0x30 && byte <= 0x39) || (byte >= 0x41 && byte <= 0x5a) || (byte >= 0x61 && byte <= 0x7a) || byte === 0x5f || byte >= 0x80);

/** One stream. What was looked at is not looked at again, so a statement of any length takes linear time. */
export class SqlLexer {
  private inside: Inside = 'plain';
  private tag = '';
  private depth = 0;
  private at = 0;
  private wordAt = -1;
  private opened = 0;

  /** Nothing of a statement was read since the last one ended. */
  get isBetween(): boolean {
    return this.wordAt < 0 && (this.inside === 'plain' || this.inside === 'line');
  }

  /**
   * The next end in these bytes, from where it stopped; undefined where they end before. `start` is where the first word of the
   * statement is, behind its comments.
   * @param last whether no more bytes follow
   */
  next(bytes: Buffer, last: boolean): Token | undefined {
    for (; this.at < bytes.length; this.at++) {
      const far = CLOSING[this.inside];
      if (far !== undefined) {
        const found = bytes.indexOf(far, this.at);
        this.at = found < 0 ? bytes.length : found;
        if (found < 0) break;
      }
      const byte = bytes[this.at] as number;
      // What is told by the byte behind is looked at when that byte is there.
      if (
        !last &&
        this.at + 1 === bytes.length &&
        this.inside !== 'line' &&
        (byte === DASH || byte === SLASH || byte === STAR || byte === QUOTE)
      )
        return undefined;
      if (this.inside === 'plain') {
        const token = this.plain(bytes, byte, last);
        if (token === 'more') return undefined;
        if (token) return token;
      } else {
        const token = this.within(bytes, byte);
        if (token) return token;
      }
    }
    if (last && this.inside === 'meta') return this.ended('meta', bytes.length, this.opened);
    if (last && this.inside === 'line') {
      this.inside = 'plain';
      return { kind: 'comment', start: this.opened, end: bytes.length };
    }
    return undefined;
  }

  /** These bytes were taken from the front. */
  drop(count: number): void {
    this.at -= count;
    this.opened -= count;
    if (this.wordAt >= 0) this.wordAt = Math.max(0, this.wordAt - count);
  }

  private plain(bytes: Buffer, byte: number, last: boolean): Token | 'more' | undefined {
    const next = bytes[this.at + 1];
    if (byte === DASH && next === DASH) this.open('line');
    else if (byte === SLASH && next === STAR) {
      this.open('block');
      this.depth = 1;
      this.at++;
    } else if (byte === BACKSLASH) this.open('meta');
    else if (byte === SEMICOLON) return this.ended('statement', this.at + 1, this.wordAt < 0 ? this.at : this.wordAt);
    else if (!isSpace(byte)) {
      if (this.wordAt < 0) this.wordAt = this.at;
      if (byte === QUOTE) this.open(this.isEscaped(bytes) ? 'escape' : 'quote');
      else if (byte === DOUBLE) this.open('double');
      else if (byte === DOLLAR && !isWord(bytes[this.at - 1])) return this.dollar(bytes, last);
    }
    return undefined;
  }

  /** `$$` or `$tag$`; `$1` is a parameter. */
  private dollar(bytes: Buffer, last: boolean): 'more' | undefined {
    let end = this.at + 1;
    while (isWord(bytes[end])) end++;
    if (end >= bytes.length && !last && end - this.at < 256) return 'more';
    const first = bytes[this.at + 1] ?? 0;
    if (bytes[end] !== DOLLAR || (first >= 0x30 && first <= 0x39)) return undefined;
    this.tag = bytes.toString('latin1', this.at, end + 1);
    this.open('dollar');
    this.at = end;
    return undefined;
  }

  private within(bytes: Buffer, byte: number): Token | undefined {
    const next = bytes[this.at + 1];
    switch (this.inside) {
      case 'quote':
      case 'escape':
        if (byte === BACKSLASH && this.inside === 'escape') this.at++;
        else if (byte === QUOTE && next === QUOTE) this.at++;
        else if (byte === QUOTE) this.inside = 'plain';
        return undefined;
      case 'double':
        // A doubled one ends and begins at once, which comes to the same.
        if (byte === DOUBLE) this.inside = 'plain';
        return undefined;
      case 'dollar':
        if (byte === DOLLAR && this.closesDollar(bytes)) this.inside = 'plain';
        return undefined;
      case 'block':
        if (byte === STAR && next === SLASH) {
          this.at++;
          if (--this.depth === 0) this.inside = 'plain';
        } else if (byte === SLASH && next === STAR) {
          this.at++;
          this.depth++;
        }
        return undefined;
      case 'line':
        if (byte !== NEWLINE) return undefined;
        this.inside = 'plain';
        return { kind: 'comment', start: this.opened, end: this.at++ };
      default:
        return byte === NEWLINE ? this.ended('meta', this.at + 1, this.opened) : undefined;
    }
  }

  private closesDollar(bytes: Buffer): boolean {
    const from = this.at - this.tag.length + 1;
    return from > this.opened && bytes.toString('latin1', Math.max(0, from), this.at + 1) === this.tag;
  }

  private isEscaped(bytes: Buffer): boolean {
    const before = bytes[this.at - 1];
    return (before === 0x45 || before === 0x65) && !isWord(bytes[this.at - 2]);
  }

  private open(inside: Inside): void {
    this.inside = inside;
    this.opened = this.at;
  }

  private ended(kind: 'statement' | 'meta', end: number, start: number): Token {
    this.inside = 'plain';
    this.wordAt = -1;
    this.at = end;
    return { kind, start, end };
  }
}
