import { expect, it } from 'vitest';
import { table } from '../../../src/ui/table.ts';

const ROWS = [
  ['SERVICE', 'STATE', 'IMAGE', 'ADDRESSES'],
  ['edge', 'running', 'medianest/edge:0123456789ab', '172.16.0.10 10.0.0.10'],
  ['postgres', 'running', '-', '192.168.0.20'],
];
const widest = (text: string) => Math.max(...text.split('\n').map((line) => line.length));

it('is as wide as its cells where there is room', () => {
  expect(table(ROWS)).toBe(
    [
      'SERVICE   STATE    IMAGE                        ADDRESSES',
      'edge      running  medianest/edge:0123456789ab  172.16.0.10 10.0.0.10',
      'postgres  running  -                            192.168.0.20',
    ].join('\n'),
  );
});

it.each([200, 100, 80, 60])('fits into %i columns, and loses nothing', (width) => {
  const text = table(ROWS, width);
  expect(widest(text)).toBeLessThanOrEqual(width);
  for (const word of ['172.16.0.10', '10.0.0.10', '192.168.0.20', 'postgres']) expect(text).toContain(word);
  expect(text.replace(/\s/g, '').length).toBe(ROWS.flat().join('').replace(/\s/g, '').length);
});

it('breaks no word, and becomes a block for each row where one would have to be broken', () => {
  const words = ROWS.slice(1)
    .flat()
    .flatMap((cell) => cell.split(' '))
    .filter((word) => word !== '-');
  for (let width = 30; width < 120; width++) {
    const found = table(ROWS, width).split(/\s+/);
    expect(words.filter((word) => !found.includes(word))).toEqual([]);
    // The longest word, with its name before it, needs 40.
    if (width >= 40) expect(widest(table(ROWS, width))).toBeLessThanOrEqual(width);
  }
  expect(table(ROWS, 50)).toContain('edge\n  STATE      running\n');
  expect(table([['a', 'one two three four five six seven']], 20)).toBe('a  one two three\n   four five six\n   seven');
});

it('becomes a block for each row in 40 columns', () => {
  const wide = [[...(ROWS[0] as string[]), 'MORE COLUMNS'], ...ROWS.slice(1).map((row) => [...row, 'a value'])];
  expect(table(wide, 40)).toContain('edge\n  STATE         running\n  IMAGE         medianest/edge:0123456789ab\n');
  expect(table(wide, 40)).not.toContain('IMAGE         -');
});

it('has nothing to fold where there is nothing', () => {
  expect([table([], 40), table([['A']], 40)]).toEqual(['', 'A']);
});
