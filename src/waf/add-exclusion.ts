import { type Document, isAlias, isMap, isScalar, isSeq, parseDocument, stringify } from 'yaml';
import { UserError } from '../core/errors.ts';
import { canonical } from '../core/hash.ts';
import type { Json } from '../core/json.ts';
import type { Exclusion } from '../services/edge/settings/waf.ts';

const PATH = ['edge', 'waf', 'exclusions'] as const;

/**
 * The text of medianest.yml with more exclusions. What stands in it stays as it is, comments and spacing included; where
 * the place is inside braces, these are written again.
 */
export function addExclusions(text: string, added: readonly Exclusion[]): string {
  const document = parseDocument(text);
  for (let depth = 1; depth <= PATH.length; depth++) {
    const path = PATH.slice(0, depth);
    const node = document.getIn(path, true);
    if (isAlias(node)) {
      throw new UserError(
        'INVALID_SETTINGS',
        `${path.join('.')} is an alias (*${node.source}): what is added there would count elsewhere too`,
        `write ${PATH.join('.')} yourself: ${JSON.stringify(added)}`,
      );
    }
    // `edge:` with nothing behind it.
    if (isScalar(node) && node.value === null) document.setIn(path, document.createNode(depth === PATH.length ? [] : {}));
  }
  const inserted = insertLines(text, added);
  const list = document.getIn(PATH, true);
  if (isSeq(list)) for (const exclusion of added) list.add(document.createNode(exclusion, { flow: true }));
  else document.setIn(PATH, document.createNode(added));
  const wanted = canonical(document.toJS() as Json);
  const kept = [inserted, replaceBraces(text, document)].find((candidate) => candidate !== undefined && sameData(candidate, wanted));
  if (kept !== undefined) return kept;
  return document.toString({ lineWidth: 0 });
}

/** The outermost braces on the path, written again with the addition; the rest of the text is untouched. */
function replaceBraces(text: string, document: Document): string | undefined {
  for (let depth = 1; depth <= PATH.length; depth++) {
    const node = document.getIn(PATH.slice(0, depth), true);
    if (!(isMap(node) || isSeq(node)) || !node.flow || !node.range) continue;
    const [start, end] = node.range;
    // A comment behind the braces stays where it is in the text.
    node.comment = null;
    return text.slice(0, start) + stringify(node, { collectionStyle: 'flow', lineWidth: 0 }).trim() + text.slice(end);
  }
  return undefined;
}

function sameData(text: string, wanted: string): boolean {
  const document: Document = parseDocument(text);
  return document.errors.length === 0 && canonical(document.toJS() as Json) === wanted;
}

/** Lines put behind the last one of the deepest block that is there; undefined where that is no block. */
function insertLines(text: string, added: readonly Exclusion[]): string | undefined {
  const document = parseDocument(text);
  const items = (indent: number) => added.map((entry) => `${' '.repeat(indent)}- ${flow(entry)}\n`).join('');
  const keys = (from: number, indent: number): string =>
    PATH.slice(from)
      .map((key, i) => `${' '.repeat(indent + 2 * i)}${key}:\n`)
      .join('') + items(indent + 2 * (PATH.length - from));
  const empty = emptyKey(document);
  if (empty) {
    const indent = column(text, empty.start) + 2;
    return put(text, empty.start, empty.depth === PATH.length ? items(indent) : keys(empty.depth, indent));
  }
  const list = document.getIn(PATH, true);
  if (isSeq(list))
    return list.flow || !list.range || list.items.length === 0 ? undefined : put(text, list.range[1], items(column(text, list.range[0])));
  for (let depth = PATH.length - 1; depth >= 0; depth--) {
    const node = depth === 0 ? document.contents : document.getIn(PATH.slice(0, depth), true);
    if (isMap(node)) return node.flow || !node.range ? undefined : put(text, node.range[1], keys(depth, column(text, node.range[0])));
  }
  return document.contents === null ? `${text}${text === '' || text.endsWith('\n') ? '' : '\n'}${keys(0, 0)}` : undefined;
}

/** A key on the way that has nothing behind it. */
function emptyKey(document: Document): { depth: number; start: number } | undefined {
  for (let depth = 1; depth <= PATH.length; depth++) {
    const parent = depth === 1 ? document.contents : document.getIn(PATH.slice(0, depth - 1), true);
    const pair = isMap(parent) ? parent.items.find(({ key }) => isScalar(key) && key.value === PATH[depth - 1]) : undefined;
    const value = pair?.value;
    if (
      pair &&
      (value === null || (isScalar(value) && value.value === null && value.source === '')) &&
      isScalar(pair.key) &&
      pair.key.range
    )
      return { depth, start: pair.key.range[0] };
  }
  return undefined;
}

/** `{ rule: 942100, path: /api }` on one line, quoted where YAML needs it. */
const flow = (entry: Exclusion): string => stringify(entry, { collectionStyle: 'flow', lineWidth: 0 }).trim();

const column = (text: string, offset: number): number => offset - (text.lastIndexOf('\n', offset - 1) + 1);

/** Behind the line of this offset. */
function put(text: string, end: number, lines: string): string {
  if (text[end - 1] === '\n') return text.slice(0, end) + lines + text.slice(end);
  const newline = text.indexOf('\n', end);
  return newline < 0 ? `${text}\n${lines}` : text.slice(0, newline + 1) + lines + text.slice(newline + 1);
}
