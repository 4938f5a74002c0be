import type { Json, JsonObject } from '../../core/json.ts';

class Unusual extends Error {}

interface Line {
  indent: number;
  content: string;
}
interface Reader {
  lines: readonly Line[];
  at: number;
}
/** A place within a line. */
interface Place {
  text: string;
  at: number;
}

/** More than that is left to the library, whose bounds are known. */
const LONGEST = 65_536;
const DEEPEST = 20;

const CONTROL = /[^\P{Cc}\n\t]/u;
const KEY = /([A-Za-z][\w-]*):(?: +|$)/y;
/** Within brackets a key may be quoted, as in JSON. */
const FLOW_KEY = /"[^"\\]*": *|[A-Za-z][\w-]*: +/y;
/** In double quotes as JSON has it, which YAML reads in the same way. */
const SCALAR = /"(?:[^"\\\t]|\\(?:["\\/bfnrt]|u[\dA-Fa-f]{4}))*"|'[^']*'|[\w./-]+/y;
const SPACES = / */y;
/** Nothing more, or a comment. */
const REST = /(?: +#.*| *)$/y;

/** Words that one version of YAML or another takes for no text. */
const WORD = /^(?:true|false|null|yes|no|on|off|y|n)$/i;
const INTEGER = /^(?:0|[1-9]\d{0,14})$/;
/** What is text in every version: a name, an IPv4 address or range, a number with a unit (but for an exponent). */
const TEXTS = [/^[A-Za-z][\w./-]*$/, /^\d{1,3}(?:\.\d{1,3}){3}(?:\/\d{1,2})?$/, /^[1-9]\d*[a-df-zA-DF-Z][A-Za-z]*$/];

/**
 * Reads a document as most settings files and services' parts of the Compose file are: nested mappings and lists of names, numbers,
 * quoted texts and `{ a: b }`, with comments. The YAML library takes 5 ms for its first document, however short.
 * @returns undefined for anything else, faults included: the library says what that is
 */
export function readPlainDocument(text: string): JsonObject | undefined {
  if (text.length > LONGEST || CONTROL.test(text)) return undefined;
  const lines = text.split('\n').flatMap((line): Line[] => {
    const content = line.replace(/^ +/, '');
    return content === '' || content.startsWith('#') ? [] : [{ indent: line.length - content.length, content }];
  });
  if (lines[0]?.indent !== 0) return undefined;
  const reader = { lines, at: 0 };
  try {
    const document = mapping(reader, 0, 0);
    return reader.at === lines.length ? document : undefined;
  } catch (error) {
    if (error instanceof Unusual) return undefined;
    throw error;
  }
}

function mapping(reader: Reader, indent: number, depth: number): JsonObject {
  const found: JsonObject = {};
  for (let line = reader.lines[reader.at]; line !== undefined && line.indent >= indent; line = reader.lines[reader.at]) {
    if (line.indent > indent) throw new Unusual();
    const place = { text: line.content, at: 0 };
    const key = keyAt(KEY, place, found);
    reader.at++;
    found[key] = isEmpty(place) ? block(reader, indent, depth + 1) : lineEnd(place, value(place, depth + 1));
  }
  return found;
}

/** What stands below a key: a mapping that is indented, or a list that need not be. */
function block(reader: Reader, indent: number, depth: number): Json {
  const line = reader.lines[reader.at];
  if (line === undefined || depth > DEEPEST) throw new Unusual();
  if (line.content.startsWith('- ') && line.indent >= indent) return list(reader, line.indent, depth);
  if (line.indent <= indent) throw new Unusual();
  return mapping(reader, line.indent, depth);
}

function list(reader: Reader, indent: number, depth: number): Json[] {
  const found: Json[] = [];
  for (let line = reader.lines[reader.at]; line !== undefined && line.indent >= indent; line = reader.lines[reader.at]) {
    // A key where the list is indented no further than its own key.
    if (line.indent === indent && !line.content.startsWith('-')) break;
    if (line.indent > indent || !line.content.startsWith('- ')) throw new Unusual();
    const place = { text: line.content, at: 1 };
    match(SPACES, place);
    reader.at++;
    found.push(lineEnd(place, value(place, depth + 1)));
  }
  return found;
}

/** Within one line: `a`, `"a"`, `{ a: b }`, `[a, b]`. */
function value(place: Place, depth: number): Json {
  if (depth > DEEPEST) throw new Unusual();
  const opened = place.text[place.at];
  if (opened !== '{' && opened !== '[') return scalar(match(SCALAR, place));
  const closed = opened === '{' ? '}' : ']';
  const object: JsonObject = {};
  const array: Json[] = [];
  for (let first = true; ; first = false) {
    place.at++;
    match(SPACES, place);
    if (first && place.text[place.at] === closed) break;
    if (opened === '[') array.push(value(place, depth + 1));
    else object[keyAt(FLOW_KEY, place, object)] = value(place, depth + 1);
    match(SPACES, place);
    if (place.text[place.at] === closed) break;
    if (place.text[place.at] !== ',') throw new Unusual();
  }
  place.at++;
  return opened === '[' ? array : object;
}

function keyAt(form: RegExp, place: Place, among: JsonObject): string {
  const key = match(form, place).replace(/: *$/, '').replaceAll('"', '');
  if (WORD.test(key) || key in among) throw new Unusual();
  return key;
}

/** Whether nothing but a comment follows on the line. */
function isEmpty({ text, at }: Place): boolean {
  return at >= text.length || text[at] === '#';
}

function lineEnd(place: Place, read: Json): Json {
  match(REST, place);
  return read;
}

function match(pattern: RegExp, place: Place): string {
  pattern.lastIndex = place.at;
  const [found] = pattern.exec(place.text) ?? [];
  if (found === undefined) throw new Unusual();
  place.at += found.length;
  return found;
}

function scalar(text: string): Json {
  if (text.startsWith('"')) return JSON.parse(text) as string;
  if (text.startsWith("'")) return text.slice(1, -1);
  if (text === 'true' || text === 'false') return text === 'true';
  if (text === 'null') return null;
  if (INTEGER.test(text)) return Number(text);
  if (WORD.test(text) || !TEXTS.some((form) => form.test(text))) throw new Unusual();
  return text;
}
