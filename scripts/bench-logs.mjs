// What a line of a log costs the agent, in processor time: from an engine of the protocol on a socket to the disk. Needs no Docker.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { home, round, told } from './bench-lib.mjs';

const SERVICES = ['edge', 'balancer', 'app'];
const LINE = JSON.stringify({
  ...{
    level: 'info',
    time: '2026-11-30T04:00:00.123Z',
    requestId: '3f2a9c1b7d0446b1a5c1d2e3f4a5b6c7',
    client: '172.16.0.1',
    method: 'GET',
  },
  ...{
    path: '/',
    status: 200,
    bytes: 5122,
    seconds: 0.004,
    upstream: '10.0.0.11:8080',
    tls: 'TLSv1.3',
    agent: 'wrk/4.1.0',
    msg: 'request',
  },
});
const HEAD = 8;

/** A line in a frame (Docker Engine API, "Stream format"). */
function frame(n) {
  const time = `${new Date(Date.UTC(2026, 10, 30) + Math.floor(n / 5)).toISOString().slice(0, 23)}${String((n % 5) * 100_000).padStart(6, '0')}Z`;
  const bytes = Buffer.alloc(HEAD + time.length + LINE.length + 2);
  bytes[0] = 1;
  bytes.writeUInt32BE(bytes.length - HEAD, 4);
  bytes.write(`${time} ${LINE}\n`, HEAD);
  return bytes;
}

/** What the child does: each line is a chunk of its own, as of the engine. @param each lines a millisecond; 0: as fast as they are taken */
async function write(response, lines, each) {
  for (let n = 0; n < lines; n++) {
    if (!response.write(frame(n))) await once(response, 'drain');
    if (each > 0 && n % each === 0) await sleep(1);
  }
  response.end();
}
if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [socket, lines, each] = process.argv.slice(2);
  createServer((request, response) => {
    if (request.url.includes('/json')) response.end('{"Id":"i"}');
    else void write(response, Number(lines), Number(each));
  }).listen(socket, () => process.send('listens'));
}

/** The parts of the agent that take lines, as they are bundled. */
async function parts(folder) {
  const outfile = path.join(folder, 'parts.cjs');
  const names = ['engine-logs', 'follower', 'intake', 'journal', 'log-tally'];
  const contents = names.map((name) => `export * from './src/agent/logs/${name}.ts';`).join('\n');
  await build({ stdin: { contents, resolveDir: home }, outfile, bundle: true, platform: 'node', target: 'node20', format: 'cjs' });
  return createRequire(import.meta.url)(outfile);
}

async function take({ engineLogs, followContainer, pendingLines, Journal, newLogTally }, folder, lines, each) {
  const socket = path.join(folder, 'engine.sock');
  const child = fork(fileURLToPath(import.meta.url), [socket, String(lines), String(each)], { execArgv: [] });
  const tally = newLogTally();
  const journal = await Journal.open({
    folder: mkdtempSync(path.join(folder, 'journal-')),
    segmentBytes: 2 ** 30,
    hourly: false,
    now: Date.now,
  });
  try {
    await once(child, 'message');
    const pending = pendingLines(journal, tally);
    const engine = engineLogs(socket, '');
    const before = process.cpuUsage();
    const { signal } = new AbortController();
    const follow = (service) =>
      followContainer(engine, { service: `${service}-1`, container: service, id: 'i' }, pending, signal, () => {});
    let done = false;
    const flushing = (async () => {
      while (!done) {
        await sleep(500);
        await pending.flush();
      }
    })();
    await Promise.all(SERVICES.map(follow));
    done = true;
    await flushing;
    await pending.flush();
    const { user, system } = process.cpuUsage(before);
    if (tally.kept !== SERVICES.length * lines) throw new Error(`${tally.kept} lines are kept, not ${SERVICES.length * lines}`);
    return (user + system) / tally.kept;
  } finally {
    child.kill();
    await journal.close();
    rmSync(socket, { force: true });
  }
}

export async function logs() {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'medianest-bench-'));
  try {
    const agent = await parts(folder);
    // The first compiles what the others run.
    await take(agent, folder, 20_000, 0);
    const unit = 'us of processor time for a line';
    const trickle = await take(agent, folder, 8_000, 1);
    const much = await take(agent, folder, 60_000, 0);
    return {
      trickle: { ...told(trickle), unit },
      much: { ...told(much), unit, linesPerSecondOfOneCore: round(1e6 / much) },
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
