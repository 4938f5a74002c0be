import { copyFileSync, mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { Journal } from '../../../src/agent/logs/journal.ts';
import { forgetOld } from '../../../src/agent/logs/kept-before.ts';
import { expired } from '../../../src/agent/logs/plan/retention.ts';
import { batchOf, scanSegment, segmentsOf } from '../../../src/agent/logs/plan/segment.ts';
import { readStored } from '../../../src/agent/logs/read.ts';
import { moment } from '../../support/logs/frames.ts';
import { temporaryFolder } from '../../support/temporary.ts';

const HOUR = 3_600_000;
const START = Date.UTC(2026, 10, 30, 4);

const cursor = (skip: number) => ({ id: 'i', since: moment(1), skip, until: moment(1) });
const document = (text: string, second = 1, replica = 'app-1') =>
  JSON.stringify({ '@timestamp': moment(second), id: `${text}-${second}`.padEnd(27, '_'), replica, message: text });

function clock(folder = temporaryFolder('journal')) {
  const at = { now: START };
  const open = (more: Partial<Parameters<typeof Journal.open>[0]> = {}) =>
    Journal.open({ folder, segmentBytes: 10_000, hourly: true, now: () => at.now, ...more });
  return { folder, at, open };
}

async function stored(
  folder: string,
  asked: Partial<Parameters<typeof readStored>[1]> = {},
): Promise<{ lines: string[]; damaged: string[] }> {
  const lines: string[] = [];
  const damaged: string[] = [];
  await readStored(
    folder,
    { since: undefined, services: undefined, containing: undefined, ...asked },
    (line) => lines.push((JSON.parse(line) as { message: string }).message),
    (name) => damaged.push(name),
  );
  return { lines, damaged };
}

describe('a journal', () => {
  it('that was cut off at any byte continues with whole batches and their cursors', async () => {
    const { folder, open } = clock();
    const journal = await open();
    await journal.append([document('a'), document('b')], { c: cursor(2) });
    await journal.append([document('c')], { c: cursor(3), d: cursor(1) });
    await journal.close();
    const [name = ''] = readdirSync(folder);
    const size = statSync(path.join(folder, name)).size;
    const seen = new Set<string>();
    for (let length = 0; length <= size; length += 7) {
      const other = clock();
      mkdirSync(other.folder, { recursive: true });
      copyFileSync(path.join(folder, name), path.join(other.folder, name));
      truncateSync(path.join(other.folder, name), length);
      const continued = await other.open();
      const { lines } = await stored(other.folder);
      // Lines and cursors agree: what the cursors say is taken is there, and no more.
      expect(lines).toHaveLength(continued.cursors.c?.skip ?? 0);
      seen.add(lines.join());
      await continued.append([document('later')], { c: cursor(9) });
      await continued.close();
      expect((await stored(other.folder)).lines).toEqual([...lines, 'later']);
    }
    expect([...seen]).toEqual(['', 'a,b']);
  });

  it('does not trust a batch whose documents are not those that were written', () => {
    const good = batchOf([document('a')], { c: cursor(1) });
    const bad = Buffer.concat([good, batchOf([document('b')], { c: cursor(2) })]);
    bad[good.length + 30] = 0;
    expect(scanSegment(bad)).toEqual({ length: good.length, cursors: { c: cursor(1) }, lines: 1 });
  });

  it('keeps every cursor when an hour ends, though only some containers write', async () => {
    const { at, open, folder } = clock();
    const first = await open();
    await first.append([document('a')], { quiet: cursor(1), busy: cursor(1) });
    at.now += HOUR;
    await first.append([document('b')], { busy: cursor(2) });
    await first.compress();
    await first.close();
    expect(readdirSync(folder).sort()).toEqual(['2026-11-30T04-000001.ndjson.gz', '2026-11-30T05-000002.ndjson']);
    const second = await open();
    expect(second.cursors).toEqual({ quiet: cursor(1), busy: cursor(2) });
    await second.close();
    expect((await stored(folder)).lines).toEqual(['a', 'b']);
  });

  it('that was killed while it compressed has each line once', async () => {
    const { at, open, folder } = clock();
    const journal = await open();
    await journal.append([document('a')], { c: cursor(1) });
    at.now += HOUR;
    await journal.append([document('b')], { c: cursor(2) });
    await journal.close();
    const plain = path.join(folder, '2026-11-30T04-000001.ndjson');
    // Half of it was written; then all, and the other form was not removed yet.
    writeFileSync(`${plain}.gz.tmp`, gzipSync(readFileSync(plain)).subarray(0, 20));
    await (await open()).close();
    expect(readdirSync(folder).some((name) => name.endsWith('.tmp'))).toBe(false);
    expect((await stored(folder)).lines).toEqual(['a', 'b']);
    writeFileSync(`${plain}.gz`, gzipSync(readFileSync(plain)));
    expect((await stored(folder)).lines).toEqual(['a', 'b']);
    await (await open()).close();
    expect(readdirSync(folder)).not.toContain('2026-11-30T04-000001.ndjson');
    expect(gunzipSync(readFileSync(`${plain}.gz`)).toString()).toContain('"message":"a"');
  });

  it('continues after the segment that was begun last was cut off in its first batch', async () => {
    const { at, open, folder } = clock();
    const journal = await open();
    await journal.append([document('a')], { c: cursor(1) });
    at.now += HOUR;
    await journal.rotateIfDue();
    await journal.close();
    truncateSync(path.join(folder, '2026-11-30T05-000002.ndjson'), 10);
    const again = await open();
    expect(again.cursors).toEqual({ c: cursor(1) });
    await again.close();
  });

  it('says what the disk does not take, keeps none of it, and continues once there is space', async () => {
    const { at, open, folder } = clock();
    const journal = await open();
    await journal.append([document('a')], { c: cursor(1) });
    at.now += HOUR;
    symlinkSync('/dev/full', path.join(folder, '2026-11-30T05-000002.ndjson'));
    await expect(journal.append([document('b')], { c: cursor(2) })).rejects.toThrow('ENOSPC');
    expect(journal.cursors).toEqual({ c: cursor(1) });
    expect((await stored(folder)).lines).toEqual(['a']);
    await journal.append([document('b')], { c: cursor(2) });
    await journal.close();
    expect((await stored(folder)).lines).toEqual(['a', 'b']);
  });

  it('begins a new segment when one is large, and writes one after the other', async () => {
    const { open, folder } = clock();
    const journal = await open({ segmentBytes: 500, hourly: false });
    await Promise.all(Array.from({ length: 20 }, (_, index) => journal.append([document(`line ${index}`)], { c: cursor(index + 1) })));
    expect((await journal.segments()).length).toBeGreaterThan(4);
    await journal.close();
    expect((await stored(folder)).lines).toEqual(Array.from({ length: 20 }, (_, index) => `line ${index}`));
  });
});

describe('what is kept', () => {
  it('is found by time, service and text; the damaged file is named, and the others are read', async () => {
    const { at, open, folder } = clock();
    const journal = await open();
    await journal.append([document('late', 20), document('early', 10), document('other', 15, 'redis-1')], { c: cursor(3) });
    at.now += HOUR;
    await journal.append([document('with "quotes"', 3700)], { c: cursor(4) });
    await journal.compress();
    await journal.close();
    expect((await stored(folder)).lines).toEqual(['early', 'other', 'late', 'with "quotes"']);
    expect((await stored(folder, { services: ['app-1'], since: new Date(START + 15_000) })).lines).toEqual(['late', 'with "quotes"']);
    expect((await stored(folder, { containing: 'with "q' })).lines).toEqual(['with "quotes"']);
    writeFileSync(path.join(folder, '2026-11-30T03-000000.ndjson.gz'), 'no gzip');
    expect(await stored(folder)).toEqual({
      lines: ['early', 'other', 'late', 'with "quotes"'],
      damaged: ['2026-11-30T03-000000.ndjson.gz'],
    });
  });

  it('goes by days too while lines go elsewhere, all of it', async () => {
    const { folder, at, open } = clock();
    const journal = await open();
    await journal.append([document('a')], { c: cursor(1) });
    at.now += 2 * HOUR;
    await journal.append([document('b')], { c: cursor(2) });
    await journal.close();
    await forgetOld(folder, 1, START + 26 * HOUR);
    expect((await stored(folder)).lines).toEqual(['b']);
    await forgetOld(folder, 1, START + 28 * HOUR);
    expect(readdirSync(folder)).toEqual([]);
    await forgetOld(path.join(folder, 'never-made'), 1, START);
  });

  it('is nothing before the agent has kept a line', async () => {
    expect(await stored(path.join(temporaryFolder('journal'), 'files'))).toEqual({ lines: [], damaged: [] });
  });

  it('goes by days and by size, the oldest first, and never the one that is written to', () => {
    const segments = segmentsOf([
      '2026-11-28T04-000001.ndjson.gz',
      '2026-11-29T04-000002.ndjson.gz',
      '2026-11-30T03-000003.ndjson',
      '2026-11-30T04-000004.ndjson',
      'position.json',
    ]).segments.map((segment) => ({ ...segment, bytes: 100 }));
    const gone = (days: number, size: number) => expired(segments, { days, size }, START).map(({ number }) => number);
    expect(gone(30, 1_000)).toEqual([]);
    expect(gone(1, 1_000)).toEqual([1]);
    expect(gone(30, 250)).toEqual([1, 2]);
    expect(gone(1, 250)).toEqual([1, 2]);
    expect(gone(1, 0)).toEqual([1, 2, 3]);
  });
});
