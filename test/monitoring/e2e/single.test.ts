import { afterAll, beforeAll, expect, test } from 'vitest';
import { spanOf } from '../../../src/metrics/plan/samples.ts';
import { jobsOf, queryOf } from '../../../src/services/monitoring/panels/panel.ts';
import { panelsOf } from '../../../src/services/monitoring/panels/panels.ts';
import { type Asked, askedPrometheus } from '../../support/alerts/prometheus.ts';
import { docker } from '../../support/cli.ts';
import { load, stackOf } from '../../support/settings.ts';
import { until } from '../../support/stack.ts';
import { type Workspace, workspace } from '../../support/workspace.ts';

const SCRAPE = 5;
const SETTINGS = { profile: 'dev-compose', observability: 'light', prometheus: { scrapeSeconds: SCRAPE } };

let space: Workspace;
const named = (service: string) => `${space.project}-${service}-1`;
let { ask, now, fires } = {} as Asked;
const run = async (...args: string[]) => {
  const { status, stderr } = await space.run(args);
  expect({ args, status, stderr }).toMatchObject({ status: 0 });
};

beforeAll(async () => {
  space = await workspace('single');
  ({ ask, now, fires } = askedPrometheus(named('prometheus')));
  space.configure(SETTINGS);
  await run('up');
}, 900_000);
afterAll(() => space.destroy());

test('a single database and a single cache are measured, and every picture has data', async () => {
  const stack = stackOf(load({ file: 'observability: light\n', flags: { profile: 'dev-compose' } }));
  const panels = panelsOf(new Set(stack.services.map(({ component }) => component)));
  expect(panels.filter((panel) => /postgres|redis/.test(jobsOf(panel).join())).length).toBeGreaterThan(5);
  const empty = async () => {
    const answers = await ask(panels.map((panel) => ({ query: queryOf(panel, SCRAPE, SCRAPE), span: spanOf(new Date(), 120, SCRAPE) })));
    return panels
      .filter((panel, index) => !(answers[index] ?? []).some(({ points, labels }) => points.length > 0 && (!panel.by || labels[panel.by])))
      .map(({ id }) => id);
  };
  await until('all panels have data', async () => (await empty()).length === 0, 90).catch(async () => expect(await empty()).toEqual([]));
  expect(await now('up == 0')).toEqual([]);
  expect((await now('pg_exporter_last_scrape_error == 0')).length).toBe(1);
  expect((await now('redis_up == 1')).length).toBe(1);
  const series = (await now('prometheus_tsdb_head_series'))[0]?.points[0]?.[1] ?? Number.NaN;
  process.stderr.write(`single: ${series} series\n`);
  expect(series).toBeLessThan(3000);
});

test('the exporters read statistics, and no data', async () => {
  const psql = (sql: string) =>
    docker(['exec', named('postgres'), 'psql', '-h', '/run/postgresql', '-U', 'postgres', '-Atc', sql, 'medianest']);
  expect((await psql("select rolsuper, rolcreatedb, rolconnlimit from pg_roles where rolname = 'monitor'")).stdout.trim()).toBe('f|f|5');
  const reads = await psql("select has_table_privilege('monitor', oid, 'select') from pg_class where relname = 'requests'");
  expect(reads.stdout.trim()).toBe('f');
  const script = 'REDISCLI_AUTH=$(</run/secrets/redis-monitor-password) redis-cli --user monitor "$@" 2>&1; true';
  const redis = async (...args: string[]) => (await docker(['exec', named('redis'), 'bash', '-c', script, 'redis', ...args])).stdout;
  expect(await redis('get', 'x')).toContain('NOPERM');
  expect(await redis('config', 'get', 'dir')).toContain('NOPERM');
  expect(await redis('info', 'server')).toContain('redis_version');
});

test('an alert fires for each of them that is away, and is resolved when it is back', async () => {
  await docker(['stop', named('redis'), named('postgres')]);
  await until('CacheAway fires', () => fires('CacheAway'), 90);
  await until('DatabaseAway fires', () => fires('DatabaseAway'), 90);
  await docker(['start', named('postgres'), named('redis')]);
  await until('they answer', async () => (await now('redis_up == 1 and on () pg_exporter_last_scrape_error == 0')).length === 1, 60);
}, 300_000);

test('off shuts the exporters out', async () => {
  space.configure({ ...SETTINGS, observability: 'off' });
  await run('up');
  const role = "select rolcanlogin from pg_roles where rolname = 'monitor'";
  const psql = await docker(['exec', named('postgres'), 'psql', '-h', '/run/postgresql', '-U', 'postgres', '-Atc', role]);
  expect(psql.stdout.trim()).toBe('f');
  expect((await docker(['exec', named('redis'), 'grep', '-c', '^user monitor', '/run/redis/users.acl'])).stdout.trim()).toBe('0');
}, 300_000);
