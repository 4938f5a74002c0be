import { createServer, type ServerResponse } from 'node:http';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { engineLogs } from '../../../src/agent/logs/engine-logs.ts';
import { followContainer, type Intake } from '../../../src/agent/logs/follower.ts';
import type { Cursor } from '../../../src/agent/logs/plan/cursor.ts';
import { line, moment } from '../../support/logs/frames.ts';
import { temporaryFolder } from '../../support/temporary.ts';

const ORIGIN = { service: 'app-1', container: 'p-app-1-1', id: 'i' };

/** An engine whose one container writes so. It answers as the real one does: a chunk for each line. */
async function engine(write: (response: ServerResponse) => Promise<void>) {
  const socket = path.join(temporaryFolder('engine'), 'engine.sock');
  const server = createServer((request, response) => {
    if (request.url?.includes('/json')) response.end(JSON.stringify({ Id: ORIGIN.id }));
    else void write(response).then(() => response.end());
  });
  await new Promise<void>((resolve) => server.listen(socket, resolve));
  return { logs: engineLogs(socket, '/containers/json'), close: () => void server.close() };
}

/** Counts how often the stream was read, and keeps all that came of it. */
function counting() {
  const messages: string[] = [];
  const reads = { count: 0 };
  const taken: Record<string, Cursor> = {};
  const intake: Intake = {
    taken,
    add: (container, document, cursor) => {
      messages.push((JSON.parse(document) as { message: string }).message);
      taken[container] = cursor;
    },
    space: () => {
      reads.count++;
      return undefined;
    },
  };
  return { intake, messages, reads };
}

it('reads a trickle of lines a few times a second, each line once, and to its end', async () => {
  const lines = Array.from({ length: 300 }, (_, n) => `line ${n}`);
  const { logs, close } = await engine(async (response) => {
    for (const [n, text] of lines.entries()) {
      response.write(line(moment(1, n), text));
      await sleep(2);
    }
  });
  const { intake, messages, reads } = counting();
  const started = performance.now();
  await followContainer(logs, ORIGIN, intake, new AbortController().signal, () => {});
  expect(messages).toEqual(lines);
  expect(reads.count).toBeLessThanOrEqual((performance.now() - started) / 100 + 2);
  close();
});

it('takes much at once without a wait', async () => {
  const text = 'x'.repeat(1000);
  const { logs, close } = await engine(async (response) => {
    for (let n = 0; n < 20_000; n++)
      if (!response.write(line(moment(1, n), text))) await new Promise((resolve) => response.once('drain', resolve));
  });
  const { intake, messages, reads } = counting();
  const started = performance.now();
  await followContainer(logs, ORIGIN, intake, new AbortController().signal, () => {});
  expect(messages).toHaveLength(20_000);
  // 20 MB in pieces of 64 KiB at most: with a wait after each it would take 100 ms for every one of them.
  expect(reads.count).toBeGreaterThan(300);
  expect(performance.now() - started).toBeLessThan(100 * reads.count);
  close();
});

it('ends while it waits for more', async () => {
  const { logs, close } = await engine(async (response) => {
    response.write(line(moment(1), 'one'));
    await new Promise((resolve) => response.once('close', resolve));
  });
  const { intake, messages } = counting();
  const stop = new AbortController();
  const following = followContainer(logs, ORIGIN, intake, stop.signal, () => {});
  await expect.poll(() => messages).toEqual(['one']);
  stop.abort();
  await expect(following).rejects.toThrow();
  close();
});
