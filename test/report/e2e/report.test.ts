import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Ask, spanOf } from '../../../src/metrics/plan/samples.ts';
import { sloAsks } from '../../../src/report/plan/slo.ts';
import type { GrafanaDashboard } from '../../../src/services/monitoring/full/grafana-dashboard.ts';
import { queryOf } from '../../../src/services/monitoring/panels/panel.ts';
import { panelsOf } from '../../../src/services/monitoring/panels/panels.ts';
import { askedPrometheus } from '../../support/alerts/prometheus.ts';
import { docker, PROGRAM } from '../../support/cli.ts';
import { load, rendered, stackOf } from '../../support/settings.ts';
import { type Answer, parsed, request, until } from '../../support/stack.ts';
import { type Workspace, workspace } from '../../support/workspace.ts';

const SCRAPE = 5;
const FILE = 'observability: light\ncomponents: { grafana: true, sign-on: false }\napp: { replicas: 2 }\n';
const PANELS = panelsOf(new Set(stackOf(load({ file: FILE, flags: { profile: 'prod' } })).services.map(({ component }) => component)));
const PROD = ['--profile', 'prod', '--set', 'observability=light'];

let space: Workspace;
const named = (service: string) => `${space.project}-${service}-1`;
const ask = (asks: readonly Ask[]) => askedPrometheus(named('prometheus')).ask(asks);

const run = async (...args: string[]) => {
  const ended = await space.run([...args, ...PROD]);
  expect({ status: ended.status, stderr: ended.stderr }).toMatchObject({ status: 0 });
  return ended;
};

interface ReportJson {
  file: string | null;
  verdict: { value: { status: string } } | { missing: string };
  slo: { value: { sites: { site: string; availability: number; p95: number }[]; measuredSeconds: number } } | { missing: string };
  backups: { value: { sets: unknown[]; drills: { rpoSeconds: number; rtoSeconds: number }[] } };
  incidents: { value: { alert: string; instance: string | null; to: string | null; healedBy: string | null }[] } | { missing: string };
  healing: { value: { service: string; what: string }[] };
}
const reported = async () => parsed<ReportJson>(await run('report', '--json', '--days', '1'));

beforeAll(async () => {
  space = await workspace('report');
  space.configure({ app: { replicas: 2, settleSeconds: 2 }, prometheus: { scrapeSeconds: SCRAPE }, edge: { address: '127.0.0.1' } });
  await run('up');
  await run('backup', '--type', 'full');
}, 900_000);
afterAll(() => space.destroy());

test('no picture is without data on a running stack', async () => {
  const span = () => spanOf(new Date(), 300, SCRAPE);
  const empty = async () => {
    const asks = PANELS.map((panel): Ask => ({ query: queryOf(panel, SCRAPE, SCRAPE), span: span() }));
    const answers = await ask(asks);
    return PANELS.filter((panel, index) => {
      const series = answers[index] ?? [];
      return !series.some(({ points, labels }) => points.length > 0 && (panel.by === undefined || labels[panel.by]));
    }).map(({ id }) => id);
  };
  await until('all panels have data', async () => (await empty()).length === 0, 90).catch(async () => expect(await empty()).toEqual([]));
  const slo = await ask(sloAsks(span()));
  // When it began to measure is looked for in steps of five minutes.
  expect(slo.slice(0, -1).map((series) => series.length)).toEqual([1, 1, 1, 1, 1, 1, 1]);
});

test('no picture of Grafana is without data either', async () => {
  // The stack that runs here, and Grafana as it would be beside it.
  const files = rendered(stackOf(load({ file: FILE, flags: { profile: 'prod' } }))).files;
  const boards = files
    .filter(({ path: name }) => name.startsWith('grafana/dashboards/'))
    .map(({ contents }) => JSON.parse(contents) as GrafanaDashboard);
  const asked = new Map<string, string>();
  for (const { title, panels } of boards)
    for (const panel of panels)
      for (const { expr } of panel.targets)
        asked.set(String(expr).replaceAll('$__rate_interval', `${4 * SCRAPE}s`), `${title}: ${panel.title}`);
  expect(asked.size).toBeGreaterThan(120);
  const empty = async () => {
    const queries = [...asked.keys()];
    const answers = await ask(queries.map((query): Ask => ({ query, span: spanOf(new Date(), 300, SCRAPE) })));
    return queries
      .filter((_query, index) => !(answers[index] ?? []).some(({ points }) => points.length > 0))
      .map((query) => asked.get(query) as string);
  };
  // Nothing was drilled yet.
  const none = [
    'Backups and RPO: RPO of the last drill',
    'Backups and RPO: RTO of the last drill',
    'Service: node-exporter: RPO of the last drill',
    'Service: node-exporter: RTO of the last drill',
  ];
  const unexpected = async () => (await empty()).filter((title) => !none.includes(title));
  await until('all of them have data', async () => (await unexpected()).length === 0, 90).catch(async () =>
    expect(await unexpected()).toEqual([]),
  );
});

