// What a person waits for, as ratios to `node -e 0` and to docker compose in the same run.
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import tls from 'node:tls';
import { atMost, bench, compare, docker, edgeSettings, median, PORTS, told } from './bench-lib.mjs';

const BOUNDS = { version: 1.3, help: 1.6, render: 3, upUnchanged: 2.5, status: 2.5, upFromNothing: 1.15 };

export async function commands() {
  const at = bench('mn-bench');
  const { call, medianest, settings, down } = at;
  const files = ['--project-directory', path.join(at.dir, '.medianest'), '--file', path.join(at.dir, '.medianest/current/compose.yml')];
  const compose = (...args) => call('docker', ['compose', '--progress=quiet', ...files, ...args]);
  const ms = {};
  const figures = {};
  const against = (name, reference) => {
    figures[name] = atMost(BOUNDS[name], ms[name] / ms[reference], { unit: `times ${reference}` });
  };
  try {
    settings('dev-compose');
    Object.assign(
      ms,
      compare(21, {
        node: () => call(process.execPath, ['-e', '0']),
        version: () => medianest('--version'),
        help: () => medianest('--help'),
        render: () => medianest('render'),
      }),
    );
    for (const name of ['version', 'help', 'render']) against(name, 'node');

    for (const replicas of [1, 10, 100, 300, 1000]) {
      // Wide enough for a thousand: by themselves networks get a /24.
      const wide = 'networks: { app: { subnet: 10.96.0.0/16 }, db: { subnet: 10.97.0.0/16 } }\n';
      settings('dev-compose', `${edgeSettings()}app: { replicas: ${replicas} }\n${wide}`);
      ms[`render${replicas}Replicas`] = median([1, 2, 3].map(() => medianest('render', '--out', path.join(at.dir, `out-${replicas}`)).ms));
    }

    settings('dev-compose');
    medianest('up');
    Object.assign(
      ms,
      compare(15, {
        upUnchanged: () => medianest('up'),
        composeUpUnchanged: () => compose('up', '--detach'),
        status: () => medianest('status'),
        composePs: () => compose('ps'),
      }),
    );
    against('upUnchanged', 'composeUpUnchanged');
    against('status', 'composePs');

    // In the measure that certificates are given: twice `node -e 0`, and one handshake for each listener.
    const shakes = [];
    for (let i = 0; i < 15; i++) shakes.push(await handshake(PORTS.https));
    ms.handshake = median(shakes);
    Object.assign(
      ms,
      compare(21, { nodeBesideRenew: () => call(process.execPath, ['-e', '0']), renewNothingDue: () => medianest('certs', 'renew') }),
    );
    figures.renewNothingDue = atMost(1, ms.renewNothingDue / (2 * ms.nodeBesideRenew + ms.handshake), {
      unit: 'times (2 × node -e 0 + a handshake)',
    });

    const fromNothing = { upFromNothing: [], composeUpFromNothing: [] };
    for (let i = 0; i < 5; i++) {
      compose('down', '--volumes');
      fromNothing.upFromNothing.push(medianest('up').ms);
      compose('down', '--volumes');
      fromNothing.composeUpFromNothing.push(compose('up', '--detach', '--wait').ms);
    }
    for (const [name, values] of Object.entries(fromNothing)) ms[name] = median(values);
    against('upFromNothing', 'composeUpFromNothing');
    down();

    settings('dev');
    const cold = [];
    for (let i = 0; i < 5; i++) {
      medianest('up', '--overwrite');
      down();
      cold.push(medianest('up').ms);
    }
    ms.devColdStart = median(cold);
    await sleep(20_000);
    figures.devIdleMemory = told(docker('stats', '--no-stream', '--format', '{{.MemUsage}}', 'mn-bench-all-in-one-1').split(' / ')[0]);
  } finally {
    at.remove();
  }
  return { ...figures, milliseconds: told(Object.fromEntries(Object.entries(ms).map(([name, value]) => [name, Math.round(value)]))) };
}

function handshake(port) {
  return new Promise((resolve, reject) => {
    const started = performance.now();
    const socket = tls.connect({ host: '127.0.0.1', port, servername: 'localhost', rejectUnauthorized: false }, () => {
      resolve(performance.now() - started);
      socket.destroy();
    });
    socket.on('error', reject);
  });
}
