import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { expect, it, vi } from 'vitest';
import type { AgentConfig, LogTarget } from '../../../src/agent/config.ts';
import { newLogTally } from '../../../src/agent/logs/log-tally.ts';
import { hourOf } from '../../../src/agent/logs/plan/segment.ts';
import { shipLogs } from '../../../src/agent/logs/shipper.ts';
import { ElasticsearchDouble } from '../../support/logs/elasticsearch.ts';
import { temporaryFolder } from '../../support/temporary.ts';

/** A shipper whose engine is away. */
function start(folder: string, target: LogTarget | null) {
  const stop = new AbortController();
  const told: string[] = [];
  const statusFile = path.join(folder, 'status.json');
  const config = { project: 'p', engine: { socket: path.join(folder, 'no-engine.sock'), list: '/containers/json' } } as AgentConfig;
  const logs = { folder, containers: [], days: 14, size: 10 ** 9, buffer: 10 ** 8, target };
  const done = shipLogs(
    config,
    logs,
    { tally: newLogTally(), now: () => Date.now(), tell: (_topic, what) => void told.push(what), statusFile },
    stop.signal,
  );
  return {
    told,
    statusFile,
    stop: () => {
      stop.abort();
      return done;
    },
  };
}

it('says that the engine is away, goes on, and ends when it should', async () => {
  const folder = temporaryFolder('shipper');
  const { told, statusFile, stop } = start(folder, null);
  await vi.waitFor(() => expect(told).toContainEqual(expect.stringContaining('ENOENT')), { timeout: 5_000 });
  await vi.waitFor(() => expect(JSON.parse(readFileSync(statusFile, 'utf8'))).toMatchObject({ up: true, kept: 0 }), { timeout: 5_000 });
  await stop();
});

it('leaves kept files alone while lines are sent to a store', async () => {
  const folder = temporaryFolder('shipper');
  const kept = path.join(folder, 'files', `${hourOf(Date.now())}-000001.ndjson.gz`);
  mkdirSync(path.dirname(kept));
  writeFileSync(kept, gzipSync('{}'));
  const store = new ElasticsearchDouble();
  const port = await store.listen();
  const { stop } = start(folder, { kind: 'elasticsearch', url: `http://logs.lan:${port}`, connect: { host: '127.0.0.1', port } });
  await vi.waitFor(() => expect(store.requests).toContain('PUT /_data_stream/logs-medianest-p'), { timeout: 5_000 });
  await stop();
  await store.close();
  expect(existsSync(kept)).toBe(true);
  expect(existsSync(path.join(folder, 'buffer'))).toBe(true);
});
