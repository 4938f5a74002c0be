import { describe, expect, it } from 'vitest';
import { type Cursor, newCursor, sinceParameter, Taking } from '../../../src/agent/logs/plan/cursor.ts';
import { splitFrames } from '../../../src/agent/logs/plan/frames.ts';
import { LineJoiner } from '../../../src/agent/logs/plan/lines.ts';
import { line, moment, pieces } from '../../support/logs/frames.ts';

/** Frames as the engine keeps them: those from a moment on are sent, in their order. */
type Kept = { time: string; bytes: Buffer }[];

/** Reads from a cursor on, and stops after so many frames, as a killed process does. */
function read(kept: Kept, cursor: Cursor, frames = Number.POSITIVE_INFINITY): { taken: string[]; cursor: Cursor } {
  const sent = kept.filter(({ time }) => time >= cursor.since).slice(0, frames);
  const [joiner, taking] = [new LineJoiner(), new Taking(cursor)];
  const taken: string[] = [];
  let last = cursor;
  for (const frame of sent.flatMap(({ bytes }) => splitFrames(Buffer.alloc(0), bytes).frames)) {
    const found = joiner.add(frame);
    const next = found && taking.take(found.time, joiner.unfinished);
    if (!next) continue;
    taken.push(`${found.text.slice(0, 12)}#${next.n}`);
    last = next.cursor;
  }
  return { taken, cursor: last };
}

const one = (time: string, text: string, stream = 1) => ({ time, bytes: line(time, text, stream) });
const long = pieces(moment(3), `long ${'x'.repeat(40_000)}`).map((bytes) => ({ time: moment(3), bytes }));

/** Lines of one moment, a long line with those of the other stream between its parts, and what follows. */
const KEPT: Kept = [
  one(moment(1), 'a'),
  one(moment(2), 'b1'),
  one(moment(2), 'b2'),
  one(moment(2), 'b3', 2),
  long[0] as Kept[number],
  one(moment(4), 'c', 2),
  one(moment(5), 'd', 2),
  long[1] as Kept[number],
  long[2] as Kept[number],
  one(moment(6), 'e'),
];

describe('a cursor', () => {
  it('is asked for as seconds with nine digits', () => {
    expect(sinceParameter('')).toBe('0.000000000');
    expect(sinceParameter('1970-01-01T00:00:01.000000002Z')).toBe('1.000000002');
    expect(sinceParameter('2026-11-30T04:00:00.123456789Z')).toBe(`${Date.UTC(2026, 10, 30, 4) / 1000}.123456789`);
  });

  it('loses and doubles nothing, wherever the process is killed, once or at every frame', () => {
    const all = read(KEPT, newCursor('i')).taken;
    expect(all).toHaveLength(8);
    for (let stop = 0; stop <= KEPT.length; stop++) {
      const first = read(KEPT, newCursor('i'), stop);
      expect([...first.taken, ...read(KEPT, first.cursor).taken]).toEqual(all);
    }
    let cursor = newCursor('i');
    const taken: string[] = [];
    for (let step = 1; step <= 3 * KEPT.length; step++) {
      // Each life sees one frame more of what it is sent, and nothing where that is not enough.
      const next = read(KEPT, cursor, step);
      taken.push(...next.taken);
      cursor = next.cursor;
    }
    expect(taken).toEqual(all);
  });

  it('numbers the lines of one moment, the same in every run', () => {
    expect(read(KEPT, newCursor('i')).taken.slice(1, 4)).toEqual(['b1#0', 'b2#1', 'b3#2']);
    const killed = read(KEPT, newCursor('i'), 2);
    expect(read(KEPT, killed.cursor).taken.slice(0, 2)).toEqual(['b2#1', 'b3#2']);
  });

  it('skips no new line after the engine has rotated taken ones away', () => {
    const { cursor } = read(KEPT, newCursor('i'), 4);
    expect(cursor).toMatchObject({ since: moment(2), skip: 3 });
    expect(read([one(moment(7), 'f'), one(moment(8), 'g')], cursor).taken).toEqual(['f#0', 'g#0']);
  });

  it('loses nothing after the clock was set back while lines came; what comes twice has the same number', () => {
    const back = [one(moment(10), 'a'), one(moment(11), 'b'), one(moment(2), 'c'), one(moment(3), 'd'), one(moment(12), 'e')];
    // Killed before it saw that, the engine is asked for lines of a moment that has not come yet (docs/logs.md).
    for (const stop of [0, 3, 4, 5]) {
      const first = read(back, newCursor('i'), stop);
      const second = read(back, first.cursor);
      expect(new Set([...first.taken, ...second.taken])).toEqual(new Set(['a#0', 'b#0', 'c#0', 'd#0', 'e#0']));
    }
  });
});
