import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it, vi } from 'vitest';
import { filesStore } from '../../../src/agent/logs/files-store.ts';
import { Journal } from '../../../src/agent/logs/journal.ts';
import { newLogTally } from '../../../src/agent/logs/log-tally.ts';
import { batchOf } from '../../../src/agent/logs/plan/segment.ts';
import { temporaryFolder } from '../../support/temporary.ts';

it('what is too old is removed although nothing can be compressed, as on a full disk', async () => {
  const folder = temporaryFolder('files');
  mkdirSync(folder, { recursive: true });
  const old = '2026-11-01T04-000001.ndjson.gz';
  const done = '2026-11-30T03-000002.ndjson';
  writeFileSync(path.join(folder, old), '');
  for (const name of [done, '2026-11-30T04-000003.ndjson']) writeFileSync(path.join(folder, name), batchOf([], {}));
  const now = () => Date.UTC(2026, 10, 30, 4, 30);
  const journal = await Journal.open({ folder, segmentBytes: 10_000, hourly: true, now });
  // Where its compressed form would go.
  mkdirSync(path.join(folder, `${done}.gz.tmp`));
  const told: string[] = [];
  const stop = new AbortController();
  const effects = { tally: newLogTally(), now, tell: (_topic: string, what: string) => void told.push(what), statusFile: '' };
  const running = filesStore({ days: 14, size: 10 ** 9 }, journal, effects).run(stop.signal);
  await vi.waitFor(() => expect(told).toContainEqual(expect.stringContaining('not compressed or removed')));
  expect(readdirSync(folder)).toEqual([done, `${done}.gz.tmp`, '2026-11-30T04-000003.ndjson']);
  stop.abort();
  await running;
  await journal.close();
});
