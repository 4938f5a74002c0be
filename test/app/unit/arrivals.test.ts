import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { poll } from '../../../src/core/poll.ts';

// The portal's own settings of TypeScript are others: its modules are not part of this program.
const portal = (module: string) => import(new URL(`../../../templates/app/image/src/${module}`, import.meta.url).href);
const { createOverseerr } = await portal('media/overseerr.js');
const { createArrivals } = await portal('tasks/arrivals.js');

const closing: (() => unknown)[] = [];
afterEach(() => {
  for (const close of closing.splice(0)) close();
});

/** Asks an Overseerr that answers each title with a status, about approved requests that come from the database in this order. */
async function arrived(statuses: Record<number, number>) {
  const asked: number[] = [];
  const server = http.createServer((request, response) => {
    const id = Number(request.url?.split('/').at(-1));
    asked.push(id);
    response.writeHead(statuses[id] ?? 404).end(JSON.stringify({ id, title: `Film ${id}`, mediaInfo: { status: 5 } }));
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  closing.push(() => server.close());
  const changed: number[] = [];
  const warned: string[] = [];
  const parts = {
    database: { write: async () => Object.keys(statuses).map((id) => ({ id: Number(id), kind: 'movie', tmdbId: Number(id) })) },
    log: { warn: (_: object, text: string) => warned.push(text) },
    overseerr: createOverseerr({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, token: 'key' }),
    requests: { change: async (id: number) => changed.push(id) },
    worker: { begin: () => {} },
    metrics: { requests: { inc: () => {} } },
    lanes: {},
    checkMs: 5,
  };
  const arrivals = createArrivals(parts);
  arrivals.start();
  closing.push(() => arrivals.close());
  const rounds = async () => asked.filter((id) => id === Number(Object.keys(statuses)[0])).length >= 3 || undefined;
  await poll(rounds, { every: 10, timeout: 10_000, signal: new AbortController().signal });
  return { changed: [...new Set(changed)], asked: [...new Set(asked)], warned };
}

describe('what was approved', () => {
  it('is noticed when it is there, also beside a title that Overseerr fails at in every round', async () => {
    const { changed, warned } = await arrived({ 1: 500, 2: 200, 3: 200 });
    expect(changed).toEqual([2, 3]);
    expect(warned).toEqual(['arrivals cannot be looked up; trying again']);
  });
  it('is not asked for one by one where Overseerr refuses us', async () => {
    expect(await arrived({ 1: 401, 2: 401 })).toMatchObject({ changed: [], asked: [1] });
  });
});
