import { describe, expect, it } from 'vitest';
import { type Frame, NotFramed, splitFrames } from '../../../src/agent/logs/plan/frames.ts';
import { type Line, LineJoiner, LONGEST_LINE } from '../../../src/agent/logs/plan/lines.ts';
import { line, moment, pieces } from '../../support/logs/frames.ts';

/** All frames of these bytes, given in chunks of a size. */
function framesOf(bytes: Buffer, chunk = bytes.length): Frame[] {
  const frames: Frame[] = [];
  let rest: Buffer = Buffer.alloc(0);
  for (let at = 0; at < bytes.length; at += chunk) {
    const split = splitFrames(rest, bytes.subarray(at, at + chunk));
    rest = split.rest;
    frames.push(...split.frames);
  }
  expect(rest).toHaveLength(0);
  return frames;
}

function linesOf(bytes: Buffer, chunk?: number): Line[] {
  const joiner = new LineJoiner();
  return framesOf(bytes, chunk).flatMap((frame) => joiner.add(frame) ?? []);
}

describe('frames of the engine', () => {
  it('are found wherever the stream is cut', () => {
    const bytes = Buffer.concat([line(moment(1), 'one'), line(moment(2), 'two, größer', 2), line(moment(3), '')]);
    for (const chunk of [1, 7, 8, 9, 40, bytes.length]) {
      expect(linesOf(bytes, chunk)).toEqual([
        { stream: 'stdout', time: moment(1), text: 'one' },
        { stream: 'stderr', time: moment(2), text: 'two, größer' },
        { stream: 'stdout', time: moment(3), text: '' },
      ]);
    }
  });

  it('are not guessed where there are none: a terminal, a line without its time', () => {
    expect(() => splitFrames(Buffer.alloc(0), Buffer.from('2026-11-30T04:00:00.000000000Z a terminal\r\n'))).toThrow(NotFramed);
    const noTime = line(moment(1), 'x');
    noTime.write('yesterday', 8);
    expect(() => splitFrames(Buffer.alloc(0), noTime)).toThrow(NotFramed);
  });
});

describe('a long line', () => {
  it('is joined from its parts, also where the other stream writes between them', () => {
    const text = 'x'.repeat(40_000);
    const [first, second, third] = pieces(moment(1), text) as [Buffer, Buffer, Buffer];
    const lines = linesOf(Buffer.concat([first, line(moment(2), 'short', 2), second, third]));
    expect(lines).toEqual([
      { stream: 'stderr', time: moment(2), text: 'short' },
      { stream: 'stdout', time: moment(1), text },
    ]);
  });

  it('of 1 MiB is kept as a whole, and beyond that its beginning with the length it had', () => {
    const whole = 'y'.repeat(LONGEST_LINE);
    expect(linesOf(line(moment(1), whole), 65_536)).toEqual([{ stream: 'stdout', time: moment(1), text: whole }]);
    const [cut] = linesOf(line(moment(1), `${whole}${'z'.repeat(100)}`), 65_536);
    expect(cut?.text).toBe(whole);
    expect(cut?.cutFrom).toBe(LONGEST_LINE + 100);
  });

  it('keeps bytes that are no UTF-8 as replacement, and a character that two parts share', () => {
    const [broken] = linesOf(line(moment(1), Buffer.from([0x61, 0xff, 0xfe, 0x62])));
    expect(broken?.text).toBe('a\ufffd\ufffdb');
    const shared = `${'a'.repeat(16 * 1024 - 1)}ö`;
    expect(linesOf(line(moment(1), shared))[0]?.text).toBe(shared);
  });

  it('is unfinished until it ends', () => {
    const joiner = new LineJoiner();
    const [first, second] = framesOf(Buffer.concat(pieces(moment(1), 'x'.repeat(20_000)))) as [Frame, Frame];
    expect(joiner.add(first)).toBeUndefined();
    expect(joiner.unfinished).toBe(true);
    expect(joiner.add(second)?.text).toHaveLength(20_000);
    expect(joiner.unfinished).toBe(false);
  });
});
