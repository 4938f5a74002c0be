import { readFileSync } from 'node:fs';
import path from 'node:path';
import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { type ErrorCode, EXIT, systemCode, UserError } from '../../../src/core/errors.ts';
import { Secret } from '../../../src/core/secret.ts';
import { didYouMean, nearest } from '../../../src/core/suggest.ts';
import { table } from '../../../src/ui/table.ts';
import { HOME } from '../../support/cli.ts';

const codes = [...readFileSync(path.join(HOME, 'src/core/errors.ts'), 'utf8').matchAll(/^ {2}([A-Z_]+): EXIT\./gm)].map(
  (match) => match[1] as ErrorCode,
);

describe('errors', () => {
  it('end with one of the documented statuses, each of them', () => {
    expect(codes.length).toBeGreaterThan(25);
    const statuses = codes.map((code) => new UserError(code, 'm', 'h').exitStatus);
    expect(statuses.filter((status) => ![1, 2, 4, 5, 130].includes(status))).toEqual([]);
    expect(EXIT).toEqual({ done: 0, failed: 1, usage: 2, pending: 3, partial: 4, unhealthy: 5, interrupted: 130 });
  });
  it.each<[ErrorCode, number]>([
    ['USAGE', 2],
    ['INVALID_SETTINGS', 2],
    ['BAD_YAML', 2],
    ['NOT_BUILT_YET', 1],
    ['ENGINE_AWAY', 1],
    ['HAND_EDITED', 1],
    ['LOCKED', 1],
    ['PARTIAL', 4],
    ['UNHEALTHY', 5],
    ['INTERRUPTED', 130],
  ])('%s ends with %i', (code, status) => {
    expect(new UserError(code, 'm', 'h').exitStatus).toBe(status);
  });
  it('are JSON with what scripts read, and nothing else', () => {
    expect(JSON.parse(JSON.stringify(new UserError('USAGE', 'm', 'h', { path: 'x:1', cause: new Error('inner') })))).toEqual({
      code: 'USAGE',
      message: 'm',
      hint: 'h',
      path: 'x:1',
    });
    expect(JSON.parse(JSON.stringify(new UserError('USAGE', 'm', 'h')))).toEqual({ code: 'USAGE', message: 'm', hint: 'h' });
  });
  it.each([
    [Object.assign(new Error('x'), { code: 'ENOENT' }), 'ENOENT'],
    [Object.assign(new Error('x'), { code: 5 }), undefined],
    [new Error('x'), undefined],
    ['ENOENT', undefined],
    [undefined, undefined],
  ])('know a system error from any other: %o', (error, code) => {
    expect(systemCode(error)).toBe(code);
  });
});

describe('suggestions', () => {
  const known = ['httpPort', 'httpsPort', 'domains', 'all-in-one', 'memory'];
  it.each([
    ['httpPrt', 'httpPort'],
    ['HTTPSPORT', 'httpsPort'],
    ['domain', 'domains'],
    ['allinone', 'all-in-one'],
    ['xyzzy', undefined],
    ['', undefined],
    ['x'.repeat(100_000), undefined],
  ])('for %.20s: %s', (word, expected) => {
    expect(nearest(word, known)).toBe(expected);
  });
  it('are the known words where nothing is near, and do not fail on none', () => {
    expect(didYouMean('zzzzzzzz', ['b', 'a'])).toBe('known here: a, b');
    expect(didYouMean('x', [])).toBe('known here: ');
  });
});

it('a secret shows nothing in any way that a value is printed', () => {
  const secret = new Secret('planted');
  const shown = [
    `${secret}`,
    String(secret),
    JSON.stringify({ secret }),
    inspect(secret),
    inspect({ deep: [secret] }, { depth: 9, showHidden: true }),
    Object.keys(secret).join(),
  ];
  expect(shown.join()).not.toContain('planted');
  expect(structuredClone({ secret })).toEqual({ secret: {} });
  expect(secret.reveal()).toBe('planted');
});

it('a table pads all columns but the last, and is empty for no rows', () => {
  expect(
    table([
      ['A', 'B'],
      ['long', 'x'],
    ]),
  ).toBe('A     B\nlong  x');
  expect(table([])).toBe('');
});
