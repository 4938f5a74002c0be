import { randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { type OtlpReceiver, otlpReceiver, type ReceivedSpan } from '../../support/otlp-receiver.ts';
import { becomes, cleanups, type Portal, relay, start, tidy } from '../../support/portal-process.ts';

const { PORTAL_TEST_DATABASE_URL, PORTAL_TEST_REDIS_URL } = process.env;
const LIST = '/api/requests?limit=5';

afterEach(tidy);

async function collector(): Promise<OtlpReceiver> {
  const receiver = await otlpReceiver();
  cleanups.push(receiver.close);
  return receiver;
}

/** A portal behind an edge, as far as it can tell. */
async function traced(receiver: OtlpReceiver, env: Record<string, string> = {}): Promise<Portal> {
  const portal = await start({
    OTEL_EXPORTER_OTLP_ENDPOINT: receiver.endpoint,
    OTEL_SERVICE_NAME: 'media',
    OTEL_RESOURCE_ATTRIBUTES: 'service.instance.id=app-2,deployment.environment.name=at%20home',
    OTEL_TRACES_SAMPLER: 'parentbased_traceidratio',
    OTEL_TRACES_SAMPLER_ARG: '1',
    TRACES_PARENT_TRUSTED: 'true',
    ...env,
  });
  await becomes(portal, '/api/health/ready', 200);
  return portal;
}

/** As the edge begins a trace. */
function trace(flags = '01') {
  const [id, span] = [randomBytes(16).toString('hex'), randomBytes(8).toString('hex')];
  return { id, span, header: { traceparent: `00-${id}-${span}-${flags}` } };
}

const spansOf = ({ spans }: OtlpReceiver, id: string) => spans.filter(({ traceId }) => traceId === id);
const arrived = (receiver: OtlpReceiver, id: string, count: number): Promise<ReceivedSpan[]> =>
  vi.waitFor(
    () => {
      const spans = spansOf(receiver, id);
      expect(spans.length).toBeGreaterThanOrEqual(count);
      return spans;
    },
    { timeout: 8000, interval: 50 },
  );
const metric = async (portal: Portal, name: string) => {
  const text = await (await fetch(`${portal.url}/metrics`)).text();
  return [...text.matchAll(new RegExp(`^${name}(?:\\{[^}]*\\})? (\\d+)`, 'gm'))].reduce((sum, [, value]) => sum + Number(value), 0);
};
const post = (portal: Portal, path: string, body: object, headers: Record<string, string> = {}) =>
  fetch(portal.url + path, {
    method: 'POST',
    headers: { 'content-type': 'application/json', origin: portal.url, ...headers },
    body: JSON.stringify(body),
  });

describe('a request is one trace', () => {
  it('with spans of database and cache below its own, which continues what the edge has begun', async () => {
    const receiver = await collector();
    const portal = await traced(receiver);
    const { id, span, header } = trace();
    const session = await post(portal, '/api/session', { name: 'Ana' });
    const cookie = session.headers.getSetCookie().join().split(';')[0] ?? '';
    const answer = await post(
      portal,
      '/api/requests',
      { title: 'Traced', kind: 'movie' },
      { ...header, cookie, 'x-request-id': 'trace-test-1', 'x-forwarded-proto': 'https' },
    );
    expect(answer.status).toBe(201);

    const spans = await arrived(receiver, id, 3);
    const [server] = spans.filter(({ kind }) => kind === 'server') as [ReceivedSpan];
    expect(spans.map(({ name, kind, failed }) => [name, kind, failed]).sort()).toEqual([
      ['GET', 'client', false],
      ['INSERT requests', 'client', false],
      ['POST /api/requests', 'server', false],
    ]);
    expect(server.parent).toBe(span);
    expect(server.attributes).toEqual({
      'http.request.method': 'POST',
      'http.route': '/api/requests',
      'http.response.status_code': 201,
      'url.path': '/api/requests',
      'url.scheme': 'https',
      'network.protocol.version': '1.1',
      'medianest.correlation_id': 'trace-test-1',
    });
    for (const inner of spans.filter((entry) => entry !== server)) {
      expect(inner.parent).toBe(server.spanId);
      expect(inner.start).toBeGreaterThanOrEqual(server.start);
      expect(inner.end).toBeLessThanOrEqual(server.end);
    }
    const database = new URL(PORTAL_TEST_DATABASE_URL as string);
    const query = spans.find(({ name }) => name === 'INSERT requests')?.attributes ?? {};
    expect(query).toMatchObject({
      'db.system.name': 'postgresql',
      'db.operation.name': 'INSERT',
      'db.collection.name': 'requests',
      'db.namespace': database.pathname.slice(1),
      'server.address': database.hostname,
      'server.port': Number(database.port),
    });
    expect(query['db.query.text']).toMatch(/^INSERT INTO requests \(title, .*VALUES \(\$1, \$2/);
    expect(spans.find(({ name }) => name === 'GET')?.attributes).toMatchObject({ 'db.system.name': 'redis', 'db.operation.name': 'GET' });
    expect(server.resource).toMatchObject({
      'service.name': 'media',
      'service.version': '1.0.0',
      'service.instance.id': 'app-2',
      'deployment.environment.name': 'at home',
    });
    expect(receiver.faults).toEqual([]);
  });

  it('with a span for each service outside, which is not told of it', async () => {
    const asked: unknown[] = [];
    const plex = createServer((request, response) => {
      asked.push(request.headers.traceparent);
      response.end('<MediaContainer version="1.40"/>');
    }).listen(0, '127.0.0.1');
    cleanups.push(() => plex.close());
    const receiver = await collector();
    const { port } = await vi.waitFor(() => plex.address() as AddressInfo);
    const portal = await traced(receiver, { PLEX_URL: `http://127.0.0.1:${port}`, PLEX_TOKEN: 'not-to-be-seen' });
    const { id, header } = trace();
    await fetch(`${portal.url}/api/status`, { headers: header });
    const call = (await arrived(receiver, id, 2)).find(({ kind }) => kind === 'client');
    expect(call?.attributes).toEqual({
      'http.request.method': 'GET',
      'url.full': `http://127.0.0.1:${port}/identity`,
      'server.address': '127.0.0.1',
      'server.port': port,
      'http.response.status_code': 200,
    });
    expect(asked).toEqual([undefined]);
  });

  it('whose id is in every line that is logged for it, and holds nothing that a visitor has sent but the path', async () => {
    const receiver = await collector();
    const portal = await traced(receiver);
    const { id, header } = trace();
    const headers = { ...header, authorization: 'not-to-be-seen', cookie: `medianest_session=${'n'.repeat(43)}` };
    await fetch(`${portal.url}/?token=not-to-be-seen`, { headers });
    await post(portal, '/api/session', { name: 'not-to-be-seen' }, headers);
    await arrived(receiver, id, 4);
    expect(JSON.stringify(receiver.spans, (_key, value) => (typeof value === 'bigint' ? String(value) : value))).not.toMatch(
      /not-to-be-seen|n{43}/,
    );
    const lines = portal
      .log()
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, string>);
    expect(lines.filter(({ traceId }) => traceId === id).map(({ route }) => route)).toEqual(['/', '/api/session']);
    expect(portal.log().match(/"traceId"/g)).toHaveLength(2);
  });

  it('has none for health checks and scrapes', async () => {
    const receiver = await collector();
    const portal = await traced(receiver);
    for (const path of ['/api/health', '/api/health/ready', '/metrics']) await fetch(portal.url + path, { headers: trace().header });
    const { id, header } = trace();
    await fetch(portal.url + LIST, { headers: header });
    await arrived(receiver, id, 2);
    expect(new Set(receiver.spans.map(({ traceId }) => traceId))).toEqual(new Set([id]));
  });

  it('does not believe a visitor where no edge is in front', async () => {
    const receiver = await collector();
    const portal = await traced(receiver, { TRACES_PARENT_TRUSTED: '' });
    const { id, header } = trace();
    await fetch(portal.url + LIST, { headers: { ...header, 'x-forwarded-proto': 'https' } });
    await vi.waitFor(() => expect(receiver.spans.length).toBeGreaterThan(0), 8000);
    expect(spansOf(receiver, id)).toEqual([]);
    const server = receiver.spans.find(({ kind }) => kind === 'server');
    expect([server?.parent, server?.attributes['url.scheme']]).toEqual([undefined, 'http']);
  });

  it('is a new one where the header is no traceparent', async () => {
    const receiver = await collector();
    const portal = await traced(receiver);
    const [trace1, span1] = ['1'.repeat(32), '1'.repeat(16)];
    const wrong = [
      '00-zz',
      `00-${'0'.repeat(32)}-${span1}-01`,
      `00-${trace1}-${'0'.repeat(16)}-01`,
      `ff-${trace1}-${span1}-01`,
      'x'.repeat(8000),
    ];
    for (const traceparent of wrong) {
      expect((await fetch(portal.url + LIST, { headers: { traceparent } })).status).toBe(200);
    }
    const servers = () => receiver.spans.filter(({ kind }) => kind === 'server');
    await vi.waitFor(() => expect(servers()).toHaveLength(wrong.length), 8000);
    expect(servers().map(({ parent }) => parent)).toEqual(wrong.map(() => undefined));
    expect(receiver.faults).toEqual([]);
  });
});

describe('what is kept', () => {
  it('is what failed, with its error, and what was slow, although none is sampled', { timeout: 30_000 }, async () => {
    const receiver = await collector();
    const redis = await relay(PORTAL_TEST_REDIS_URL as string, 6379);
    await redis.open();
    const portal = await traced(receiver, { OTEL_TRACES_SAMPLER_ARG: '0', TRACES_SLOW_MS: '400', REDIS_URL: redis.url });
    const quick = trace('00');
    expect((await fetch(portal.url + LIST, { headers: quick.header })).status).toBe(200);

    // A body that comes slowly.
    const slow = trace('00');
    const body = new ReadableStream({
      async start(controller) {
        const bytes = new TextEncoder().encode(JSON.stringify({ title: 'Slow', kind: 'movie' }));
        controller.enqueue(bytes.slice(0, 5));
        await sleep(600);
        controller.enqueue(bytes.slice(5));
        controller.close();
      },
    });
    const headers = { 'content-type': 'application/json', origin: portal.url, ...slow.header };
    const options = { method: 'POST', headers, body, duplex: 'half' } as RequestInit;
    expect((await fetch(`${portal.url}/api/requests`, options)).status).toBe(201);
    // What came after the body belongs to it too.
    expect((await arrived(receiver, slow.id, 3)).map(({ name }) => name)).toEqual(
      expect.arrayContaining(['POST /api/requests', 'INSERT requests', 'GET']),
    );

    redis.close();
    const failed = trace('00');
    expect((await post(portal, '/api/session', { name: 'Ana' }, failed.header)).status).toBe(503);
    const spans = await arrived(receiver, failed.id, 2);
    const server = spans.find(({ kind }) => kind === 'server');
    expect(server).toMatchObject({ failed: true, attributes: { 'error.type': 'unavailable', 'http.response.status_code': 503 } });
    expect(spans.filter(({ kind }) => kind === 'client').every((span) => span.failed && span.attributes['error.type'])).toBe(true);

    const refused = trace('00');
    expect((await fetch(`${portal.url}/api/nothing-here`, { headers: refused.header })).status).toBe(404);
    await sleep(1500);
    expect([spansOf(receiver, quick.id), spansOf(receiver, refused.id)]).toEqual([[], []]);
    expect(receiver.faults).toEqual([]);
  });

  it('is the share that is asked for of the rest, and what the edge has chosen', { timeout: 60_000 }, async () => {
    const receiver = await collector();
    const portal = await traced(receiver, { OTEL_TRACES_SAMPLER_ARG: '0.1', TRACES_SLOW_MS: '60000' });
    const asked = 3000;
    for (let done = 0; done < asked; done += 50) {
      await Promise.all(Array.from({ length: 50 }, async () => (await fetch(portal.url + LIST)).arrayBuffer()));
    }
    const chosen = trace('01');
    const left = trace('00');
    for (const { header } of [left, chosen]) await fetch(portal.url + LIST, { headers: header });
    await arrived(receiver, chosen.id, 2);
    const kept = receiver.spans.filter(({ kind, traceId }) => kind === 'server' && traceId !== chosen.id).length;
    // Six standard deviations of a fair draw.
    expect(kept).toBeGreaterThan(asked * 0.1 - 99);
    expect(kept).toBeLessThan(asked * 0.1 + 99);
    expect(spansOf(receiver, left.id)).toEqual([]);
    expect(await metric(portal, 'medianest_trace_spans_exported_total')).toBe(receiver.spans.length);
    expect(await metric(portal, 'medianest_trace_spans_dropped_total')).toBe(0);
    expect(receiver.faults).toEqual([]);
  });
});

describe('a collector that does not take them', () => {
  /** The median of requests one after the other, in ms. */
  async function pace(portal: Portal, count = 200): Promise<number> {
    const times: number[] = [];
    for (let done = 0; done < count; done++) {
      const began = performance.now();
      const answer = await fetch(portal.url + LIST);
      await answer.arrayBuffer();
      expect(answer.status).toBe(200);
      times.push(performance.now() - began);
    }
    return times.sort((a, b) => a - b)[Math.floor(count / 2)] as number;
  }

  it.each<[string, (receiver: OtlpReceiver) => void]>([
    ['is away', (receiver) => receiver.close()],
    ['hangs', (receiver) => (receiver.manner = 'hangs')],
    ['answers 500', (receiver) => (receiver.manner = 500)],
  ])('%s: requests are as fast as before, and what is dropped is counted', { timeout: 60_000 }, async (_case, breakIt) => {
    const receiver = await collector();
    const portal = await traced(receiver);
    await pace(portal);
    const before = await pace(portal);
    breakIt(receiver);
    const meanwhile = await pace(portal);
    // What waited for the collector would take seconds.
    expect(meanwhile).toBeLessThan(before * 3 + 20);
    await vi.waitFor(async () => expect(await metric(portal, 'medianest_trace_spans_dropped_total')).toBeGreaterThan(0), 15_000);
    await vi.waitFor(() => expect(portal.log().match(/traces are not delivered: .+; spans are dropped/g)).toHaveLength(1));
  });

  it('holds a bounded number of spans, and delivers again by itself', { timeout: 60_000 }, async () => {
    const receiver = await collector();
    receiver.manner = 'hangs';
    const portal = await traced(receiver);
    for (let done = 0; done < 2000; done += 50) {
      await Promise.all(Array.from({ length: 50 }, async () => (await fetch(portal.url + LIST)).arrayBuffer()));
    }
    await vi.waitFor(async () => expect(await metric(portal, 'medianest_trace_spans_dropped_total')).toBeGreaterThan(1000), 10_000);
    receiver.manner = 'takes';
    await vi.waitFor(() => expect(portal.log()).toMatch(/traces are delivered again/), 20_000);
    const { id, header } = trace();
    await fetch(portal.url + LIST, { headers: header });
    expect(await arrived(receiver, id, 2)).toHaveLength(2);
    expect(receiver.faults).toEqual([]);
  });

  it('keeps no portal from stopping, and the last spans are sent before it ends', { timeout: 30_000 }, async () => {
    const receiver = await collector();
    const portal = await traced(receiver, { DRAIN_SECONDS: '0' });
    const { id, header } = trace();
    await fetch(portal.url + LIST, { headers: { ...header, connection: 'close' } });
    portal.child.kill('SIGTERM');
    expect(await portal.exit).toBe(0);
    expect(spansOf(receiver, id)).toHaveLength(2);

    const stuck = await collector();
    stuck.manner = 'hangs';
    const other = await traced(stuck, { DRAIN_SECONDS: '0' });
    await fetch(other.url + LIST, { headers: { connection: 'close' } });
    const stopped = Date.now();
    other.child.kill('SIGTERM');
    expect(await other.exit).toBe(0);
    expect(Date.now() - stopped).toBeLessThan(6000);
  });
});

describe('the configuration', () => {
  it('sends the headers that it is given, and says neither those nor anything else where they cannot be read', async () => {
    const receiver = await collector();
    const portal = await traced(receiver, { OTEL_EXPORTER_OTLP_HEADERS: 'authorization=Bearer%20abc%3D,x-tenant=home' });
    await fetch(portal.url + LIST);
    await vi.waitFor(() => expect(receiver.headers.length).toBeGreaterThan(0), 8000);
    expect(receiver.headers[0]).toMatchObject({ authorization: 'Bearer abc=', 'x-tenant': 'home' });
    for (const wrong of ['not-to-be-seen', 'a=%E0%A4', 'a b=not-to-be-seen', 'a=not-to-be-seen%0A']) {
      const refused = await start({ OTEL_EXPORTER_OTLP_ENDPOINT: receiver.endpoint, OTEL_EXPORTER_OTLP_HEADERS: wrong });
      expect(await refused.exit).toBe(1);
      expect(refused.log()).toMatch(/cannot start: OTEL_EXPORTER_OTLP_HEADERS /);
      expect(refused.log()).not.toContain('not-to-be-seen');
    }
  });

  it('has neither metrics nor ids of traces where no collector is named', async () => {
    const portal = await start();
    await becomes(portal, '/api/health', 200);
    expect(await (await fetch(`${portal.url}/metrics`)).text()).not.toContain('medianest_trace_spans');
    expect((await fetch(portal.url + LIST, { headers: trace().header })).status).toBeLessThan(504);
    expect(portal.log()).not.toContain('traceId');
  });
});
