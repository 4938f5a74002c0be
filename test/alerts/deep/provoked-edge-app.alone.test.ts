import { connect, type Socket } from 'node:net';
import path from 'node:path';
import { afterAll, beforeAll, describe, test } from 'vitest';
import { type Place, place } from '../../support/alerts/places.ts';
import { calm, Desk, HOST, repeated, type Undo } from '../../support/alerts/provoked.ts';
import { docker, run } from '../../support/cli.ts';
import { begin } from '../../support/data/faults.ts';
import { badApp, buildBadApps } from '../../support/load/bad-apps.ts';
import { container, destroyProd, portalImage } from '../../support/load/load-stack.ts';
import { portal, ready } from '../../support/stack.ts';
import { type Workspace, workspace } from '../../support/workspace.ts';

/*
 * Alerts about the edge, the application and the places outside that it tells, each by the fault that it is for.
 */

/** Answers, and fails where it is asked to. */
const PROCESS = `require('node:http').createServer((req, res) => {
  res.statusCode = req.url.endsWith('/fail') ? 500 : 200;
  res.end('ok');
}).listen(4000)`;
const SITE = 'media.example.org';

let space: Workspace;
let desk: Desk;
/** Takes logs and traces. */
let store: Place;

const must = async (...args: string[]) => {
  const { status, stdout, stderr } = await space.run(args);
  if (status !== 0) throw new Error(`${args.join(' ')}: ${stdout}${stderr}`);
};
async function stopped(...services: string[]): Promise<Undo> {
  const { status, stderr } = await docker(['stop', '--time', '1', ...services.map((service) => container(space, service))]);
  if (status !== 0) throw new Error(stderr);
  return () => begin(space, ...services);
}
/** A certificate for so many days, of a CA of the test's own. */
async function certified(days: number): Promise<string[]> {
  const at = (name: string) => path.join(space.dir, `${days}-${name}.pem`);
  const self = ['-nodes', '-keyout', at('key'), '-out', at('certificate'), '-days', String(days), '-subj', `/CN=${SITE}`];
  const more = ['-addext', `subjectAltName=DNS:${SITE}`, '-addext', 'basicConstraints=critical,CA:FALSE'];
  const made = await run('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', ...self, ...more]);
  if (made.status !== 0) throw new Error(made.stderr);
  return ['certs', 'import', at('certificate'), at('key'), '--ca', at('certificate')];
}
/** Clients that begin a request, never end it, and come again when the edge ends it. */
function held(connections: number): Undo {
  const sockets = new Set<Socket>();
  let over = false;
  const one = () => {
    if (over) return;
    const socket = connect({ host: '127.0.0.1', port: space.httpPort });
    sockets.add(socket);
    socket.on('connect', () => socket.write('GET / HTTP/1.1\r\nHost: localhost\r\n'));
    socket.on('error', () => {});
    socket.on('close', () => {
      sockets.delete(socket);
      setTimeout(one, 2000);
    });
  };
  for (let index = 0; index < connections; index++) one();
  return async () => {
    over = true;
    for (const socket of sockets) socket.destroy();
  };
}

beforeAll(async () => {
  [desk, store] = [await Desk.open(), await place(200)];
  space = await workspace('provoked-edge');
  await buildBadApps(await portalImage(space), ['good']);
  space.configure({
    profile: 'dev-compose',
    observability: 'light',
    components: { balancer: true, agent: true, 'engine-proxy': true },
    // A full edge stays full.
    agent: { healing: 'off' },
    prometheus: { scrapeSeconds: 5, outside: true },
    balancer: { maxPerReplica: 2 },
    // So small that a test can use up its connections.
    edge: { rateLimit: false, connections: 0, memory: '128m', domains: [SITE], certificate: 'imported' },
    logs: { store: 'victorialogs', url: `http://${HOST}:${store.port}` },
    traces: { endpoint: `http://${HOST}:${store.port}`, sample: 1 },
    app: {
      image: badApp('good'),
      tls: true,
      metrics: true,
      replicas: 2,
      settleSeconds: 1,
    },
    services: {
      backend: {
        command: ['node', '-e', PROCESS],
        port: 4000,
        tls: false,
        replicas: 2,
        paths: ['/backend'],
        readyPath: '/backend/ready',
        health: { get: '/backend/ready' },
      },
    },
    alerts: { channels: { desk: desk.channel } },
  });
  await must(...(await certified(90)));
  await must('up');
  await ready(portal, space);
}, 900_000);
afterAll(async () => {
  if (space) await destroyProd(space);
  await desk?.close();
  store?.close();
});

describe('alerts arrive with what to do', () => {
  test('when no replica is ready, and a certificate was not renewed', async () => {
    await calm(space);
    await desk.wave(
      [
        [['NoReplicaReady', 'NoReplicaOfProcessReady', 'PortalFails'], () => stopped('app-1', 'app-2', 'backend-1', 'backend-2')],
        [
          ['CertificateExpires'],
          async () => {
            await must(...(await certified(1)));
            return async () => must(...(await certified(90)));
          },
        ],
      ],
      240,
    );
  }, 900_000);

  test('when requests fail and wait, and places outside take nothing', async () => {
    await calm(space);
    await ready(portal, space);
    const fails = (url: string) => repeated(() => portal(space, url, { timeout: 30_000 }), 50);
    await desk.wave(
      [
        [
          ['LogLinesDropped', 'LogStoreAway', 'TracesNotDelivered'],
          async () => {
            store.answer = 400;
            await new Promise((resolve) => setTimeout(resolve, 20_000));
            store.answer = 503;
            // A fault that the image adds is answered before the portal begins a span.
            const traced = repeated(() => portal(space, '/api/session', { timeout: 30_000 }));
            return async () => {
              store.answer = 200;
              await traced();
            };
          },
        ],
        [['RequestsFail'], async () => both(...Array.from({ length: 4 }, () => fails('/fault/fail')))],
        [['RequestsOfProcessFail'], async () => fails('/backend/fail')],
        [['RequestsQueue'], async () => both(...Array.from({ length: 12 }, () => fails('/fault/slow?seconds=1')))],
      ],
      900,
    );
  }, 1_500_000);

  test('when one replica of several is away, and the edge has no connection left', async () => {
    await calm(space);
    await desk.wave(
      [
        [['ReplicaDown', 'ReplicaOfProcessDown'], () => stopped('app-2', 'backend-2')],
        [['EdgeDropsConnections'], async () => held(700)],
      ],
      600,
    );
  }, 1_200_000);

  test('and so do their ends', () => desk.ended(1200), 1_500_000);
});

const both =
  (...undo: Undo[]): Undo =>
  () =>
    Promise.all(undo.map((one) => one()));
