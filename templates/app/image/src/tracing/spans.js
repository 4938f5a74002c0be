// @ts-check
import { createRequire } from 'node:module';

const load = createRequire(import.meta.url);
/** @type {typeof import('@opentelemetry/api')} */
const { ROOT_CONTEXT, SpanKind, SpanStatusCode, TraceFlags, trace: api } = load('@opentelemetry/api');
/** @type {typeof import('@opentelemetry/sdk-trace-base')} */
const { AlwaysOnSampler, BasicTracerProvider, RandomIdGenerator } = load('@opentelemetry/sdk-trace-base');
/** @type {typeof import('@opentelemetry/resources')} */
const { resourceFromAttributes } = load('@opentelemetry/resources');
/** @type {typeof import('@opentelemetry/exporter-trace-otlp-proto')} */
const { OTLPTraceExporter } = load('@opentelemetry/exporter-trace-otlp-proto');

/** @typedef {import('@opentelemetry/sdk-trace-base').ReadableSpan} ReadableSpan */
/** @typedef {import('./plain.js').PlainCall} PlainCall */
/** @typedef {import('@opentelemetry/api').Context} Context */

/** Longer than this, a collector counts as away. */
const TIMEOUT_MS = 5000;

/** @param {{url: string, headers: Record<string, string>}} config */
export const createExporter = ({ url, headers }) =>
  new OTLPTraceExporter({ url, headers, timeoutMillis: TIMEOUT_MS, httpAgentOptions: { keepAlive: true } });

/**
 * Makes OpenTelemetry's spans of traces that are kept.
 * @param {Record<string, string>} resource who makes them
 * @returns {(trace: import('./plain.js').PlainTrace) => ReadableSpan[]} the request's span is the last
 */
export function createSpanMaker(resource) {
  /** @type {ReadableSpan[]} */
  let made = [];
  let traceId = '';
  const random = new RandomIdGenerator();
  const provider = new BasicTracerProvider({
    resource: resourceFromAttributes(resource),
    // The environment names one for processes that decide at the beginning: what comes here is decided.
    sampler: new AlwaysOnSampler(),
    idGenerator: { generateTraceId: () => traceId, generateSpanId: () => random.generateSpanId() },
    spanProcessors: [{ onStart: () => {}, onEnd: (span) => void made.push(span), forceFlush: async () => {}, shutdown: async () => {} }],
  });
  const tracer = provider.getTracer('medianest-portal');

  const begin = (/** @type {PlainCall} */ { name, attributes, start }, /** @type {number} */ kind, /** @type {Context} */ inside) =>
    tracer.startSpan(name, { kind, startTime: hrTime(start), attributes }, inside);

  return ({ traceId: id, parent, request, calls }) => {
    traceId = id;
    made = [];
    const outside = parent
      ? api.setSpanContext(ROOT_CONTEXT, { traceId, spanId: parent, traceFlags: TraceFlags.SAMPLED, isRemote: true })
      : ROOT_CONTEXT;
    const server = begin(request, SpanKind.SERVER, outside);
    const inside = api.setSpan(outside, server);
    for (const call of calls) finish(begin(call, SpanKind.CLIENT, inside), call);
    finish(server, request);
    return made;
  };
}

/** @param {import('@opentelemetry/api').Span} span @param {PlainCall} call */
function finish(span, { failed, end }) {
  if (failed !== undefined) span.setAttribute('error.type', failed).setStatus({ code: SpanStatusCode.ERROR });
  span.end(hrTime(end));
}

/** @param {number} ms since 1970 @returns {[seconds: number, nanoseconds: number]} */
function hrTime(ms) {
  const seconds = Math.floor(ms / 1000);
  return [seconds, Math.round((ms - seconds * 1000) * 1e6)];
}
