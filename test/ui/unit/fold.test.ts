import { describe, expect, it } from 'vitest';
import { fold, head, widthOf } from '../../../src/ui/fold.ts';
import { painter, showsColor } from '../../../src/ui/paint.ts';

describe('folding', () => {
  it.each([
    ['short', 10, 0, 'short'],
    ['one two three', 8, 0, 'one two\nthree'],
    ['one two three', 7, 0, 'one two\nthree'],
    ['  Fix: one two three', 12, 5, '  Fix: one\n      two\n      three'],
    ['see https://media.example/a/long/path now', 12, 0, 'see\nhttps://media.example/a/long/path\nnow'],
    ['averyveryverylongword', 5, 0, 'averyveryverylongword'],
    ['first line\nsecond line', 8, 2, 'first\n  line\nsecond\n  line'],
    ['', 5, 0, ''],
    ['   ', 2, 0, '   '],
  ])('%j in %i columns, %i more', (text, width, more, expected) => {
    expect(fold(text, width, more)).toBe(expected);
  });
  it('takes lines of any length where there is no terminal', () => {
    expect(widthOf({ columns: 80 })).toBe(Number.POSITIVE_INFINITY);
    expect(widthOf({ isTTY: true, columns: 80 })).toBe(80);
    expect(widthOf({ isTTY: true, columns: 0 })).toBe(Number.POSITIVE_INFINITY);
    expect(fold('a b', widthOf({}))).toBe('a b');
  });
  it('ends, and keeps every word whole, whatever the width', () => {
    const text = '    medianest waf allow 942100 --path /api/notes --parameter text, then medianest up';
    for (let width = 1; width < 100; width++) expect(fold(text, width, 4).split(/\s+/)).toEqual(text.split(/\s+/));
  });
});

it.each([
  ['a\nb\nc', 3, 'a\nb\nc'],
  ['a\nb\nc', 2, 'a\n(2 more lines)'],
  ['a\nb\nc', 1, '(3 more lines)'],
  ['a\nb\nc', 0, '(3 more lines)'],
  ['', 1, ''],
])('%j on a screen of %i rows', (text, rows, expected) => {
  expect(head(text, rows)).toBe(expected);
});

describe('colour', () => {
  it.each([
    [true, {}, true, true],
    [true, {}, false, false],
    [true, { TERM: 'dumb' }, true, false],
    [true, { CLICOLOR: '0' }, true, false],
    [true, { CLICOLOR_FORCE: '1' }, false, true],
    [true, { CLICOLOR_FORCE: '1', TERM: 'dumb' }, false, true],
    [true, { CLICOLOR_FORCE: '0' }, false, false],
    [true, { CLICOLOR_FORCE: '1', NO_COLOR: '1' }, true, false],
    [true, { NO_COLOR: '' }, true, true],
    [false, { CLICOLOR_FORCE: '1' }, true, false],
  ])('allowed %s with %j, terminal %s: %s', (allowed, env, isTerminal, expected) => {
    expect(showsColor(allowed, env, isTerminal)).toBe(expected);
  });
  it('is around what is there alone', () => {
    expect(painter(true)('fail', 'x')).toBe('\u001b[31mx\u001b[0m');
    expect([painter(true)('fail', ''), painter(false)('fail', 'x')]).toEqual(['', 'x']);
  });
});
