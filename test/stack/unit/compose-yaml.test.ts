import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse, stringify } from 'yaml';
import type { Json, JsonObject } from '../../../src/core/json.ts';
import { plainYaml } from '../../../src/stack/compose-yaml.ts';
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
    const document = parse(readFileSync(path.join(GOLDEN, file), 'utf8')) as JsonObject;
    expect(plainYaml(document)).toBe(whole(document));
  });
  it('is what the library writes, whatever is in it', () => {
    const next = numbers(7);
    let short = 0;
    for (let i = 0; i < 3000; i++) {
      const document = { a: value(next, 5, 0), b: value(next, 3, 0) };
      const text = plainYaml(document);
      if (text !== undefined) short++;
      expect([text, document]).toEqual([whole(document), document]);
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
