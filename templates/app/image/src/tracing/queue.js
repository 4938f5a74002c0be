// @ts-check
import { within } from '../timing.js';

/** @typedef {import('./plain.js').PlainTrace} PlainTrace */
/** @typedef {'queue_full' | 'not_delivered'} Reason */
/** A request that is kept, and how it ended. @typedef {{trace: import('./trace.js').Trace, ended: import('./requests.js').Ended}} Kept */

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
 * costs spans, never a request. What a trace says is put together only then: in a row, one costs a tenth of what it costs between two
 * requests, where the processor's caches hold other code.
 * @param {(kept: Kept) => PlainTrace[]} plain none where it cannot be told; throws nothing
 * @param {(batch: PlainTrace[]) => Promise<void>} deliver is called again only when it has ended
 * @param {Told} told
 */
export function createQueue(plain, deliver, told) {
  /** @type {{kept: Kept, count: number}[]} */
  const waiting = [];
  /** Spans of all that wait. */
  let spans = 0;
  /** @type {Promise<void> | undefined} */
  let sending;
  /** @type {NodeJS.Timeout | undefined} */
  let timer;
  let closing = false;

  /** All spans of a trace, or none. */
  function add(/** @type {Kept} */ kept) {
    const count = 1 + kept.trace.calls.length;
    if (spans + count > MOST) return told.dropped(count, 'queue_full');
    waiting.push({ kept, count });
    spans += count;
    if (spans >= BATCH) send();
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
    for (let least = 1; spans >= least; least = closing ? 1 : BATCH) {
      const batch = nextBatch();
      const count = spansIn(batch);
      const problem = await deliver(batch).then(
        () => undefined,
        (/** @type {Error} */ error) => error,
      );
      told.state(problem);
      if (problem) return told.dropped(count, 'not_delivered');
      told.exported(count);
    }
  }

  /** Whole traces, until they have enough spans. */
  function nextBatch() {
    let taken = 0;
    let requests = 0;
    for (const { count } of waiting) {
      if (taken >= BATCH) break;
      taken += count;
      requests++;
    }
    spans -= taken;
    return waiting.splice(0, requests).flatMap(({ kept }) => plain(kept));
  }

  async function close() {
    closing = true;
    await within(LAST_MS, send()).catch(() => {});
  }

  return { add, close };
}

/** @param {PlainTrace[]} batch */
const spansIn = (batch) => batch.reduce((sum, { calls }) => sum + 1 + calls.length, 0);
