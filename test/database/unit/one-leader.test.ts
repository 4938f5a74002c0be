import { expect, test } from 'vitest';

interface Write {
  timeline: number;
  member?: string;
  began: number;
  ended: number;
  what: string;
}
type Judge = (writes: Write[], claims?: { member: string; began: number; ended: number }[]) => string[];

// The judge of the faults' tests is judged first: one that finds nothing would prove nothing.
const { contradictions } = (await import(new URL('../../support/data/one-leader.mjs', import.meta.url).href)) as { contradictions: Judge };

const write = (at: number, timeline: number, member?: string): Write => ({
  timeline,
  began: at,
  ended: at + 5,
  what: 'a write',
  ...(member && { member }),
});
const claim = (at: number, member: string) => ({ member, began: at, ended: at + 5 });

test('a failover is no contradiction, also where writes overlap it', () => {
  const overlapping = { ...write(100, 1, 'a'), ended: 400 };
  expect(contradictions([write(0, 1, 'a'), overlapping, write(200, 2, 'b'), write(210, 2)])).toEqual([]);
});

test('a leader that recovers in place, on the same timeline or a new one, is no contradiction', () => {
  expect(contradictions([write(0, 1, 'a'), write(500, 1, 'a'), write(900, 2, 'a'), write(950, 2)])).toEqual([]);
});

test('one that takes a write after another has, on an older timeline, is found', () => {
  expect(contradictions([write(0, 1, 'a'), write(100, 2, 'b'), write(110, 1, 'a')])).toEqual([
    'timeline 1 took a write 5 ms after timeline 2 had taken one',
  ]);
  expect(contradictions([write(0, 1), write(100, 2), write(110, 1)])).toHaveLength(1);
});

test('two on one timeline are found', () => {
  expect(contradictions([write(0, 1, 'a'), write(100, 1, 'b')])).toEqual(['timeline 1 has two leaders: a and b']);
});

test('who says that it leads while another takes writes is found, and who is just being promoted is not', () => {
  const writes = [write(0, 1, 'a'), write(800, 1, 'a'), write(9000, 2, 'b'), write(9100, 2, 'b')];
  expect(contradictions(writes, [claim(100, 'a'), claim(900, 'b'), claim(8000, 'b'), claim(9500, 'b')])).toEqual([]);
  expect(contradictions(writes, [claim(9200, 'a')])).toEqual(['a said that it leads in a time that is another’s']);
  expect(contradictions(writes, [claim(500, 'b')])).toEqual(['b said that it leads in a time that is another’s']);
});
