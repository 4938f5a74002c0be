// @ts-check
import { Worker } from 'node:worker_threads';
import { within } from '../timing.js';

/** @typedef {import('./plain.js').PlainTrace} PlainTrace */

/** The exporter gives up before this. */
const ANSWER_MS = 10_000;
/** Of its heap: what grows there must not fill the container. */
const MEMORY_MB = 64;

/**
 * Sends batches from a thread of its own. In the thread that serves requests, an HTTP client makes each request cost more: V8 replaces
 * the code that it has optimised for the server's streams and headers by code that serves both (docs/decisions/0034).
 * `send` rejects if the collector does not take the batch; it must not be called again before it has settled.
 * @param {{url: string, headers: Record<string, string>, resource: Record<string, string>}} config `resource` says who makes the spans
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
