// What every area of the bench needs: the program as an operator runs it, load as people make it, and how a figure is told.
import { fork, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

export const home = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
export const PORTS = { dev: 23000, http: 28080, https: 28443 };
const program = path.join(home, 'bin/medianest.js');
const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('MEDIANEST_')));

/** This host plays a client in an internal network, where it has no address: it takes the gateway's. Needs root. */
export function enterNetwork(project, network) {
  const format = '{{.Id}} {{(index .IPAM.Config 0).Gateway}} {{(index .IPAM.Config 0).Subnet}}';
  const [id, gateway, subnet] = docker('network', 'inspect', '--format', format, `${project}_${network}`).split(' ');
  const argv = ['address', 'replace', `${gateway}/${subnet.split('/')[1]}`, 'dev', `br-${id.slice(0, 12)}`];
  const { status, stderr } = spawnSync('ip', argv, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`ip ${argv.join(' ')}: ${stderr}`);
}

/** A folder with settings of its own; `remove` takes everything down again. */
export function bench(project) {
  const dir = mkdtempSync(path.join(os.tmpdir(), 'medianest-bench-'));
  const call = (command, args, options = {}) => {
    const started = process.hrtime.bigint();
    const result = spawnSync(command, args, { cwd: dir, env, encoding: 'utf8', maxBuffer: 2 ** 28, ...options });
    const ms = Number(process.hrtime.bigint() - started) / 1e6;
    if (result.status !== 0 && !options.anyStatus) throw new Error(`${command} ${args.join(' ')}: ${result.stderr}${result.stdout}`);
    return { ms, status: result.status, stdout: result.stdout, stderr: result.stderr };
  };
  const medianest = (...args) => call(process.execPath, [program, ...args]);
  /** The same beside whatever else goes on. */
  const medianestMeanwhile = async (...args) => {
    const started = performance.now();
    const child = spawn(process.execPath, [program, ...args], { cwd: dir, env, stdio: ['ignore', 'pipe', 'pipe'] });
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (chunk) => {
      stdout += chunk;
    });
    child.stderr.on('data', (chunk) => {
      stderr += chunk;
    });
    const [status] = await once(child, 'close');
    return { status, stdout, stderr, seconds: (performance.now() - started) / 1000 };
  };
  const settings = (profile, more = '') =>
    writeFileSync(
      path.join(dir, 'medianest.yml'),
      // Load comes without a session.
      `version: 1\nproject: ${project}\nprofile: ${profile}\nallInOne: { port: ${PORTS.dev} }\n${more || edgeSettings()}${more.includes('components:') ? '' : 'components: { sign-on: false }\n'}`,
    );
  // The repository of the backups outlives its project, and the next run has another key for it.
  const removeRepository = () => {
    const volumes = docker('volume', 'ls', '--quiet', '--filter', `label=io.medianest.project=${project}`).split('\n').filter(Boolean);
    if (volumes.length > 0) docker('volume', 'rm', ...volumes);
  };
  const down = () => {
    call(process.execPath, [program, 'down', '--volumes', '--no-backup', '--yes'], { anyStatus: true });
    removeRepository();
  };
  return {
    dir,
    project,
    call,
    medianest,
    medianestMeanwhile,
    settings,
    down,
    remove: () => {
      down();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

/** @param offset to the ports of the first stack, for one beside it */
export const edgeSettings = (more = '', offset = 0) =>
  `edge: { address: 127.0.0.1, httpPort: ${PORTS.http + offset}, httpsPort: ${PORTS.https + offset}${more && `, ${more}`} }\n`;

/** What a client with 32 connections gets from the first page until the host is saturated. */
export function requestsPerSecond(at, seconds, offset = 0) {
  const { stdout } = at.call('wrk', ['-t', '1', '-c', '32', '-d', `${seconds}s`, `https://localhost:${PORTS.https + offset}/`]);
  if (/Non-2xx|Socket errors/.test(stdout)) throw new Error(stdout);
  return Number(/Requests\/sec:\s+([\d.]+)/.exec(stdout)[1]);
}

export const docker = (...args) => {
  const { status, stdout, stderr } = spawnSync('docker', args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`docker ${args.join(' ')}: ${stderr}`);
  return stdout.trim();
};

/** The load generator of the tests (test/support/load/load-generator.mjs), on a bench's edge. */
export function startLoad(at, options) {
  const child = fork(path.join(home, 'test/support/load/load-generator.mjs'), { execArgv: [] });
  child.send({ options: { base: `https://localhost:${PORTS.https}`, ca: path.join(at.dir, '.medianest/ca/root.crt'), ...options } });
  const ask = async (question) => {
    const answer = once(child, 'message');
    child.send({ ask: question });
    return (await answer)[0];
  };
  const snapshot = async () => (await ask('snapshot')).snapshot;
  return {
    snapshot,
    sent: async (count) => {
      while ((await snapshot()).sent < count) await new Promise((resolve) => setTimeout(resolve, 200));
    },
    stop: async () => (await ask('stop')).report,
    kill: () => child.kill('SIGKILL'),
  };
}

/** How many acknowledged writes of a run the database does not hold exactly once under their id. */
export function lostWrites(at, report) {
  const query = `SELECT title, min(id), count(*) FROM requests WHERE title LIKE '${report.run}-%' GROUP BY title`;
  const { stdout } = at.medianest('exec', 'postgres', 'psql', '-U', 'postgres', '-d', 'medianest', '-At', '-F', ' ', '-c', query);
  const stored = new Map(
    stdout
      .trim()
      .split('\n')
      .map((line) => [line.split(' ')[0], line.split(' ').slice(1).join(' ')]),
  );
  return Object.entries(report.acknowledged).filter(([title, id]) => stored.get(title) !== `${id} 1`).length;
}

export const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];
export const round = (value) => Math.round(value * 100) / 100;

/** A figure that must not be above (or below) its bound. */
export const atMost = (bound, value, more = {}) => ({ value: round(value), bound: `<= ${bound}`, held: value <= bound, ...more });
export const atLeast = (bound, value, more = {}) => ({ value: round(value), bound: `>= ${bound}`, held: value >= bound, ...more });
/** A figure that is only told. */
export const told = (value) => ({ value: typeof value === 'number' ? round(value) : value });

/** Runs the candidates in turn, so that a busy moment of the machine meets all of them; medians in ms. */
export function compare(rounds, candidates) {
  const times = Object.fromEntries(Object.keys(candidates).map((name) => [name, []]));
  for (let i = 0; i < rounds; i++) for (const [name, run] of Object.entries(candidates)) times[name].push(run().ms);
  return Object.fromEntries(Object.entries(times).map(([name, values]) => [name, median(values)]));
}
