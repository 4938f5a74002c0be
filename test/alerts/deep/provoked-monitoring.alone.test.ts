import { appendFileSync, closeSync, mkdirSync, openSync, readdirSync, readFileSync, statSync, writeFileSync, writeSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, test } from 'vitest';
import { type Place, place } from '../../support/alerts/places.ts';
import { calm, Desk, HOST, type Undo } from '../../support/alerts/provoked.ts';
import { docker } from '../../support/cli.ts';
import { begin, pause, unpause } from '../../support/data/faults.ts';
import { NODES, SENTINELS, wholeCache } from '../../support/data/plain-writer.ts';
import { type SmallDisk, smallDisk } from '../../support/engine/small-disk.ts';
import { container, inspect } from '../../support/load/load-stack.ts';
import { portal, until } from '../../support/stack.ts';
import { type Workspace, workspace } from '../../support/workspace.ts';

/*
 * Alerts about the monitoring itself, the channels, a cache with sentinels and bans, each by the fault that it is for.
 */

const APP = `require('node:http').createServer((req, res) => {
  res.writeHead(req.url.startsWith('/old') ? 404 : 200).end('x');
}).listen(3000)`;
const PROMETHEUS_UID = 10_020;

let space: Workspace;
let desk: Desk;
/** Of Prometheus. */
let disk: SmallDisk;
/** A channel. */
let other: Place;
/** More series than a target may have. */
let crowd: Place;

async function up(): Promise<void> {
  const { status, stderr } = await space.run(['up']);
  if (status !== 0) throw new Error(stderr);
}
const done = async (...args: string[]) => {
  const { status, stderr } = await docker(args);
  if (status !== 0) throw new Error(`${args[0]}: ${stderr}`);
};
const named = (services: readonly string[]) => services.map((service) => container(space, service));
async function stopped(...services: string[]): Promise<Undo> {
  await done('stop', '--time', '1', ...named(services));
  return () => begin(space, ...services);
}
const healthy = (...services: string[]) =>
  until(
    `${services.join()} are healthy`,
    async () =>
      (await Promise.all(services.map((service) => inspect(space, service, '{{.State.Health.Status}}')))).every(
        (text) => text === 'healthy',
      ),
    120,
  );

/** Bytes in the middle of the newest part of the journal are others, as after a crash of the host. */
async function damaged(): Promise<Undo> {
  const again = await stopped('prometheus');
  const folder = path.join(disk.device, 'data/wal');
  const segments = readdirSync(folder).filter((name) => /^\d+$/.test(name));
  const file = path.join(folder, segments.sort().at(-1) as string);
  const handle = openSync(file, 'r+');
  writeSync(handle, Buffer.alloc(4096, 0x55), 0, 4096, Math.floor(statSync(file).size / 2));
  closeSync(handle);
  await again();
  await healthy('prometheus');
  return () => done('restart', ...named(['prometheus']));
}

/** What an operator gives to Prometheus: a rule that cannot be evaluated, and a target with too many series. */
async function own(): Promise<Undo> {
  const give = async (rules: string, scrapes: string) => {
    writeFileSync(path.join(space.dir, 'monitoring/own.rules.yml'), `groups: [{ name: own, rules: [${rules}] }]\n`);
    writeFileSync(path.join(space.dir, 'monitoring/own.scrape.yml'), `scrape_configs: [${scrapes}]\n`);
    await up();
  };
  await give(
    // Several nodes of the cache have one job: they cannot be joined, whether or not they answer.
    '{ record: own, expr: up * on (job) up }',
    `{ job_name: own, static_configs: [{ targets: ["${HOST}:${crowd.port}"] }] }`,
  );
  return () => give('', '');
}

