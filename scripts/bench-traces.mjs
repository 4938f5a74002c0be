// What traces of a tenth of the requests cost. Two stacks of prod stand beside each other, one of them with traces, and are asked in
// turn for seconds: the speed of a virtual machine drifts by more within minutes than what is measured. Each round brings both up
// again and changes which of them has traces: two processes of the same program differ by as much, for as long as they live, by what
// V8 has optimised. The error is that of the rounds.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import os from 'node:os';
import { fileURLToPath } from 'node:url';
import { atMost, bench, edgeSettings, requestsPerSecond, round } from './bench-lib.mjs';

const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 10);
const PAIRS = Number(process.env.BENCH_PAIRS ?? 8);
const SECONDS = 3;
const WARM_UP_SECONDS = 20;
/** The second stack listens above the first. */
const BESIDE = 200;
// All of the load is one client. Without the WAF, which costs more than all that is measured here.
const LOAD = 'rateLimit: false, connections: 0, waf: { mode: off }';

/** A collector that takes everything and keeps nothing, at an address that containers reach; of its own process, as wrk holds this one. */
async function collector() {
  const address = Object.values(os.networkInterfaces())
    .flat()
    .find(({ family, internal }) => family === 'IPv4' && !internal).address;
  const child = fork(fileURLToPath(import.meta.url), [address], { execArgv: [] });
  const [port] = await once(child, 'message');
  const bytes = async () => {
    const answer = once(child, 'message');
    child.send('bytes');
    return (await answer)[0];
  };
  return { endpoint: `http://${address}:${port}`, bytes, close: () => child.kill() };
}

/** What the child does. */
function collect(address) {
  let bytes = 0;
  const server = createServer((request, response) => {
    request.on('data', (chunk) => {
      bytes += chunk.length;
    });
    request.on('end', () => response.writeHead(200, { 'content-type': 'application/x-protobuf' }).end());
  });
  server.listen(0, address, () => process.send(server.address().port));
  process.on('message', () => process.send(bytes));
}
if (process.argv[1] === fileURLToPath(import.meta.url)) collect(process.argv[2]);

function stack(project, offset) {
  const at = bench(project);
  const edge = edgeSettings(LOAD, offset);
  return {
    up: (endpoint) => {
      const traces = endpoint ? `traces: { endpoint: "${endpoint}", sample: 0.1 }\n` : '';
      at.settings('prod', `${edge}observability: off\nlogs: { store: off }\n${traces}`);
      at.medianest('up');
    },
    perSecond: (seconds) => requestsPerSecond(at, seconds, offset),
    remove: at.remove,
  };
}

const mean = (values) => values.reduce((total, value) => total + value, 0) / values.length;

export async function traces() {
  const receiver = await collector();
  const stacks = [stack('mn-bench-a', 0), stack('mn-bench-b', BESIDE)];
  /** Natural logarithms of requests/s with traces over those without: the mean of each round. */
  const ratios = [];
  const rounds = [];
  try {
    for (let i = 0; i < ROUNDS; i++) {
      const [without, having] = i % 2 === 0 ? stacks : stacks.toReversed();
      without.up();
      having.up(receiver.endpoint);
      for (const one of [without, having]) one.perSecond(WARM_UP_SECONDS);
      const pairs = Array.from({ length: PAIRS }, (_, pair) => {
        const order = pair % 2 === 0 ? [without, having] : [having, without];
        const [first, second] = order.map((one) => one.perSecond(SECONDS));
        return pair % 2 === 0 ? [first, second] : [second, first];
      });
      ratios.push(mean(pairs.map(([off, on]) => Math.log(on / off))));
      rounds.push([0, 1].map((side) => Math.round(mean(pairs.map((pair) => pair[side])))));
      console.error(JSON.stringify(rounds.at(-1)));
    }
    if ((await receiver.bytes()) === 0) throw new Error('no spans reached the collector');
  } finally {
    receiver.close();
    for (const one of stacks) one.remove();
  }
  const average = mean(ratios);
  const error = Math.sqrt(mean(ratios.map((value) => (value - average) ** 2)) / (ratios.length - 1));
  return {
    tracesCost: atMost(5, 100 * (1 - Math.exp(average)), {
      unit: '% of requests/s',
      standardError: round(100 * error),
      perSecond: { without: rounds.map(([off]) => off), with: rounds.map(([, on]) => on) },
    }),
  };
}
