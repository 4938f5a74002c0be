import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, expect, it, vi } from 'vitest';
import { plainTrace } from '../../../templates/app/image/src/tracing/plain.js';
import { createQueue } from '../../../templates/app/image/src/tracing/queue.js';
import { createSender } from '../../../templates/app/image/src/tracing/sender.js';
import { otlpReceiver } from '../../support/otlp-receiver.ts';

const closing: (() => unknown)[] = [];
afterEach(() => closing.splice(0).forEach((close) => void close()));

async function queued() {
  const receiver = await otlpReceiver();
  closing.push(receiver.close);
  const told = { exported: 0, dropped: 0 };
  const sender = createSender({ url: `${receiver.endpoint}/v1/traces`, headers: {}, resource: { 'service.name': 'media' } });
  closing.push(sender.close);
  const queue = createQueue((kept) => [plainTrace(kept)], sender.send, {
    exported: (count: number) => {
      told.exported += count;
    },
    dropped: (count: number) => {
      told.dropped += count;
    },
    state: () => {},
  });
  const add = (n: number) => {
    const end = performance.now();
    const trace = { traceId: String(n).padStart(32, 'a'), parent: undefined, sampled: true, start: end - 1, calls: [], lost: 0 };
    const request = { id: `${n}`, method: 'GET', scheme: 'https', url: '/', version: '1.1', route: '/', status: 200, failure: undefined };
    queue.add({ trace, ended: { ...request, end, endedAt: Date.now() } });
  };
  return { receiver, told, sender, queue, add };
}

it('gathers spans that come one after another: a batch costs far more than a span', async () => {
  const { receiver, told, queue, add } = await queued();
  const until = Date.now() + 2600;
  let added = 0;
  // More of them come while a batch is under way.
  for (; Date.now() < until; await sleep(1)) add(++added);
  await queue.close();
  expect(told).toEqual({ exported: added, dropped: 0 });
  expect(receiver.spans).toHaveLength(added);
  // Two of a second each and the last one, or full ones.
  expect(receiver.requests).toBeLessThanOrEqual(3 + Math.ceil(added / 256));
});

it('sends full batches at once, and all that waits when it is closed', async () => {
  const { receiver, told, queue, add } = await queued();
  for (let n = 1; n <= 600; n++) add(n);
  await vi.waitFor(() => expect(told.exported).toBe(512), { timeout: 900, interval: 10 });
  await queue.close();
  expect(told).toEqual({ exported: 600, dropped: 0 });
  expect(receiver.requests).toBe(3);
});

it('sends what came while the last batch was under way, when it is closed meanwhile', async () => {
  const { receiver, told, queue, add } = await queued();
  for (let n = 1; n <= 256; n++) add(n);
  add(257);
  await queue.close();
  expect(told).toEqual({ exported: 257, dropped: 0 });
  expect(receiver.requests).toBe(2);
});

it('starts another thread where one has ended', async () => {
  const { receiver, told, sender, queue, add } = await queued();
  await expect(sender.send([{} as never])).rejects.toThrow();
  add(1);
  await queue.close();
  expect(told).toEqual({ exported: 1, dropped: 0 });
  expect(receiver.spans).toHaveLength(1);
});
