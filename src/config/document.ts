import { isMap, isNode, isPair, isSeq, LineCounter, type Node, parseDocument } from 'yaml';
import { UserError } from '../errors.ts';
import type { JsonObject } from '../stack/types.ts';
import type { Layer } from './profile.ts';

const LARGEST = 1024 ** 2;

/** Parses a settings file. A syntax error names the line and the column; aliases are bounded against YAML bombs. */
export function parseSettings(text: string, origin: string): Layer {
  if (text.length > LARGEST) {
    throw new UserError(
      'BAD_YAML',
      `${origin} is ${Math.round(text.length / 1024)} KiB large; settings are at most 1 MiB`,
      'point --config to a medianest.yml',
    );
  }
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const problem = document.errors[0];
  if (problem) {
    const { line, col } = lines.linePos(problem.pos[0]);
    throw new UserError('BAD_YAML', `${origin}:${line}:${col}: ${problem.message}`, `correct line ${line} of ${origin}`, {
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

function toPlain(read: () => unknown, origin: string): JsonObject {
  let value: unknown;
  try {
    value = read();
  } catch (error) {
    throw new UserError('BAD_YAML', `${origin}: ${(error as Error).message}`, 'use fewer aliases', { cause: error });
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
