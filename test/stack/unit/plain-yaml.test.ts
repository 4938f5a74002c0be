import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse, stringify } from 'yaml';
import type { Json, JsonObject } from '../../../src/core/json.ts';
import { plainYaml, readPlainYaml } from '../../../src/stack/compose/plain-yaml.ts';
import { HOME } from '../../support/cli.ts';

const whole = (document: JsonObject): string =>
  stringify(document, { lineWidth: 0, aliasDuplicateObjects: false, defaultStringType: 'QUOTE_DOUBLE', defaultKeyType: 'PLAIN' });

const GOLDEN = path.join(HOME, 'test/golden');
const rendered = (readdirSync(GOLDEN, { recursive: true }) as string[]).filter((file) => path.basename(file) === 'compose.yml');

/** The same numbers in every run (mulberry32). */
function numbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

const TEXTS = [
  '',
  ' ',
  'a',
  '0',
  '1_000',
  'true',
  '~',
  '---',
  '--- a',
  '# no',
  'a: b',
  "it's",
  'say "so"',
  'back\\slash',
  '$$x',
  'größe',
  '\u2028',
  '🙂',
];
const OTHERS = ['a\nb', `${'long '.repeat(20)}\nline`, '\t', '\u0000', '\u0085', 'end\n', ' \n'];
const KEYS = ['a', 'image', 'x-left-out', 'io.medianest.project', '_A1', 'net.core/x'];
const ODD_KEYS = ['', 'true', 'Null', 'no', '1', '0x1', 'a b', 'a:', '- a', '?', '#', 'é', '.inf', 'k'.repeat(1100)];

function value(next: () => number, depth: number, odd: number): Json {
  const pick = <T>(list: readonly T[]): T => list[Math.floor(next() * list.length)] as T;
  const kind = next();
  if (depth > 0 && kind < 0.3) return Array.from({ length: Math.floor(next() * 4) }, () => value(next, depth - 1, odd));
  if (depth > 0 && kind < 0.7)
    return Object.fromEntries(
      Array.from({ length: Math.floor(next() * 5) }, () => [pick(next() < odd ? ODD_KEYS : KEYS), value(next, depth - 1, odd)]),
    );
  if (kind < 0.85) return pick(next() < odd ? OTHERS : TEXTS);
  return pick(next() < odd ? [-0, Number.NaN, Infinity] : [0, 1, -7, 0.5, 1e21, 2 ** 53, 1e-7, 104_857_600, true, false, null]);
}

describe('a Compose file, written in the short way', () => {
  it.each(rendered)('is byte for byte what the library writes: %s', (file) => {
    const text = readFileSync(path.join(GOLDEN, file), 'utf8');
    const document = parse(text) as JsonObject;
    expect(plainYaml(document)).toBe(whole(document));
    expect(readPlainYaml(text)).toEqual(document);
  });
  it('is what the library writes, whatever is in it', () => {
    const next = numbers(7);
    let short = 0;
    for (let i = 0; i < 3000; i++) {
      const document = { a: value(next, 5, 0), b: value(next, 3, 0) };
      const text = plainYaml(document);
      if (text !== undefined) short++;
      expect([text, document]).toEqual([whole(document), document]);
      // JSON has other numbers than these at most as YAML has them.
      expect(readPlainYaml(`# a comment\n${text}`) ?? parse(text as string)).toEqual(document);
    }
    expect(short).toBe(3000);
  });
  it('is left to the library where it would be another one', () => {
    const next = numbers(8);
    let left = 0;
    for (let i = 0; i < 3000; i++) {
      const document = { a: value(next, 5, 0.1) };
      const text = plainYaml(document);
      if (text === undefined) left++;
      else expect(text).toBe(whole(document));
    }
    expect(left).toBeGreaterThan(500);
    expect(left).toBeLessThan(2900);
    expect(plainYaml({})).toBeUndefined();
  });
});

const parsed = (text: string): unknown => {
  try {
    return parse(text);
  } catch (error) {
    return (error as Error).message;
  }
};

describe('a Compose file, read in the short way', () => {
  const text = 'a:\n  b: "x"\n  c:\n    - d: 1\n      e: true\n    - []\nf: null\n';

  it('has what the library finds in it', () => {
    expect(readPlainYaml(text)).toEqual({ a: { b: 'x', c: [{ d: 1, e: true }, []] }, f: null });
  });
  it.each([
    ['a plain text', 'a: x\n'],
    ['a word that YAML 1.1 knows', 'a: yes\n'],
    ['a number with a zero before it', 'a: 010\n'],
    ['another indent', 'a:\n    b: 1\n'],
    ['a key given twice', 'a: 1\na: 2\n'],
    ['a key that is none of an object', '__proto__: 1\n'],
    ['a text over two lines', 'a: "x\n  y"\n'],
    ['a text that goes on', 'a: "x"\n  b: 1\n'],
    ['a comment between', 'a: 1\n# b\nc: 2\n'],
    ['a comment at the end of a line', 'a: "x" # b\n'],
    ['an anchor', 'a: &b 1\n'],
    ['an escape that JSON does not have', 'a: "\\x41"\n'],
    ['no end of the last line', 'a: 1'],
    ['ends of lines of Windows', 'a: 1\r\n'],
    ['a second document', 'a: 1\n---\nb: 2\n'],
    ['a list', '- a\n'],
    ['a key without a value', 'a:\n'],
    ['nothing', ''],
    ['comments alone', '# a\n'],
  ])('is left to the library with %s', (_what, other) => {
    expect(readPlainYaml(other)).toBeUndefined();
  });
  it('is what the library finds, or is left to it, wherever a byte was changed', () => {
    const next = numbers(9);
    const bytes = ['"', ':', ' ', '-', '\n', '#', '\\', '0', 'x', '{', '\t', "'"];
    let left = 0;
    for (let i = 0; i < 3000; i++) {
      const at = Math.floor(next() * text.length);
      const changed = text.slice(0, at) + bytes[Math.floor(next() * bytes.length)] + text.slice(at + Math.floor(next() * 2));
      const read = readPlainYaml(changed);
      if (read === undefined) left++;
      else expect(parsed(changed), changed).toEqual(read);
    }
    expect(left).toBeGreaterThan(500);
    expect(left).toBeLessThan(3000);
  });
});
