import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { tarBytes } from '../../../src/backup/export-job/plan/size.ts';
import { belongsTo, missingSegments } from '../../../src/backup/export-job/plan/wal.ts';

const file = (segment: string) => `${segment}-${'ab'.repeat(20)}.zst`;
const range = { first: '0000000200000000000000FE', last: '000000020000000100000001', rest: false };

describe('the WAL of a set', () => {
  it.each([
    ['before it', '0000000200000000000000FD', false, false],
    ['its first', '0000000200000000000000FE', true, true],
    ['of an earlier timeline', '0000000100000000000000FF', true, true],
    ['its last', '000000020000000100000001', true, true],
    ['after it', '000000020000000100000002', false, true],
    ['after it, of an earlier timeline', '000000010000000100000002', false, true],
    ['of a later timeline', '000000030000000100000001', false, true],
  ])('%s', (_, segment, alone, withRest) => {
    expect([belongsTo(range, file(segment)), belongsTo({ ...range, rest: true }, file(segment))]).toEqual([alone, withRest]);
  });
  it('has the histories of timelines that lead to it', () => {
    expect(['00000001.history', '00000002.history', '00000003.history'].map((name) => belongsTo(range, name))).toEqual([true, true, false]);
    expect(belongsTo({ ...range, rest: true }, '00000003.history')).toBe(true);
  });
  it('is counted by position, across logs and timelines; what is no segment does not count', () => {
    const all = ['0000000200000000000000FE', '0000000100000000000000FF', '000000020000000100000000', '000000020000000100000001'].map(file);
    expect(missingSegments(range, all)).toBe(0);
    expect(missingSegments(range, all.slice(1))).toBe(1);
    expect(missingSegments(range, [...all.slice(0, 2), file('0000000200000000000000FF'), '00000002.history'])).toBe(2);
    // One after it does not stand for one that is missing.
    expect(missingSegments(range, [...all.slice(1), file('000000020000000100000002')])).toBe(1);
  });
});

it('the size of a tar is told before it is written', () => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'medianest-tar-'));
  try {
    for (const sizes of [[0], [1, 512, 513], Array.from({ length: 25 }, (_, index) => index * 300)]) {
      const names = sizes.map((size, index) => {
        writeFileSync(path.join(folder, String(index)), Buffer.alloc(size));
        return String(index);
      });
      execFileSync('tar', ['--create', '--format=ustar', '--file', 'made.tar', ...names], { cwd: folder });
      expect(tarBytes(sizes)).toBe(statSync(path.join(folder, 'made.tar')).size);
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
});
