import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { listOf, numberOf, textOf, waitSecondsOf } from '../../../src/core/flags.ts';

describe('the text of an option', () => {
  const days = (value: unknown) => numberOf('--days', value, { most: 3650, should: 'a number from 1 to 3650', example: 365 });

  it.each(['0', '3651', '1.5', 'ten', '', '-1', '1e9', true])('%j is no number of days', (value) => {
    expect(() => days(value === true ? 'true' : value)).toThrow(`--days ${value}: should be a number from 1 to 3650`);
  });

  it('is a number within its bounds, and nothing where it was not given', () => {
    expect([days('1'), days('3650'), days(undefined)]).toEqual([1, 3650, undefined]);
    expect([waitSecondsOf('300'), waitSecondsOf(undefined)]).toEqual([300, undefined]);
    expect(() => waitSecondsOf('1h')).toThrow('--timeout 1h: should be a number of seconds');
  });

  it('is a list, and a text', () => {
    expect([listOf('a, b,c'), listOf(undefined), textOf('x'), textOf(undefined)]).toEqual([['a', 'b', 'c'], undefined, 'x', undefined]);
  });
});

describe('options as they are typed', () => {
  const src = path.resolve(import.meta.dirname, '../../../src');
  const files = (readdirSync(src, { recursive: true }) as string[]).filter((file) => file.endsWith('.ts'));
  const below = files.filter((file) => !/(^|\/)commands\//.test(file) && !/^(cli|capability)\//.test(file));

  it('do not reach below commands', () => {
    expect(below.length).toBeGreaterThan(200);
    // Options are a record of what commander was given: nothing below takes one, or a part of one, untyped.
    const untyped = /\b(options|asked)\??: (Readonly<)?(unknown\b|Options\b|Record<string, unknown>|\{[^}]*(?<!cause\??: )\bunknown\b)/;
    expect(below.filter((file) => untyped.test(readFileSync(path.join(src, file), 'utf8')))).toEqual([]);
  });
});
