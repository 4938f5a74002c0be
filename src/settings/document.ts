import {
  type Document,
  isAlias,
  isCollection,
  isMap,
  isNode,
  isPair,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  parseDocument,
  visit,
} from 'yaml';
import { UserError } from '../core/errors.ts';
import { shortHash } from '../core/hash.ts';
import type { JsonObject } from '../core/json.ts';
import type { Layer } from './profile.ts';
import { readPlainDocument } from './startup/plain-document.ts';
import { preparsed } from './startup/preparsed.ts';

const LARGEST = 1024 ** 2;
/** The parser calls itself for each level; far more of them than this end the process. */
const DEEPEST = 100;

/** Parses a settings file. A syntax error names the line and the column; aliases are bounded against YAML bombs. */
export function parseSettings(text: string, origin: string): Layer {
  const known = preparsed[shortHash(text)];
  const data = known === undefined ? readPlainDocument(text) : (JSON.parse(known) as JsonObject);
  if (data === undefined) return parseText(text, origin);
  let parsed: Layer | undefined;
  return {
    origin,
    data,
    locate: (path) => {
      parsed ??= parseText(text, origin);
      return parsed.locate(path);
    },
  };
}

function parseText(text: string, origin: string): Layer {
  if (text.length > LARGEST) {
    throw new UserError(
      'BAD_YAML',
      `${origin} is ${Math.round(text.length / 1024)} KiB large; settings are at most 1 MiB`,
      'point --config to a medianest.yml',
    );
  }
  if (isTooDeep(text)) throw new UserError('BAD_YAML', `${origin} is nested more than ${DEEPEST} levels deep`, 'write it flatter');
  const lines = new LineCounter();
  // The parser's own search for keys given twice takes quadratic time.
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, uniqueKeys: false });
  const problem = document.errors[0] ?? misuse(document);
  if (problem) {
    const { line, col } = lines.linePos(problem.pos[0]);
    const remedy = /:\s+::/.test(text.split('\n')[line - 1] ?? '')
      ? 'write an IPv6 address in quotes: "::"'
      : `correct line ${line} of ${origin}`;
    throw new UserError('BAD_YAML', `${origin}:${line}:${col}: ${problem.message}`, remedy, {
      path: `${origin}:${line}:${col}`,
    });
  }
  const data = toPlain(() => document.toJS({ maxAliasCount: 100 }), origin);
  return {
    origin,
    data,
    locate: (path) => {
      const at = position(document.contents, path);
      return at === undefined ? origin : `${origin}:${lines.linePos(at).line}`;
    },
  };
}

/** Counts brackets, and indicators at the start of a line, without parsing: what is inside quotes counts too. */
function isTooDeep(text: string): boolean {
  if (new RegExp(`^(?:[ \\t]*[-?:][ \\t]){${DEEPEST}}|^ {${4 * DEEPEST}}`, 'm').test(text)) return true;
  let depth = 0;
  for (const [bracket] of text.matchAll(/[[\]{}]/g)) {
    depth = Math.max(0, depth + (bracket === '[' || bracket === '{' ? 1 : -1));
    if (depth > DEEPEST) return true;
  }
  return false;
}

const anchorOf = (node: unknown): string | undefined => (isScalar(node) || isCollection(node) ? node.anchor : undefined);

/** The first key that is given twice in its mapping, or alias that has no anchor before it. */
function misuse(document: Document): { message: string; pos: [number, number] } | undefined {
  const anchors = new Set<string>();
  let found: { message: string; pos: [number, number] } | undefined;
  const at = (node: unknown, message: string) => {
    const start = (isNode(node) && node.range?.[0]) || 0;
    found = { message, pos: [start, start] };
    return visit.BREAK;
  };
  visit(document, (_key, node, path) => {
    if (isAlias(node)) {
      if (!anchors.has(node.source)) return at(node, 'an alias without its anchor; quote a value that starts with `*`');
      if (path.some((outer) => anchorOf(outer) === node.source)) return at(node, 'an alias of what it is part of');
    }
    const anchor = anchorOf(node);
    if (anchor) anchors.add(anchor);
    if (!isMap(node)) return undefined;
    const seen = new Set<unknown>();
    for (const { key } of node.items) {
      const name = isScalar(key) ? key.value : key;
      if (seen.has(name)) return at(key, 'a key is given twice: keys must be unique');
      seen.add(name);
    }
    return undefined;
  });
  return found;
}

function toPlain(read: () => unknown, origin: string): JsonObject {
  let value: unknown;
  try {
    value = read();
  } catch (error) {
    // The parser's message would quote what it could not resolve, which may be a password.
    throw new UserError('BAD_YAML', `${origin}: its aliases (\`*name\`) multiply too far`, 'use fewer aliases', {
      cause: error,
    });
  }
  if (value === null || value === undefined) return {};
  if (typeof value === 'object' && !Array.isArray(value)) return value as JsonObject;
  throw new UserError('BAD_YAML', `${origin}:1:1: a list or a single value stands where settings should be`, 'write `key: value` lines');
}

/** Offset of the deepest key of the path that the document has. */
function position(root: Node | null, path: readonly PropertyKey[]): number | undefined {
  let node: unknown = root;
  let found: number | undefined;
  for (const key of path) {
    if (isMap(node)) {
      const pair = node.items.find((item) => isPair(item) && String(item.key) === String(key));
      if (!pair) return found;
      found = isNode(pair.key) ? pair.key.range?.[0] : found;
      node = pair.value;
    } else if (isSeq(node)) {
      node = node.items[Number(key)];
      found = isNode(node) ? node.range?.[0] : found;
    } else return found;
  }
  return found;
}
