// @ts-check
import { within } from '../timing.js';

/** @typedef {import('@opentelemetry/sdk-trace-base').ReadableSpan} ReadableSpan */
/** @typedef {'queue_full' | 'not_delivered'} Reason */

/**
 * What the queue tells of what it does.
 * @typedef {object} Told
 * @property {(count: number) => void} exported
 * @property {(count: number, reason: Reason) => void} dropped
 * @property {(problem: Error | undefined) => void} state undefined: the collector takes them
 */

const MOST = 2048;
const BATCH = 256;
const DELAY_MS = 1000;
/** How long a process that ends waits for the last ones. */
const LAST_MS = 2000;

/**
 * Sends spans in batches, one after the other, and holds a bounded number of them meanwhile: a collector that is away or slow
 * costs spans, never a request.
 * @param {Pick<import('@opentelemetry/sdk-trace-base').SpanExporter, 'export'>} exporter
 * @param {Told} told
 */
export function createQueue(exporter, told) {
  /** @type {ReadableSpan[]} */
  const waiting = [];
  /** @type {Promise<void> | undefined} */
  let sending;
  /** @type {NodeJS.Timeout | undefined} */
  let timer;
  let closing = false;

  /** The spans of one trace: all of them, or none. */
  function add(/** @type {ReadableSpan[]} */ spans) {
    if (waiting.length + spans.length > MOST) return told.dropped(spans.length, 'queue_full');
    waiting.push(...spans);
    if (waiting.length >= BATCH) send();
    else wait();
  }

  function wait() {
    timer ??= setTimeout(send, DELAY_MS).unref();
  }

  function send() {
    clearTimeout(timer);
    timer = undefined;
    sending ??= sendAll().finally(() => {
      sending = undefined;
      if (waiting.length > 0) wait();
    });
    return sending;
  }

  /**
   * Until too few wait for another batch, or one fails: they wait for their time. A batch costs as much as forty spans, and one that
   * followed at once would hold the few that came meanwhile.
   */
  async function sendAll() {
    for (let least = 1; waiting.length >= least; least = closing ? 1 : BATCH) {
      const batch = waiting.splice(0, BATCH);
      const problem = await sendBatch(batch);
      told.state(problem);
      if (problem) return told.dropped(batch.length, 'not_delivered');
      told.exported(batch.length);
    }
  }

  /** @param {ReadableSpan[]} batch @returns {Promise<Error | undefined>} */
  const sendBatch = (batch) =>
    new Promise((/** @type {(problem: Error | undefined) => void} */ resolve) => {
      exporter.export(batch, ({ code, error }) => resolve(code === 0 ? undefined : (error ?? new Error('not taken'))));
    }).catch((error) => error);

  async function close() {
    closing = true;
    await within(LAST_MS, send()).catch(() => {});
  }

  return { add, close };
}
