// @ts-check
import { Worker } from 'node:worker_threads';
import { within } from '../timing.js';

/** @typedef {import('./plain.js').PlainTrace} PlainTrace */
/** @typedef {{send: (batch: PlainTrace[]) => Promise<void>, close: () => Promise<void>}} Sender */

/** The exporter gives up before this. */
const ANSWER_MS = 10_000;
/** Of its heap: what grows there must not fill the container. */
const MEMORY_MB = 64;

/**
 * Sends batches from a thread of its own. In the thread that serves requests, OpenTelemetry's HTTP client made each of them dearer by
 * a tenth: V8 had optimised Node's streams and headers for the server alone, and must do it for both kinds of each.
 * @param {NonNullable<import('../config.js').Config['traces']>} config
 * @returns {Sender} `send` is called again only when it has ended; it fails where the collector does not take the batch
 */
export function createSender({ url, headers, resource }) {
  /** @type {Worker | undefined} */
  let worker;

  function started() {
    if (worker) return worker;
    const begun = new Worker(new URL('worker.js', import.meta.url), {
      workerData: { url, headers, resource },
      resourceLimits: { maxOldGenerationSizeMb: MEMORY_MB },
    });
    begun.unref();
    // Whatever ends it, the next batch starts another.
    const ended = () => {
      if (worker === begun) worker = undefined;
    };
    begun.on('error', ended).on('exit', ended);
    worker = begun;
    return begun;
  }

  /** @param {PlainTrace[]} batch */
  async function send(batch) {
    const to = started();
    const problem = await within(ANSWER_MS, answerOf(to, batch)).catch(async (error) => {
      await to.terminate();
      throw error;
    });
    if (problem !== undefined) throw new Error(problem);
  }

  return {
    send,
    close: async () => void (await worker?.terminate()),
  };
}

/** @param {Worker} worker @param {PlainTrace[]} batch @returns {Promise<string | undefined>} why it was not taken */
function answerOf(worker, batch) {
  return new Promise((resolve, reject) => {
    const ended = (/** @type {number} */ code) => reject(new Error(`the thread that sends them ended with code ${code}`));
    const forget = () => worker.off('message', answered).off('error', failed).off('exit', ended);
    const answered = (/** @type {string | undefined} */ problem) => {
      forget();
      resolve(problem);
    };
    const failed = (/** @type {Error} */ error) => {
      forget();
      reject(error);
    };
    worker.postMessage(batch);
    worker.on('message', answered).on('error', failed).on('exit', ended);
  });
}
