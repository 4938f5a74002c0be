import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { expect, it, vi } from 'vitest';
import type { AgentConfig, LogTarget } from '../../../src/agent/config.ts';
import { newLogTally } from '../../../src/agent/logs/log-tally.ts';
import { hourOf } from '../../../src/agent/logs/plan/segment.ts';
import { shipLogs } from '../../../src/agent/logs/shipper.ts';
import { appendAudit } from '../../../src/state/audit.ts';
import { ElasticsearchDouble } from '../../support/logs/elasticsearch.ts';
import { temporaryFolder } from '../../support/temporary.ts';

/** A shipper whose engine is away. */
function start(folder: string, target: LogTarget | null, audit?: string) {
  const stop = new AbortController();
  const told: string[] = [];
  const statusFile = path.join(folder, 'status.json');
  const config = { project: 'p', engine: { socket: path.join(folder, 'no-engine.sock'), list: '/containers/json' } } as AgentConfig;
  const logs = { folder, containers: [], days: 14, size: 10 ** 9, buffer: 10 ** 8, target, ...(audit && { audit }) };
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

it('ships the audit log, each line once, into a data stream of its own', async () => {
  const folder = temporaryFolder('shipper');
  const log = path.join(folder, 'state', 'audit.jsonl');
  const left = path.join(folder, 'state', 'audit');
  const entry = { time: '2026-11-30T10:00:00.123Z', user: 'root', plan: 'p', result: 'done', seconds: 1 } as const;
  const note = (command: string) => appendAudit(log, { ...entry, command });
  note('medianest up');
  expect(existsSync(left)).toBe(false);
  mkdirSync(left);
  note('medianest up --set redis.password=hunter2');
  const store = new ElasticsearchDouble();
  const port = await store.listen();
  const target: LogTarget = { kind: 'elasticsearch', url: `http://logs.lan:${port}`, connect: { host: '127.0.0.1', port } };
  const commands = () => [...store.documents.values()].map(({ message }) => message);
  const both = ['medianest up done', 'medianest up --set redis.password=[redacted] done'];
  const first = start(path.join(folder, 'logs'), target, left);
  await vi.waitFor(() => expect(commands()).toEqual(both), { timeout: 8_000 });
  // What the store has, and the shipper does not know of yet, is sent again.
  await vi.waitFor(() => expect(JSON.parse(readFileSync(first.statusFile, 'utf8'))).toMatchObject({ shipped: 2 }), { timeout: 8_000 });
  await first.stop();
  note('medianest down');
  const second = start(path.join(folder, 'logs'), target, left);
  await vi.waitFor(() => expect(commands()).toEqual([...both, 'medianest down done']), { timeout: 8_000 });
  await second.stop();
  expect(store.conflicts).toBe(0);
  expect(new Set(store.streamOf.values())).toEqual(new Set(['logs-medianest-p.audit']));
  const last = JSON.parse(readFileSync(log, 'utf8').trimEnd().split('\n').at(-1) as string) as { chain: string };
  expect([...store.documents.values()].at(-1)).toMatchObject({
    '@timestamp': '2026-11-30T10:00:00.123000000Z',
    stream: 'audit',
    fields: { user: 'root', chain: last.chain },
  });
  expect(JSON.stringify([...store.documents.values()])).not.toContain('hunter2');
  await store.close();
});
