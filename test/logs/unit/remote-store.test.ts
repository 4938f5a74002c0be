import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { LogsConfig } from '../../../src/agent/config.ts';
import { Journal } from '../../../src/agent/logs/journal.ts';
import { newLogTally } from '../../../src/agent/logs/log-tally.ts';
import { documentOf } from '../../../src/agent/logs/plan/document.ts';
import { remoteStore } from '../../../src/agent/logs/remote-store.ts';
import { ElasticsearchDouble } from '../../support/logs/elasticsearch.ts';
import { moment } from '../../support/logs/frames.ts';
import { temporaryFolder } from '../../support/temporary.ts';

let store: ElasticsearchDouble;
let port: number;
let stop: AbortController;
let running: Promise<unknown>[];
let journals: Journal[];

beforeEach(async () => {
  store = new ElasticsearchDouble();
  port = await store.listen();
  stop = new AbortController();
  running = [];
  journals = [];
});

afterEach(async () => {
  stop.abort();
  await Promise.allSettled(running);
  for (const journal of journals) await journal.close();
  await store.close();
});

const lineOf = (index: number, text = `line ${index}`): string =>
  JSON.stringify(documentOf({ stream: 'stdout', time: moment(1, index), text }, 0, { service: 'app-1', container: 'p-app-1-1', id: 'i' }));

/** A shipper's part from the disk to the store, in one life of the agent. */
async function life(folder: string, more: Partial<LogsConfig> = {}, target: Partial<LogsConfig['target']> = {}) {
  const journal = await Journal.open({ folder, segmentBytes: 50_000, hourly: false, now: () => Date.now() });
  journals.push(journal);
  const tally = newLogTally();
  const told: string[] = [];
  const config: LogsConfig = {
    folder,
    containers: [],
    days: 14,
    size: 0,
    buffer: 10 ** 9,
    target: { kind: 'elasticsearch', url: `http://logs.example:${port}`, connect: { host: '127.0.0.1', port }, ...target },
    ...more,
  };
  const effects = {
    tally,
    now: () => Date.now(),
    tell: (_topic: string, what: string) => void told.push(what),
    statusFile: '',
    secret: (name: string) => `secret of ${name}`,
  };
  const sender = await remoteStore('p', config, journal, effects);
  const end = new AbortController();
  const done = sender.run(AbortSignal.any([stop.signal, end.signal]));
  running.push(done);
  let count = 0;
  return {
    journal,
    tally,
    told,
    write: async (lines: readonly string[]) => {
      count += lines.length;
      await journal.append(lines, { c: { id: 'i', since: '', skip: count, until: '' } });
      sender.written();
    },
    end: async () => {
      end.abort();
      await done;
      await journal.close();
    },
  };
}

const range = (from: number, to: number) => Array.from({ length: to - from }, (_, index) => lineOf(from + index));

