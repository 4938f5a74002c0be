// @ts-check
import client from 'prom-client';
import { describe } from '../errors.js';
import { plainTrace } from './plain.js';
import { createQueue } from './queue.js';
import { traceRequests } from './requests.js';
import { createSender } from './sender.js';

/** @typedef {ReturnType<typeof createTracing>} Tracing */

/**
 * Traces of requests, sent by OTLP. Loaded only where the configuration names a collector.
 * @param {NonNullable<import('../config.js').Config['traces']>} config
 * @param {import('../logging.js').Logger} log
 * @param {import('../metrics.js').Metrics} metrics
 */
export function createTracing(config, log, metrics) {
  const registers = [metrics.registry];
  const exported = new client.Counter({
    name: 'medianest_trace_spans_exported_total',
    help: 'Spans that the collector of traces has taken',
    registers,
  });
  const dropped = new client.Counter({
    name: 'medianest_trace_spans_dropped_total',
    help: 'Spans that were given up: the queue was full, or the collector did not take them',
    labelNames: ['reason'],
    registers,
  });
  // So that a rate can be told from the first event on.
  for (const reason of ['queue_full', 'not_delivered']) dropped.inc({ reason }, 0);

  /** A fault in here must not end the process. @param {import('./queue.js').Kept} kept */
  const plain = (kept) => {
    try {
      return [plainTrace(kept)];
    } catch (error) {
      log.warn({ err: error, traceId: kept.trace.traceId }, 'no spans could be made of a trace');
      return [];
    }
  };

  let away = false;
  const sender = createSender(config);
  const queue = createQueue(plain, sender.send, {
    exported: (count) => exported.inc(count),
    dropped: (count, reason) => dropped.inc({ reason }, count),
    state: (problem) => {
      if (problem && !away) log.warn({ url: config.url }, `traces are not delivered: ${describe(problem)}; spans are dropped`);
      if (!problem && away) log.info('traces are delivered again');
      away = problem !== undefined;
    },
  });
  return {
    observe: (/** @type {import('fastify').FastifyInstance} */ app) => traceRequests(app, config, queue.add),
    async close() {
      await queue.close();
      await sender.close();
    },
  };
}
