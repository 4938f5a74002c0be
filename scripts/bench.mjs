// Measures what a person waits for, as ratios to `node -e 0` and to docker compose in the same run, and writes
// bench/results.json with the machine's facts. Images of both profiles must be there (`medianest images build`).
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const home = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const program = path.join(home, 'bin/medianest.js');
const dir = mkdtempSync(path.join(os.tmpdir(), 'medianest-bench-'));
const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('MEDIANEST_')));
const BOUNDS = {
  version: 1.3,
  help: 1.6,
  render: 3,
  upUnchanged: 2.5,
  status: 2.5,
  upFromNothing: 1.15,
};

const call = (command, args, options = {}) => {
  const started = process.hrtime.bigint();
  const result = spawnSync(command, args, { cwd: dir, env, encoding: 'utf8', ...options });
  const ms = Number(process.hrtime.bigint() - started) / 1e6;
  if (result.status !== 0 && !options.anyStatus) throw new Error(`${command} ${args.join(' ')}: ${result.stderr}`);
  return { ms, stdout: result.stdout };
};
const medianest = (...args) => call(process.execPath, [program, ...args]);
const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];

/** Runs the candidates in turn, so that a busy moment of the machine meets all of them; medians in ms. */
function compare(rounds, candidates) {
  const times = Object.fromEntries(Object.keys(candidates).map((name) => [name, []]));
  for (let i = 0; i < rounds; i++) for (const [name, run] of Object.entries(candidates)) times[name].push(run().ms);
  return Object.fromEntries(Object.entries(times).map(([name, values]) => [name, median(values)]));
}

const settings = (profile, more = '') =>
  writeFileSync(
    path.join(dir, 'medianest.yml'),
    `version: 1\nproject: mn-bench\nprofile: ${profile}\nallInOne: { port: 23000 }\nedge: { httpPort: 28080, httpsPort: 28443 }\n${more}`,
  );
const compose = (...args) =>
  call('docker', [
    'compose',
    '--progress=quiet',
    '--project-directory',
    path.join(dir, '.medianest'),
    '--file',
    path.join(dir, '.medianest/current/compose.yml'),
    ...args,
  ]);
const down = () => call(process.execPath, [program, 'down', '--volumes', '--no-backup', '--yes']);

const measured = {};
const ratios = {};
try {
  settings('dev-compose');
  const floor = compare(21, {
    node: () => call(process.execPath, ['-e', '0']),
    version: () => medianest('--version'),
    help: () => medianest('--help'),
    render: () => medianest('render'),
  });
  Object.assign(measured, floor);
  for (const name of ['version', 'help', 'render']) ratios[name] = floor[name] / floor.node;

  measured.renderByReplicas = {};
  for (const replicas of [1, 10, 100, 300, 1000]) {
    settings('dev-compose', `app: { replicas: ${replicas} }\n`);
    measured.renderByReplicas[replicas] = median([1, 2, 3].map(() => medianest('render', '--out', path.join(dir, `out-${replicas}`)).ms));
  }

  settings('dev-compose');
  medianest('up');
  Object.assign(
    measured,
    compare(15, {
      upUnchanged: () => medianest('up'),
      composeUpUnchanged: () => compose('up', '--detach'),
      status: () => medianest('status'),
      composePs: () => compose('ps'),
    }),
  );
  ratios.upUnchanged = measured.upUnchanged / measured.composeUpUnchanged;
  ratios.status = measured.status / measured.composePs;

  const fromNothing = { upFromNothing: [], composeUpFromNothing: [] };
  for (let i = 0; i < 5; i++) {
    compose('down', '--volumes');
    fromNothing.upFromNothing.push(medianest('up').ms);
    compose('down', '--volumes');
    fromNothing.composeUpFromNothing.push(compose('up', '--detach', '--wait').ms);
  }
  for (const [name, values] of Object.entries(fromNothing)) measured[name] = median(values);
  ratios.upFromNothing = measured.upFromNothing / measured.composeUpFromNothing;
  down();

  settings('dev');
  const cold = [];
  for (let i = 0; i < 5; i++) {
    medianest('up', '--overwrite');
    down();
    cold.push(medianest('up').ms);
  }
  measured.devColdStart = median(cold);
  await new Promise((resolve) => setTimeout(resolve, 20_000));
  measured.devIdleMemory = call('docker', ['stats', '--no-stream', '--format', '{{.MemUsage}}', 'mn-bench-all-in-one-1']).stdout.split(
    ' / ',
  )[0];
  down();
} finally {
  spawnSync(process.execPath, [program, 'down', '--volumes', '--no-backup', '--yes'], { cwd: dir, env });
  rmSync(dir, { recursive: true, force: true });
}

const round = (value) => (typeof value === 'number' ? Math.round(value * 100) / 100 : value);
const results = {
  machine: {
    cpu: os.cpus()[0]?.model,
    cores: os.cpus().length,
    memoryGiB: Math.round(os.totalmem() / 1024 ** 3),
    kernel: os.release(),
    node: process.version,
    engine: execFileSync('docker', ['version', '--format', '{{.Server.Version}}'], { encoding: 'utf8' }).trim(),
    compose: execFileSync('docker', ['compose', 'version', '--short'], { encoding: 'utf8' }).trim(),
    medianest: JSON.parse(readFileSync(path.join(home, 'package.json'), 'utf8')).version,
  },
  milliseconds: Object.fromEntries(
    Object.entries(measured).map(([name, value]) => [
      name,
      typeof value === 'object'
        ? Object.fromEntries(Object.entries(value).map(([key, ms]) => [key, Math.round(ms)]))
        : typeof value === 'number'
          ? Math.round(value)
          : value,
    ]),
  ),
  ratios: Object.fromEntries(
    Object.entries(ratios).map(([name, value]) => [name, { ratio: round(value), bound: BOUNDS[name], held: value <= BOUNDS[name] }]),
  ),
};
mkdirSync(path.join(home, 'bench'), { recursive: true });
writeFileSync(path.join(home, 'bench/results.json'), `${JSON.stringify(results, null, 2)}\n`);
console.log(JSON.stringify(results, null, 2));
