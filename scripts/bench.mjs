// Measures against a reference in the same run and writes bench/results.json: every figure with its bound and whether
// it held. `node scripts/bench.mjs commands` runs one area and keeps what the file says of the others.
// The images of the profiles must be there (`medianest images build`); exits 1 when a bound did not hold.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { backup } from './bench-backup.mjs';
import { certificates } from './bench-certificates.mjs';
import { commands } from './bench-commands.mjs';
import { data } from './bench-data.mjs';
import { layers } from './bench-layers.mjs';
import { docker, home } from './bench-lib.mjs';
import { logs } from './bench-logs.mjs';
import { observability } from './bench-observability.mjs';
import { signOn } from './bench-sign-on.mjs';
import { traces } from './bench-traces.mjs';
import { traffic } from './bench-traffic.mjs';

const AREAS = { commands, layers, traffic, data, certificates, backup, observability, traces, logs, 'sign-on': signOn };
const file = path.join(home, 'bench/results.json');

const wanted = process.argv.length > 2 ? process.argv.slice(2) : Object.keys(AREAS);
const unknown = wanted.filter((name) => !(name in AREAS));
if (unknown.length > 0) throw new Error(`no such area: ${unknown.join(', ')} (there are ${Object.keys(AREAS).join(', ')})`);

const earlier = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')).figures : {};
const figures = { ...earlier };
for (const name of wanted) {
  console.error(`${name} ...`);
  figures[name] = { measuredAt: new Date().toISOString(), ...(await AREAS[name]()) };
}

const results = {
  machine: {
    cpu: os.cpus()[0]?.model,
    cores: os.cpus().length,
    memoryGiB: Math.round(os.totalmem() / 1024 ** 3),
    kernel: os.release(),
    node: process.version,
    engine: docker('version', '--format', '{{.Server.Version}}'),
    compose: execFileSync('docker', ['compose', 'version', '--short'], { encoding: 'utf8' }).trim(),
    medianest: JSON.parse(readFileSync(path.join(home, 'package.json'), 'utf8')).version,
  },
  figures,
};
mkdirSync(path.dirname(file), { recursive: true });
writeFileSync(file, `${JSON.stringify(results, null, 2)}\n`);
console.log(JSON.stringify(results, null, 2));
const missed = wanted.flatMap((area) =>
  Object.entries(figures[area])
    .filter(([, figure]) => figure?.held === false)
    .map(([name, figure]) => `${area}: ${name} is ${figure.value}, should be ${figure.bound}`),
);
for (const line of missed) console.error(`missed: ${line}`);
if (missed.length > 0) process.exitCode = 1;