/** Rules that were edited by hand, wrongly. */
async function edited(): Promise<Undo> {
  const file = path.join(space.state, 'config/prometheus/current/rules-edge.yml');
  const before = readFileSync(file);
  appendFileSync(file, '  - name: [\n');
  const read = () => done('kill', '--signal', 'HUP', ...named(['prometheus']));
  await read();
  return async () => {
    writeFileSync(file, before);
    await read();
  };
}

/** Clients that look for what is not there. */
async function probes(): Promise<Undo> {
  const clients = Array.from({ length: 30 }, (_, index) => `203.0.113.${index + 1}`);
  const look = (client: string, url: string) => portal(space, url, { headers: { connection: 'close', 'x-forwarded-for': client } });
  for (let index = 0; index < 30; index++) await Promise.all(clients.map((client) => look(client, `/old/${index}`).catch(() => undefined)));
  const refused = async (client: string) => (await look(client, '/')).status === 403;
  await until('all are banned', async () => (await Promise.all(clients.map(refused))).every(Boolean), 60);
  return async () => {};
}

beforeAll(async () => {
  [desk, other] = [await Desk.open(), await place(200)];
  crowd = await place(200, Array.from({ length: 6000 }, (_, index) => `crowd{n="${index}"} 1\n`).join(''));
  space = await workspace('provoked-monitoring');
  disk = await smallDisk(space, 'prometheus-data', PROMETHEUS_UID, 300);
  mkdirSync(path.join(space.dir, 'monitoring'));
  space.configure({
    profile: 'dev-compose',
    observability: 'light',
    components: { agent: true, 'engine-proxy': true, crowdsec: true, backup: false },
    cache: { mode: 'sentinel', memory: '64m' },
    app: { command: ['node', '-e', APP], tls: false, metrics: false },
    // The addresses that Docker gives this host.
    edge: { trustedProxies: ['172.16.0.0/12', '10.0.0.0/8'] },
    prometheus: { scrapeSeconds: 5, outside: true },
    alerts: { channels: { desk: desk.channel, other: { kind: 'webhook', url: `http://${HOST}:${other.port}` } } },
  });
  await up();
  await wholeCache(space, 120);
}, 900_000);
afterAll(async () => {
  await space?.destroy();
  await disk?.remove();
  await desk?.close();
  other?.close();
  crowd?.close();
});

describe('alerts arrive with what to do', () => {
  test('when a cache with sentinels has no leader, and a channel fails', async () => {
    await calm(space);
    await desk.wave(
      [
        [
          ['ChannelFails'],
          async () => {
            other.answer = 500;
            return async () => {
              other.answer = 200;
            };
          },
        ],
        [['CacheUnreachable', 'CacheElectorsDisagree'], () => stopped(...NODES, ...SENTINELS.slice(0, 2))],
      ],
      300,
    );
    await wholeCache(space, 240);
  }, 1_200_000);

  test('when Prometheus has no room for what it measures', async () => {
    await calm(space);
    await desk.wave(
      [
        [
          ['PrometheusWritesFail'],
          async () => {
            await disk.fill();
            return disk.free;
          },
        ],
      ],
      420,
    );
  }, 1_200_000);

  test('when a part of the monitoring does not work, many are banned, and then none can be', async () => {
    await calm(space);
    await desk.wave(
      [
        [['PrometheusDataDamaged'], damaged],
        [['TargetDown', 'ScrapeTooLarge', 'PrometheusRulesFail'], own],
        [['ManyBans'], probes],
        [['BansReadNothing'], () => stopped('edge')],
        [['ExporterDown', 'CacheElectorAway'], () => stopped('redis-exporter', 'sentinel-3')],
        [['PrometheusReloadFailed'], edited],
        [
          ['ContainersNotRead', 'AgentLoopStuck'],
          async () => {
            await pause(space, 'engine-proxy');
            return async () => {
              await unpause(space, 'engine-proxy');
              await healthy('engine-proxy');
            };
          },
        ],
      ],
      900,
    );
  }, 1_500_000);

  test('and so do their ends', () => desk.ended(1200), 1_500_000);
});
