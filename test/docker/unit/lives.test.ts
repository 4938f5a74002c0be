import { describe, expect, it } from 'vitest';
import { judgeLife, type Life, restartsSince, restartsText } from '../../../src/docker/plan/lives.ts';

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const NOW = 100 * 24 * 60 * MINUTE;
/** @param age since it was made, `since` since it was started last */
const life = (restarts: number, since: number, age: number): Life => ({ restarts, created: NOW - age, started: NOW - since });

describe('a container that the engine had to restart', () => {
  it.each<[string, Life, string]>([
    ['never was', life(0, SECOND, SECOND), 'calm'],
    ['was half an hour ago', life(7, 30 * MINUTE, 60 * MINUTE), 'calm'],
    ['was once just now', life(1, SECOND, MINUTE), 'restarted'],
    ['was twice just now', life(2, SECOND, MINUTE), 'restarted'],
    ['was often just now', life(3, SECOND, MINUTE), 'loops'],
    ['was often, and runs for two minutes each time', life(4, 110 * SECOND, 10 * MINUTE), 'loops'],
    ['was seldom in a long life, the last time some minutes ago', life(4, 5 * MINUTE, 90 * 24 * 60 * MINUTE), 'restarted'],
    ['loops after a long life', life(40, 5 * SECOND, 90 * 24 * 60 * MINUTE), 'loops'],
  ])('%s', (_case, seen, verdict) => {
    expect(judgeLife(seen, NOW)).toBe(verdict);
  });
  it('is told with how often, and when last', () => {
    expect(restartsText(life(1, 20 * SECOND, MINUTE), NOW)).toBe('restarted once, 20 s ago');
    expect(restartsText(life(5, 4 * MINUTE, 60 * MINUTE), NOW)).toBe('restarted 5 times, last 4 min ago');
  });
  it('counts from what was seen before, or from its own start', () => {
    const of = (restarts: number) => life(restarts, 0, 0);
    expect([restartsSince(undefined, of(2)), restartsSince(of(5), of(6)), restartsSince(of(5), of(1))]).toEqual([2, 1, 1]);
  });
});