describe('the report', () => {
  test('tells of an incident, and what ended it', async () => {
    const query = 'ALERTS{alertname="CacheNodeDown",alertstate="firing",instance="redis-6"}';
    const fires = async () => (await askedPrometheus(named('prometheus')).now(query)).length === 1;
    await docker(['stop', named('redis-6')]);
    await until('CacheNodeDown fires', fires, 90);
    const incident = async () => {
      const { incidents } = await reported();
      return 'value' in incidents ? incidents.value.find(({ instance }) => instance === 'redis-6') : undefined;
    };
    await until('the report tells of it', async () => (await incident())?.to === null, 60);
    await run('restart', 'redis-6');
    await until('CacheNodeDown is resolved', async () => !(await fires()), 90);
    await docker(['kill', named('app-1')]);
    await until(
      'the agent has started it again',
      async () => (await reported()).healing.value.some(({ service }) => service === 'app-1'),
      60,
    );
    // An alert counts as over one step after its last point.
    await until('the incident has an end', async () => typeof (await incident())?.to === 'string', 200);
    expect(await incident()).toMatchObject({ alert: 'CacheNodeDown', healedBy: expect.stringContaining('medianest restart') });
  }, 600_000);

  test('is one page of everything, for its owner alone', async () => {
    await run('drill');
    const begun = Date.now();
    await run('report', '--out', 'page.html');
    process.stderr.write(`report: ${Date.now() - begun} ms, ${statSync(path.join(space.dir, 'page.html')).size} bytes\n`);
    const page = readFileSync(path.join(space.dir, 'page.html'), 'utf8');
    expect(statSync(path.join(space.dir, 'page.html')).mode & 0o777).toBe(0o600);
    expect(page).not.toMatch(/Cannot tell:|Not measured:|No data in this time|NaN|undefined/);
    expect(page.match(/<svg/g)?.length).toBeGreaterThan(14);
    const { slo, backups, verdict } = await reported();
    expect(verdict).toMatchObject({ value: { status: expect.stringMatching(/ok|warn/) } });
    expect(slo).toMatchObject({ value: { sites: [{ site: 'localhost', availability: expect.any(Number), p95: expect.any(Number) }] } });
    expect(backups.value.sets).toHaveLength(1);
    expect(backups.value.drills).toEqual([expect.objectContaining({ rtoSeconds: expect.any(Number), rpoSeconds: expect.any(Number) })]);
  }, 300_000);
});

describe('the dashboard', () => {
  let child: ChildProcess;
  let url: string;
  let ended: Promise<number | null>;
  beforeAll(async () => {
    child = spawn(process.execPath, [PROGRAM, 'dashboard', ...PROD], { cwd: space.dir, stdio: ['ignore', 'pipe', 'pipe'] });
    ended = new Promise((resolve) => child.on('close', resolve));
    url = await new Promise<string>((resolve) => child.stdout?.once('data', (chunk: Buffer) => resolve(String(chunk).trim())));
  });
  afterAll(() => child.kill('SIGKILL'));
  const get = (target: string, headers: Record<string, string> = {}): Promise<Answer> => request(target, { timeout: 30_000, headers });

  test('shows every section, live', async () => {
    const begun = Date.now();
    const page = await get(`${url}?for=1h`);
    process.stderr.write(`dashboard: ${Date.now() - begun} ms, ${page.body.length} bytes\n`);
    expect(page.status).toBe(200);
    for (const { title } of PANELS) expect(page.body).toContain(title);
    expect(page.body).not.toMatch(/Cannot tell:|Not measured:|No data in this time|NaN|undefined/);
    const part = await get(`${url}part?for=1h`);
    expect([part.status, part.body.startsWith('<div class="verdict')]).toEqual([200, true]);
  });

  test('answers nobody who does not know its address', async () => {
    const { origin, host } = new URL(url);
    expect((await get(`${origin}/`)).status).toBe(404);
    expect((await get(`${origin}/${'a'.repeat(32)}/`)).status).toBe(404);
    expect((await get(url, { host: `evil.example:${host.split(':')[1]}` })).status).toBe(421);
    expect((await get(url, { host: 'localhost:1' })).status).toBe(200);
    await expect(get(url.replace('127.0.0.1', '127.0.0.2'))).rejects.toThrow(/ECONNREFUSED/);
  });

  test('says that Prometheus is away, and shows the rest', async () => {
    await docker(['stop', named('prometheus')]);
    const seen = async () => (await get(`${url}part?for=24h`)).body;
    await until('it says so', async () => /Prometheus does not answer/.test(await seen()), 30);
    expect(await seen()).toContain('age of the newest good set');
    const { slo } = await reported();
    expect(slo).toEqual({ missing: expect.stringMatching(/^Cannot tell: Prometheus does not answer: it does not run\. Fix: /) });
  });

  test('ends by Ctrl-C', async () => {
    child.kill('SIGINT');
    expect(await ended).toBe(0);
    await expect(get(url)).rejects.toThrow(/ECONNREFUSED/);
  });
});
