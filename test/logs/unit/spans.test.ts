import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import root from '@opentelemetry/otlp-transformer/build/src/generated/root.js';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { newLogTally } from '../../../src/agent/logs/log-tally.ts';
import { documentOf } from '../../../src/agent/logs/plan/document.ts';
import { exportBody, type OtlpSpan, spanOf } from '../../../src/agent/logs/plan/spans.ts';
import { SpanSender } from '../../../src/agent/logs/span-sender.ts';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const NOW = Date.UTC(2026, 10, 30, 10);
const time = '2026-11-30T10:00:00.000000000Z';
const line = (service: string, fields: Record<string, unknown>) =>
  documentOf({ stream: 'stdout', time, text: JSON.stringify(fields) }, 0, { service, container: `p-${service}-1`, id: 'i' });
/** As log.conf and haproxy.cfg write them. */
const edge = (more: Record<string, unknown> = {}) =>
  line('edge', {
    ...{ time: '2026-11-30T10:00:00+00:00', requestId: 'request-1', traceId: TRACE, span: TRACE.slice(0, 16), sampled: '00' },
    ...{ ended: NOW / 1000 - 0.25, client: '192.0.2.7', host: 'media.lan', method: 'GET', path: '/films', status: 200, seconds: 0.1 },
    ...{ upstreamStatus: '200', cache: '', agent: 'curl' },
    ...more,
  });
const balancer = (more: Record<string, unknown> = {}) =>
  line('balancer', {
    requestId: 'request-1',
    traceId: TRACE,
    method: 'GET',
    path: '/films',
    status: 503,
    replica: 'app-1',
    milliseconds: 40,
    ...more,
  });
const kept = (document: ReturnType<typeof line>) => spanOf(document, 1000, NOW);

describe('a line of the edge', () => {
  it('is a span if its request was sampled, slow or failed', () => {
    expect(kept(edge())).toBeUndefined();
    for (const more of [{ sampled: '01' }, { seconds: 1.2 }, { status: 502 }]) expect(kept(edge(more))?.service).toBe('edge');
  });
  it('is the span that the application names as its parent, and has its times', () => {
    const { span } = kept(edge({ sampled: '01' })) as { span: OtlpSpan };
    expect(span).toMatchObject({ traceId: TRACE, spanId: TRACE.slice(0, 16), name: 'GET', kind: 2 });
    expect(span).not.toHaveProperty('parentSpanId');
    expect(span).not.toHaveProperty('status');
    expect([span.startTimeUnixNano, span.endTimeUnixNano]).toEqual([`${NOW - 350}000000`, `${NOW - 250}000000`]);
  });
  it('is below the span of a proxy that has begun the trace', () => {
    const { span } = kept(edge({ span: 'a'.repeat(16), status: 500 })) as { span: OtlpSpan };
    expect(span).toMatchObject({ parentSpanId: 'a'.repeat(16), status: { code: 2 } });
    expect(span.spanId).toMatch(/^(?!a{16})[0-9a-f]{16}$/);
  });
  it('tells nothing of the visitor', () => {
    const { span } = kept(edge({ sampled: '01' })) as { span: OtlpSpan };
    expect(JSON.stringify(span)).not.toMatch(/192\.0\.2\.7|curl|media\.lan/);
    expect(span.attributes).toContainEqual({ key: 'http.response.status_code', value: { intValue: '200' } });
    expect(span.attributes).toContainEqual({ key: 'medianest.correlation_id', value: { stringValue: 'request-1' } });
  });
  it.each([
    ['no id', { traceId: undefined }],
    ['an id that is none', { traceId: '0'.repeat(32) }],
    ['no time', { ended: undefined }],
    ['another time', { ended: NOW / 1000 - 3600 }],
    ['no duration', { seconds: 'x' }],
  ])('is none with %s', (_what, more) => {
    expect(kept(edge({ sampled: '01', ...more }))).toBeUndefined();
  });
});

it('a line of the balancer is a span below that of the edge; of other services none is', () => {
  const { span } = kept(balancer()) as { span: OtlpSpan };
  expect(span).toMatchObject({ traceId: TRACE, parentSpanId: TRACE.slice(0, 16), status: { code: 2 }, endTimeUnixNano: `${NOW}000000` });
  expect(kept(balancer({ status: 200 }))).toBeUndefined();
  expect(kept(line('app-1', { traceId: TRACE, sampled: '01', seconds: 1, ended: NOW / 1000 }))).toBeUndefined();
});

describe('the collector', () => {
  const bodies: string[] = [];
  let answers = 200;
  const server = createServer(async (request, response) => {
    let text = '';
    for await (const chunk of request) text += chunk;
    bodies.push(`${request.method} ${request.url} ${request.headers['content-type']} ${text}`);
    response.writeHead(answers).end('{}');
  });
  afterEach(() => void server.close());

  it('is sent what OTLP’s own definitions take, and what it refuses is dropped and counted', async () => {
    await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready));
    const tally = newLogTally();
    const told: string[] = [];
    const effects = { tally, now: () => NOW, tell: (_topic: string, what: string) => void told.push(what), statusFile: '' };
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const sender = new SpanSender({ url, slowMs: 1000 }, 'home', effects);
    const stop = new AbortController();
    const running = sender.run(stop.signal);
    sender.take(edge({ status: 502 }));
    sender.take(balancer());
    await vi.waitFor(() => expect(tally.spans).toEqual({ sent: 2, dropped: 0 }), { timeout: 5_000 });
    answers = 503;
    sender.take(balancer());
    await vi.waitFor(() => expect(tally.spans).toEqual({ sent: 2, dropped: 1 }), { timeout: 5_000 });
    expect(told.at(-1)).toContain('it answered 503');
    stop.abort();
    await running;
    expect(bodies[0]).toMatch(/^POST \/v1\/traces application\/json \{/);
    const { resourceSpans } = JSON.parse((bodies[0] as string).replace(/^[^{]*/, '')) as {
      resourceSpans: { resource: { attributes: object[] }; scopeSpans: { spans: OtlpSpan[] }[] }[];
    };
    expect(resourceSpans.map(({ resource }) => resource.attributes)).toEqual(
      ['edge', 'balancer'].map((name) => [{ key: 'service.name', value: { stringValue: `home-${name}` } }]),
    );
    // JSON has ids in hexadecimal and 64-bit numbers as texts; all else is as in protobuf.
    const { trace } = (
      root as unknown as { opentelemetry: { proto: { trace: { v1: { Span: { verify(span: object): string | null } } } } } }
    ).opentelemetry.proto as unknown as { trace: { v1: { Span: { verify(span: object): string | null } } } };
    for (const span of resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap(({ spans }) => spans))) {
      const bytes = (id: string | undefined) => id && Buffer.from(id, 'hex');
      const numbers = { startTimeUnixNano: Number(span.startTimeUnixNano), endTimeUnixNano: Number(span.endTimeUnixNano) };
      const attributes = span.attributes.map(({ key, value }) => ({
        key,
        value: 'intValue' in value ? { intValue: Number(value.intValue) } : value,
      }));
      const ids = {
        traceId: bytes(span.traceId),
        spanId: bytes(span.spanId),
        ...(span.parentSpanId && { parentSpanId: bytes(span.parentSpanId) }),
      };
      expect(trace.v1.Span.verify({ ...span, ...ids, ...numbers, attributes })).toBeNull();
    }
  });

  it('gets nothing of other lines', () => {
    expect(JSON.parse(exportBody('home', []))).toEqual({ resourceSpans: [] });
  });
});
