// @ts-check
import { createRequire } from 'node:module';
import { describeRequest } from './requests.js';

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
/** @typedef {import('./trace.js').Trace} Trace */
/** @typedef {import('./requests.js').Ended} Ended */

/** Longer than this, a collector counts as away. */
const TIMEOUT_MS = 5000;

/** @param {{url: string, headers: Record<string, string>}} config */
export const createExporter = ({ url, headers }) =>
  new OTLPTraceExporter({ url, headers, timeoutMillis: TIMEOUT_MS, httpAgentOptions: { keepAlive: true } });

/**
 * Makes OpenTelemetry's spans of traces that are kept.
 * @param {Record<string, string>} resource who makes them
 * @returns {(kept: {trace: Trace, ended: Ended}) => ReadableSpan[]} the request's span is the last
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

  return ({ trace, ended }) => {
    traceId = trace.traceId;
    made = [];
    const at = (/** @type {number} */ time) => hrTime(ended.endedAt + time - ended.end);
    const request = describeRequest(ended);
    const outside = trace.parent
      ? api.setSpanContext(ROOT_CONTEXT, { traceId, spanId: trace.parent, traceFlags: TraceFlags.SAMPLED, isRemote: true })
      : ROOT_CONTEXT;
    const lost = trace.lost > 0 ? { 'medianest.calls_lost': trace.lost } : {};
    const server = tracer.startSpan(
      request.name,
      { kind: SpanKind.SERVER, startTime: at(trace.start), attributes: { ...request.attributes, ...lost } },
      outside,
    );
    const inside = api.setSpan(outside, server);
    for (const { describe, outcome, start, end, failed } of trace.calls) {
      const { name, attributes } = describe(outcome);
      const span = tracer.startSpan(name, { kind: SpanKind.CLIENT, startTime: at(start), attributes }, inside);
      finish(span, failed, at(end ?? ended.end));
    }
    finish(server, request.failed, at(ended.end));
    return made;
  };
}

/** @param {import('@opentelemetry/api').Span} span @param {string | undefined} failed @param {[number, number]} time */
function finish(span, failed, time) {
  if (failed !== undefined) span.setAttribute('error.type', failed).setStatus({ code: SpanStatusCode.ERROR });
  span.end(time);
}

/** @param {number} ms since 1970 @returns {[seconds: number, nanoseconds: number]} */
function hrTime(ms) {
  const seconds = Math.floor(ms / 1000);
  return [seconds, Math.round((ms - seconds * 1000) * 1e6)];
}
