// What each layer costs: the stack as prod runs it, beside plain nginx written by hand in front of the same application,
// on the same machine in the same minutes. Both are asked by wrk at their container's address, over TLS, in turn.
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { atLeast, bench, docker, edgeSettings, enterNetwork, median, round, told } from './bench-lib.mjs';
import { MODSECURITY, NGINX, plainNginx } from './bench-plain-nginx.mjs';

const ROUNDS = 7;
const SECONDS = 4;
const CONNECTIONS = 32;
// wrk is one client, and sends no query that a rule could look at.
const settingsOf = (waf) => edgeSettings(`rateLimit: false, connections: 0, waf: { mode: "${waf}" }`);

const wrk = (at, { address, url }) => {
  const args = [
    '-t',
    '1',
    '-c',
    String(CONNECTIONS),
    '-d',
    `${SECONDS}s`,
    '--latency',
    '-H',
    'Host: localhost',
    `https://${address}:8443${url}`,
  ];
  const { stdout } = at.call('wrk', args);
  if (/Non-2xx|Socket errors/.test(stdout)) throw new Error(`https://${address}${url}: ${stdout}`);
  const [, amount, unit] = /99%\s+([\d.]+)(us|ms|s)/.exec(stdout);
  return { perSecond: Number(/Requests\/sec:\s+([\d.]+)/.exec(stdout)[1]), p99Ms: Number(amount) * { us: 0.001, ms: 1, s: 1000 }[unit] };
};

/** The candidates in turn, round by round: what each reached, and the median of each round's share of the reference. */
function race(at, reference, candidates) {
  const names = [reference, ...Object.keys(candidates).filter((name) => name !== reference)];
  const runs = Object.fromEntries(names.map((name) => [name, []]));
  for (const name of names) wrk(at, candidates[name]);
  for (let i = 0; i < ROUNDS; i++) for (const name of names) runs[name].push(wrk(at, candidates[name]));
  return Object.fromEntries(
    names.map((name) => [
      name,
      {
        share: median(runs[name].map(({ perSecond }, i) => perSecond / runs[reference][i].perSecond)),
        perSecond: Math.round(median(runs[name].map(({ perSecond }) => perSecond))),
        p99Ms: round(median(runs[name].map(({ p99Ms }) => p99Ms))),
      },
    ]),
  );
}

const detail = ({ perSecond, p99Ms }, reference) => ({
  perSecond,
  p99Ms,
  unit: 'share of the reference’s requests/s',
  reference: { perSecond: reference.perSecond, p99Ms: reference.p99Ms },
});

function up(at, waf) {
  at.settings('prod', settingsOf(waf));
  at.medianest('up');
}

const address = (at, container, network) => {
  enterNetwork(at.project, network);
  return docker(
    'inspect',
    '--format',
    `{{with index .NetworkSettings.Networks "${at.project}_${network}"}}{{.IPAddress}}{{end}}`,
    container,
  );
};
const edgeAddress = (at) => address(at, `${at.project}-edge-1`, 'app');

/** nginx written by hand, on the stack's network, with the edge's own image and certificate. */
function startPlain(at, name, conf) {
  const folder = path.join(at.dir, name);
  mkdirSync(folder, { recursive: true });
  writeFileSync(path.join(folder, 'nginx.conf'), conf);
  writeFileSync(path.join(folder, 'modsecurity.conf'), MODSECURITY);
  const image = docker('inspect', '--format', '{{.Config.Image}}', `${at.project}-edge-1`);
  const container = `${at.project}-${name}`;
  const certificate = docker('exec', `${at.project}-edge-1`, 'readlink', '-f', '/run/certs/current').split('/').at(-1);
  docker(
    ...[
      'run',
      '--detach',
      '--name',
      container,
      '--network',
      `${at.project}_app`,
      '--user',
      '10004:10004',
      '--read-only',
      '--tmpfs',
      '/tmp',
    ],
    ...['--volume', `${folder}:/etc/plain:ro`, '--volume', `${path.join(at.dir, '.medianest/certs/edge', certificate)}:/run/pair:ro`],
    ...['--volume', `${path.join(at.dir, 'files')}:/srv/files:ro`, '--tmpfs', '/run:mode=1777', '--entrypoint', 'nginx', image],
    ...['-c', NGINX, '-g', 'daemon off;'],
  );
  const ip = address(at, container, 'app');
  const asked = ['-sk', '--retry', '20', '--retry-connrefused', '--retry-delay', '1', '-o', '/dev/null', `https://${ip}:8443/`];
  if (at.call('curl', asked, { anyStatus: true }).status !== 0)
    throw new Error(`${container} does not answer: ${at.call('docker', ['logs', container], { anyStatus: true }).stderr}`);
  return { address: ip };
}

const stopPlain = (container) => docker('rm', '--force', container);

/** The portal's own static files, as they are in its image. */
function copyFiles(at) {
  docker('cp', `${at.project}-app-1-1:/app/public`, path.join(at.dir, 'files'));
  const page = at.call('curl', ['-sk', '-H', 'Host: localhost', `https://${edgeAddress(at)}:8443/`]).stdout;
  return /"(\/app\.css\?v=\w+)"/.exec(page)[1];
}

export async function layers() {
  const at = bench('mn-bench');
  const figures = {};
  const plain = [];
  const start = (name, options) => {
    plain.push(`${at.project}-${name}`);
    return startPlain(at, name, plainNginx(options));
  };
  try {
    up(at, 'off');
    const css = copyFiles(at);
    const replicas = [1, 2, 3].map((number) => `${address(at, `${at.project}-app-${number}-1`, 'app')}:3000`);
    const balancer = `${address(at, `${at.project}-balancer-1`, 'app')}:8443`;
    const url = '/api/session';

    const toApp = { ...start('plain', { upstreams: replicas }), url };
    const toBalancer = { ...start('plain-balanced', { upstreams: [balancer] }), url };
    const edge = { address: edgeAddress(at), url };
    const proxied = race(at, 'toBalancer', { toBalancer, toApp, edge });
    figures.edgeWithoutWaf = atLeast(0.85, proxied.edge.share, detail(proxied.edge, proxied.toBalancer));
    figures.edgeAndBalancer = told(proxied.edge.perSecond / proxied.toApp.perSecond);
    figures.balancer = told(proxied.toBalancer.perSecond / proxied.toApp.perSecond);
    figures.plainNginxToApp = { ...told(proxied.toApp.perSecond), p99Ms: proxied.toApp.p99Ms, unit: 'requests/s' };

    const files = race(at, 'plain', { plain: { ...toApp, url: css }, edge: { address: edge.address, url: css } });
    figures.staticFiles = atLeast(0.9, files.edge.share, detail(files.edge, files.plain));

    up(at, 'block');
    const byHand = { ...start('plain-waf', { upstreams: [balancer], modsecurity: true }), url };
    const guarded = race(at, 'byHand', { byHand, edge: { address: edgeAddress(at), url } });
    figures.edgeWithWaf = atLeast(0.95, guarded.edge.share, detail(guarded.edge, guarded.byHand));
  } finally {
    for (const container of plain) stopPlain(container);
    at.remove();
  }
  return figures;
}