describe('lines on their way to Elasticsearch', () => {
  it('are sent once, and leave the disk, where that cannot be written down, as on a full disk', async () => {
    const folder = temporaryFolder('store');
    const { write, tally, told, journal } = await life(folder);
    mkdirSync(path.join(folder, 'position.json.tmp'));
    await write(range(0, 1_000));
    await vi.waitFor(() => expect(tally.shipped).toBe(1_000), { timeout: 5_000 });
    await write(range(1_000, 1_010));
    await vi.waitFor(() => expect(tally.shipped).toBe(1_010), { timeout: 5_000 });
    expect([tally.up, tally.retried]).toEqual([true, 0]);
    expect(told).toContainEqual(expect.stringContaining('cannot be written down'));
    await vi.waitFor(async () => expect(await journal.segments()).toHaveLength(1));
  });

  it('come after policy, template and data stream again where the store comes back empty', async () => {
    const { write, tally } = await life(temporaryFolder('store'));
    await write(range(0, 10));
    await vi.waitFor(() => expect(tally.shipped).toBe(10), { timeout: 5_000 });
    await store.close();
    await write(range(10, 20));
    await vi.waitFor(() => expect(tally.up).toBe(false), { timeout: 5_000 });
    store = new ElasticsearchDouble();
    await store.listen(port);
    await vi.waitFor(() => expect(store.documents.size).toBe(10), { timeout: 10_000 });
    expect(store.requests.slice(0, 3)).toEqual([
      'PUT /_ilm/policy/medianest-p',
      'PUT /_index_template/medianest-p',
      'PUT /_data_stream/logs-medianest-p',
    ]);
  });

  it('that are refused and cannot be put aside hold up none', async () => {
    const folder = temporaryFolder('store');
    const { write, tally, told } = await life(folder);
    mkdirSync(path.join(folder, 'refused.ndjson'));
    store.trouble.item = ({ message }) => (message === 'line 3' ? 400 : undefined);
    await write(range(0, 10));
    await vi.waitFor(() => expect(store.documents.size).toBe(9), { timeout: 5_000 });
    await write(range(10, 20));
    await vi.waitFor(() => expect(store.documents.size).toBe(19), { timeout: 5_000 });
    expect(tally.dropped.refused).toBe(1);
    expect(told).toContainEqual(expect.stringContaining('not put aside'));
  });

  it.each([
    ['segment', { segment: 57, offset: 10 }],
    ['byte', { segment: 1, offset: 10_000_000 }],
  ])('are all sent where the disk has lost lines, and the position is of a later %s', async (_what, position) => {
    const folder = temporaryFolder('store');
    mkdirSync(folder, { recursive: true });
    writeFileSync(path.join(folder, 'position.json'), JSON.stringify(position));
    const { write, tally } = await life(folder);
    await write(range(0, 10));
    await vi.waitFor(() => expect(tally.shipped).toBe(10), { timeout: 5_000 });
  });

  it('come after policy, template and data stream, each once, and leave the disk', async () => {
    const folder = temporaryFolder('store');
    const { write, tally, journal } = await life(folder);
    await write(range(0, 3_000));
    await write(range(3_000, 5_000));
    await vi.waitFor(() => expect(tally.shipped).toBe(5_000), { timeout: 10_000 });
    expect(store.documents.size).toBe(5_000);
    expect(store.requests.slice(0, 4)).toEqual([
      'PUT /_ilm/policy/medianest-p',
      'PUT /_index_template/medianest-p',
      'PUT /_data_stream/logs-medianest-p',
      'POST /logs-medianest-p/_bulk',
    ]);
    await vi.waitFor(async () => expect((await journal.segments()).length).toBe(1), { timeout: 5_000 });
    expect(tally).toMatchObject({ dropped: { buffer: 0, refused: 0 }, retried: 0, up: true });
  });

  it('are not sent again by the next life, or are refused as there where the last one was killed before it noted them', async () => {
    const folder = temporaryFolder('store');
    const first = await life(folder);
    await first.write(range(0, 100));
    await vi.waitFor(() => expect(first.tally.shipped).toBe(100), { timeout: 5_000 });
    await first.end();
    const second = await life(folder);
    await second.write(range(100, 150));
    await vi.waitFor(() => expect(second.tally.shipped).toBe(50), { timeout: 5_000 });
    expect(store.conflicts).toBe(0);
    await second.end();
    // The note is lost: everything that is still on disk is sent again.
    rmSync(path.join(folder, 'position.json'));
    const third = await life(folder);
    await third.write(range(150, 160));
    await vi.waitFor(() => expect(store.documents.size).toBe(160), { timeout: 5_000 });
    expect(store.conflicts).toBeGreaterThan(0);
    await third.end();
  });

  it('wait while the store is away, and come when it is back', async () => {
    const { write, tally } = await life(temporaryFolder('store'));
    await write(range(0, 10));
    await vi.waitFor(() => expect(tally.shipped).toBe(10), { timeout: 5_000 });
    await store.close();
    await write(range(10, 20));
    await vi.waitFor(() => expect(tally.up).toBe(false), { timeout: 5_000 });
    expect(tally.problem).toMatch(/ECONNREFUSED|socket hang up/);
    await store.listen(port);
    await vi.waitFor(() => expect(store.documents.size).toBe(20), { timeout: 10_000 });
    // The store has them before its answer is read.
    await vi.waitFor(() => expect(tally.up).toBe(true), { timeout: 5_000 });
    expect(tally.dropped).toEqual({ buffer: 0, refused: 0 });
    expect(tally.retried).toBeGreaterThanOrEqual(10);
  });

  it('go, the oldest first, when the buffer is full: what is counted and what arrives are all', async () => {
    const { write, tally, told } = await life(temporaryFolder('store'), { buffer: 200_000 });
    store.trouble = { answer: () => ({ status: 503, body: '{}' }) };
    for (let part = 0; part < 20; part++) await write(range(part * 100, part * 100 + 100));
    await vi.waitFor(() => expect(tally.dropped.buffer).toBeGreaterThan(0), { timeout: 5_000 });
    await vi.waitFor(() => expect(tally.bytes).toBeLessThanOrEqual(200_000), { timeout: 5_000 });
    store.trouble = {};
    await vi.waitFor(() => expect(tally.shipped + tally.dropped.buffer).toBe(2_000), { timeout: 40_000 });
    expect(store.documents.size).toBe(tally.shipped);
    const messages = [...store.documents.values()].map(({ message }) => message);
    expect(messages).toContain('line 1999');
    expect(messages).not.toContain('line 200');
    expect(told.some((what) => what.includes('the buffer is full'))).toBe(true);
  });

  it('are sent again one by one where the store has no time, and put aside where it never takes them', async () => {
    const folder = temporaryFolder('store');
    const { write, tally, told } = await life(folder);
    const asked = new Map<unknown, number>();
    store.trouble = {
      item: ({ message }) => {
        const times = (asked.get(message) ?? 0) + 1;
        asked.set(message, times);
        if (message === 'line 7' && times === 1) return 429;
        if (message === 'line 8' && times <= 2) return 503;
        return message === 'line 9' ? 400 : undefined;
      },
    };
    await write(range(0, 20));
    await vi.waitFor(() => expect(tally.shipped).toBe(19), { timeout: 10_000 });
    expect(tally).toMatchObject({ dropped: { buffer: 0, refused: 1 }, retried: 3, up: true });
    expect([...asked.values()].reduce((sum, times) => sum + times, 0)).toBe(23);
    expect(JSON.parse(readFileSync(path.join(folder, 'refused.ndjson'), 'utf8')).document.message).toBe('line 9');
    expect(told.some((what) => what.includes('refuses a line: 400 troubled'))).toBe(true);
  });

  it('are halved where a request is too large, down to the one that is', async () => {
    const { write, tally } = await life(temporaryFolder('store'));
    // A line of 4,000 characters alone is too large for it.
    store.trouble = { answer: (_path, bytes) => (bytes > 3_000 ? { status: 413, body: '' } : undefined) };
    await write([...range(0, 40), lineOf(40, 'x'.repeat(4_000)), ...range(41, 60)]);
    await vi.waitFor(() => expect(tally.shipped).toBe(59), { timeout: 5_000 });
    expect(tally.dropped.refused).toBe(1);
  });

  it('wait, and say so, where the store does not let them in', async () => {
    store.authorization = `ApiKey secret of key`;
    const wrong = await life(temporaryFolder('store'), {}, { apiKey: 'other' });
    await wrong.write(range(0, 5));
    await vi.waitFor(() => expect(wrong.tally.problem).toContain('401'), { timeout: 5_000 });
    expect(store.documents.size).toBe(0);
    await wrong.end();
    const right = await life(temporaryFolder('store'), {}, { apiKey: 'key' });
    await right.write(range(0, 5));
    await vi.waitFor(() => expect(store.documents.size).toBe(5), { timeout: 5_000 });
    store.authorization = `Basic ${Buffer.from('maria:secret of word').toString('base64')}`;
    await right.end();
    const named = await life(temporaryFolder('store'), {}, { user: 'maria', password: 'word' });
    await named.write(range(5, 8));
    await vi.waitFor(() => expect(store.documents.size).toBe(8), { timeout: 5_000 });
  });

  it('come without a lifecycle where the store refuses the policy, and it is told', async () => {
    store.trouble = {
      answer: (at) =>
        at.startsWith('/_ilm') ? { status: 403, body: '{"error":{"type":"security_exception","reason":"manage_ilm"}}' } : undefined,
    };
    const { write, told } = await life(temporaryFolder('store'));
    await write(range(0, 5));
    await vi.waitFor(() => expect(store.documents.size).toBe(5), { timeout: 5_000 });
    expect(told).toContainEqual(
      expect.stringMatching(/refused the lifecycle policy \(403\): security_exception: manage_ilm; lines are not deleted after 14 days/),
    );
  });

  it('of a store that hangs are kept as far as the buffer goes, and the shipper still ends when it should', async () => {
    const { write, end, tally } = await life(temporaryFolder('store'), { buffer: 200_000 });
    store.trouble = { hangs: true };
    for (let part = 0; part < 20; part++) await write(range(part * 100, part * 100 + 100));
    await vi.waitFor(() => expect(tally.dropped.buffer).toBeGreaterThan(0), { timeout: 5_000 });
    await vi.waitFor(() => expect(tally.bytes).toBeLessThanOrEqual(200_000), { timeout: 5_000 });
    await end();
    expect(tally.shipped).toBe(0);
  });
});

