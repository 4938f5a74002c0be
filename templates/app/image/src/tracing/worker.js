// @ts-check
import { parentPort, workerData } from 'node:worker_threads';
import { describe } from '../errors.js';
import { createExporter, createSpanMaker } from './spans.js';

// A thread of its own: makes the spans of a batch, sends them and says what became of it.

const port = /** @type {import('node:worker_threads').MessagePort} */ (parentPort);
const spansOf = createSpanMaker(workerData.resource);
const exporter = createExporter(workerData);

port.on('message', (/** @type {import('./plain.js').PlainTrace[]} */ batch) => {
  exporter.export(batch.flatMap(spansOf), ({ code, error }) => {
    port.postMessage(code === 0 ? undefined : error ? describe(error) : 'not taken');
  });
});