describe('a document', () => {
  it('has what a line of the portal and of the edge say of their request, and never a secret', () => {
    const text =
      '{"level":"error","correlationId":"abc-12345","traceId":"00ff","msg":"failed: postgres://u:pw123@db/x","password":"pw123"}';
    const document = documentOf({ stream: 'stderr', time: moment(1), text }, 0, { service: 'app-2', container: 'p-app-2-1', id: 'i' });
    expect(document).toMatchObject({
      service: 'app',
      replica: 'app-2',
      level: 'error',
      correlationId: 'abc-12345',
      traceId: '00ff',
      message: 'failed: postgres://[redacted]@db/x',
    });
    expect(JSON.stringify(document)).not.toContain('pw123');
    const edge = documentOf(
      { stream: 'stdout', time: moment(1), text: '{"requestId":"r-1234567","method":"GET","path":"/","status":200}' },
      0,
      { service: 'edge', container: 'p-edge-1', id: 'i' },
    );
    expect(edge).toMatchObject({ correlationId: 'r-1234567', message: 'GET / 200', service: 'edge' });
  });

  it('is taken by the store however deep its fields are, and whatever their types', async () => {
    const { write, tally } = await life(temporaryFolder('store'));
    const texts = [
      `{"a":${'{"a":'.repeat(40)}1${'}'.repeat(40)}}`,
      '{"a":[1,{"b":2}]}',
      '{"a":"text"}',
      '{"a":null,"level":7,"msg":4}',
      '{}',
      '',
      '[1]',
    ];
    await write(texts.map((text, index) => lineOf(index, text)));
    await vi.waitFor(() => expect(tally.shipped).toBe(texts.length), { timeout: 5_000 });
    expect(tally.dropped.refused).toBe(0);
  });

  it('has an id of its own by container, moment and number, and the same in every run', () => {
    const id = (time: string, n: number, container: string) =>
      documentOf({ stream: 'stdout', time, text: 'x' }, n, { service: 'a', container: 'c', id: container }).id;
    const ids = [id(moment(1), 0, 'i'), id(moment(1), 1, 'i'), id(moment(2), 0, 'i'), id(moment(1), 0, 'j')];
    expect(new Set(ids).size).toBe(4);
    expect(id(moment(1), 0, 'i')).toBe(ids[0]);
  });
});
