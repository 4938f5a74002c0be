import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { docker } from '../../support/cli.ts';
import { containers, until } from '../../support/stack.ts';
import { type Workspace, workspace } from '../../support/workspace.ts';

const LIGHT = ['node-exporter', 'postgres-exporter', 'redis-exporter', 'blackbox-exporter', 'nginx-exporter', 'alertmanager', 'prometheus'];
/** Small, so that two cores are enough. What it scrapes each 5 s, it has seen when a test looks. */
const SETTINGS = { app: { replicas: 2, settleSeconds: 2 }, prometheus: { scrapeSeconds: 5 }, edge: { address: '127.0.0.1' } };
const CONTAINER = 'medianest_container_';
const USED = ['memory_bytes', 'memory_limit_bytes', 'cpu_seconds_total', 'pids'];
const LIVED = ['running', 'start_time_seconds', 'restarts_total', 'oom_kills_total'];
const TRAFFIC = ['network_receive_bytes_total', 'network_transmit_bytes_total'];
/** The capabilities that tell something. */
const WRITTEN_BY = ['backup', 'certificates', 'deploy', 'health', 'schedule'];
const MOST_BYTES = 150 * 1024 ** 2;

let space: Workspace;
let before: string[];

interface Sample {
  metric: Record<string, string>;
  value: [number, string];
}

const named = (service: string) => `${space.project}-${service}-1`;

/** Asks Prometheus in its container: no port of it leads outside. */
async function query(expression: string): Promise<Sample[]> {
  const script = 'exec promtool query -o json instant "http://${HEALTH_URL%%/*}" "$1"';
  const { status, stdout, stderr } = await docker(['exec', named('prometheus'), 'bash', '-c', script, 'query', expression]);
  if (status !== 0) throw new Error(stderr);
  return JSON.parse(stdout) as Sample[];
}
const numberOf = async (expression: string) => Number((await query(expression))[0]?.value[1] ?? Number.NaN);
const instances = async (expression: string) => (await query(expression)).map(({ metric }) => metric.instance ?? '').sort();
const fires = async (alert: string, instance: string) =>
  (await instances(`ALERTS{alertname="${alert}",alertstate="firing"}`)).includes(instance);

/** Bytes of what a container holds, without what the kernel may drop: as `docker stats` counts. */
async function memoryOf(service: string): Promise<number> {
  const { stdout } = await docker(['stats', '--no-stream', '--format', '{{.MemUsage}}', named(service)]);
  const [, amount = '', unit = ''] = /^([\d.]+)(\w+)/.exec(stdout.trim()) ?? [];
  return Number(amount) * ({ B: 1, KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3 }[unit] ?? Number.NaN);
}

const up = (...args: string[]) => space.run(['up', '--profile', 'prod', ...args]);

beforeAll(async () => {
  space = await workspace('light');
  space.configure(SETTINGS);
  const started = await up();
  expect({ status: started.status, stderr: started.stderr }).toMatchObject({ status: 0 });
  before = (await containers(space.project)).map(({ id }) => id);
}, 900_000);
afterAll(() => space.destroy());

describe('observability: light', () => {
  test('starts beside the stack, and replaces nothing but the edge and the agent', async () => {
    const changed = await up('--set', 'observability=light');
    expect({ status: changed.status, stderr: changed.stderr }).toMatchObject({ status: 0 });
    const now = await containers(space.project);
    expect(now.filter(({ service }) => LIGHT.includes(service)).map(({ health }) => health)).toEqual(LIGHT.map(() => 'healthy'));
    expect(now.filter(({ id, service }) => !before.includes(id) && !LIGHT.includes(service)).map(({ service }) => service)).toEqual([
      'agent',
      'edge',
    ]);
  }, 900_000);

  test('measures everything within 60 s', async () => {
    // One each of Prometheus, Alertmanager, host, agent, balancer, router, nginx and site, 2 replicas, 3 of etcd, twice 2 of the database, 6 of the
    // cache.
    await until('every target is up', async () => (await query('up == 1')).length === 23 && (await query('up == 0')).length === 0, 60);
    await until('nothing is unknown to an exporter', async () => (await numberOf('count(redis_up == 1)')) === 6, 60);
    await until('the database tells of itself', async () => (await numberOf('count(pg_exporter_last_scrape_error == 0)')) === 2, 60);
    await until('the edge answers', async () => (await numberOf('min(probe_success)')) === 1, 60);
    expect(await numberOf('max(nginx_up)')).toBe(1);
    expect(await instances('nodejs_version_info{job="app"}')).toEqual(['app-1', 'app-2']);
    expect(await numberOf('sum(patroni_primary)')).toBe(1);
    expect(await numberOf('max(redis_cluster_slots_ok)')).toBe(16_384);
    expect(await numberOf('sum(etcd_server_has_leader)')).toBe(3);
    expect(await numberOf('max(haproxy_backend_active_servers{job="balancer",proxy="app"})')).toBe(2);
    expect(await numberOf('max(haproxy_backend_active_servers{job="db-router",proxy="leader"})')).toBe(1);
    expect(await numberOf('min(probe_ssl_earliest_cert_expiry - time())')).toBeGreaterThan(30 * 86_400);
    expect(await numberOf('count(pg_stat_archiver_failed_count)')).toBe(2);
    expect(await numberOf('node_filesystem_size_bytes{mountpoint="/"}')).toBeGreaterThan(0);
    expect(await numberOf('count(redis_aof_last_write_status)')).toBe(6);
    expect(await numberOf('count(redis_memory_max_bytes > 0)')).toBe(6);
  });

  test('measures every container, by the agent', async () => {
    const running = (await containers(space.project)).map(({ service }) => service).sort();
    const services = async (metric: string) => (await query(`${CONTAINER}${metric}`)).map(({ metric: { service = '' } }) => service).sort();
    await until('all are known', async () => (await services('memory_bytes')).length === running.length, 30);
    for (const metric of [...USED, ...LIVED]) expect([metric, await services(metric)]).toEqual([metric, running]);
    // The proxy of the engine has no network.
    const connected = running.filter((service) => service !== 'engine-proxy');
    for (const metric of TRAFFIC) expect([metric, await services(metric)]).toEqual([metric, connected]);
    for (const metric of [...USED, ...TRAFFIC, 'start_time_seconds'])
      expect([metric, (await query(`${CONTAINER}${metric} <= 0`)).map(({ metric: { service } }) => service)]).toEqual([metric, []]);
    expect(await numberOf(`min(${CONTAINER}healthy)`)).toBe(1);
    expect(await numberOf(`sum(${CONTAINER}restarts_total)`)).toBe(0);
    // As the engine says itself, but for what was used between the two.
    const [said, told] = [await memoryOf('edge'), await numberOf(`${CONTAINER}memory_bytes{service="edge"}`)];
    expect(Math.abs(said - told)).toBeLessThan(said / 4);
  });

  test('measures the agent itself', async () => {
    expect(await numberOf('max by (mode) (medianest_agent_healing{mode="act"})')).toBe(1);
    expect((await query('time() - medianest_agent_loop_timestamp_seconds < 30')).map(({ metric: { loop } }) => loop).sort()).toEqual([
      'cache',
      'fencer',
      'healing',
    ]);
    // The agent may be there before its proxy knows what it may ask: since then, nothing failed.
    expect(await numberOf('sum(increase(medianest_agent_failed_reads_total[30s]))')).toBe(0);
    expect(await numberOf('count(medianest_agent_healed_total)')).toBe((await containers(space.project)).length);
    for (const metric of ['agent_actions_total', 'agent_loop_seconds', 'agent_loop_failures_total', 'agent_held', 'agent_holds_total'])
      expect([metric, (await query(`medianest_${metric}`)).length > 0]).toEqual([metric, true]);
  });

  test('has the metrics that commands write', async () => {
    // A job goes by the file alone.
    space.configure({ ...SETTINGS, profile: 'prod', observability: 'light' });
    for (const command of [
      ['backup', '--type', 'full'],
      ['backup', 'verify'],
      ['drill'],
      ['deploy'],
      ['jobs', 'run-due'],
      ['jobs', 'run', 'prune'],
      ['certs', 'renew'],
    ]) {
      const { status, stderr } = await space.run(command);
      expect({ command, status, stderr }).toMatchObject({ status: 0 });
    }
    // Whatever its verdict on the host of the test is.
    const verdict = JSON.parse((await space.run(['health', '--json'])).stdout) as { status: string; checks: unknown[] };
    await until('the last of them is read', async () => (await query('medianest_health_status')).length === 1, 30);
    expect((await query('medianest_metrics_failed == 0')).map(({ metric: { capability = '' } }) => capability).sort()).toEqual(WRITTEN_BY);
    expect(await numberOf('max(node_textfile_scrape_error)')).toBe(0);
    const age = async (metric: string) => numberOf(`time() - max(medianest_${metric}_timestamp_seconds)`);
    for (const metric of ['backup_last_good', 'backup_verified', 'drill_last', 'deploy_last', 'job_last_end', 'health'])
      expect([metric, await age(metric)]).toEqual([metric, expect.toSatisfy((seconds: number) => seconds > 0 && seconds < 900)]);
    for (const metric of [
      'backup_last_good_size_bytes',
      'backup_last_good_stored_bytes',
      'backup_last_good_duration_seconds',
      'drill_rto_seconds',
      'deploy_last_duration_seconds',
    ])
      expect([metric, await numberOf(`max(medianest_${metric})`)]).toEqual([metric, expect.toSatisfy((value: number) => value > 0)]);
    expect(await numberOf('medianest_drill_rpo_seconds')).toBeLessThan(120);
    expect(await numberOf('sum(medianest_backup_command_failed)')).toBe(0);
    expect(await numberOf('medianest_backup_sets{status="good"}')).toBe(1);
    // Since a runner was at work, what is due is known: within two hours and a bit, and within a month and a day.
    expect(await numberOf('medianest_backup_due_timestamp_seconds - time()')).toBeLessThan(4 * 3600);
    expect(await numberOf('medianest_drill_due_timestamp_seconds - time()')).toBeLessThan(33 * 86_400);
    expect(await numberOf('count(medianest_certificate_not_after_seconds - time() > 0)')).toBe(
      await numberOf('sum(medianest_certificate_ok)'),
    );
    expect(await numberOf('count(medianest_certificate_ok)')).toBeGreaterThan(8);
    expect(await numberOf('medianest_deploys{result="deployed"}')).toBeGreaterThan(0);
    expect(await numberOf('sum(medianest_job_failed)')).toBe(0);
    expect(await numberOf('medianest_health_status')).toBe(['ok', 'warn', 'fail'].indexOf(verdict.status));
    expect(await numberOf('sum(medianest_health_checks)')).toBe(verdict.checks.length);
  }, 900_000);

  test('stays small', async () => {
    expect(await numberOf('prometheus_tsdb_head_series')).toBeLessThan(10_000);
    const sizes = await Promise.all(LIGHT.map(async (service) => [service, await memoryOf(service)] as const));
    const sum = sizes.reduce((total, [, bytes]) => total + bytes, 0);
    process.stderr.write(`light: ${sizes.map(([service, bytes]) => `${service} ${Math.round(bytes / 1024 ** 2)}`).join(', ')} MiB\n`);
    process.stderr.write(`light: ${await numberOf('prometheus_tsdb_head_series')} series\n`);
    expect(sum).toBeLessThan(MOST_BYTES);
  });

  test('has no alert about a stack that is well, but the one that always fires', async () => {
    // What the host of the test has is not the stack's.
    const alerts = 'ALERTS{severity=~"critical|warning",cause!~"disk|memory"}';
    // Long enough for every rule to have been looked at, and for what waits a minute to fire. What was critical while the stack started
    // keeps firing for two minutes.
    const age = 'time() - process_start_time_seconds{job="prometheus"}';
    await until('it has run for a while', async () => (await numberOf(age)) > 75, 120);
    await until('nothing fires, or is about to', async () => (await query(alerts)).length === 0, 150);
    expect((await query('ALERTS{alertname="Watchdog",alertstate="firing"}')).length).toBe(1);
  });

  test('listens in its own network alone, and tells nothing to others', async () => {
    const script = (address: string) => `exec 3<>/dev/tcp/${address} && echo open`;
    const from = async (service: string, address: string) =>
      (await docker(['exec', named(service), 'timeout', '3', 'bash', '-c', script(address)])).stdout.trim();
    const { stdout } = await docker(['inspect', '--format', '{{json .NetworkSettings.Networks}}', named('prometheus')]);
    const own = JSON.parse(stdout) as Record<string, { IPAddress: string }>;
    const at = (network: string) => own[`${space.project}_${network}`]?.IPAddress;
    expect(await from('edge', `${at('monitoring')}/9090`)).toBe('open');
    expect(await from('edge', `${at('app')}/9090`)).toBe('');
    expect(await from('db-router', `${at('db')}/9090`)).toBe('');
    const metrics = 'exec 3<>/dev/tcp/balancer/8404 && printf "GET /metrics HTTP/1.0\\r\\n\\r\\n" >&3 && cat <&3';
    expect((await docker(['exec', named('edge'), 'timeout', '3', 'bash', '-c', metrics])).stdout).toBe('');
  });
});

describe('an alert', () => {
  test('fires for a container that has no memory left, and names it in place of the host', async () => {
    const killed = await docker(['exec', named('nginx-exporter'), 'bash', '-c', 'x=$(head -c 200m /dev/zero | tr "\\0" x); echo ${#x}']);
    expect(killed.status).not.toBe(0);
    const service = async () => (await query('ALERTS{alertname="ContainerOutOfMemory"}')).map(({ metric }) => metric.service);
    await until('ContainerOutOfMemory fires', async () => (await service())[0] === 'nginx-exporter', 60);
    // The kernel may end the shell as well as what it has started.
    expect(await numberOf(`${CONTAINER}oom_kills_total{service="nginx-exporter"}`)).toBeGreaterThan(0);
    await sleep(75_000);
    expect(await query('ALERTS{alertname="OutOfMemory",alertstate="firing"}')).toEqual([]);
  });

  test('fires for a container that is killed again and again, which the agent heals', async () => {
    for (let kills = 1; kills <= 3; kills++) {
      await docker(['kill', named('nginx-exporter')]);
      await until('it is healed', async () => (await numberOf('medianest_agent_healed_total{service="nginx-exporter"}')) === kills, 60);
      // Well for longer than the agent takes for cured.
      await sleep(15_000);
    }
    expect(await numberOf('medianest_agent_actions_total{action="start"}')).toBeGreaterThanOrEqual(3);
    const service = async () => (await query('ALERTS{alertname="ContainerRestarts"}')).map(({ metric }) => metric.service);
    await until('ContainerRestarts fires', async () => (await service())[0] === 'nginx-exporter', 60);
    // The audit log has each of them once, however often it is looked.
    for (let look = 0; look < 2; look++) expect((await space.run(['agent', 'heal'])).status).toBe(0);
    const noted = (await space.run(['audit'])).stdout.split('\n').filter((line) => line.includes('nginx-exporter: started'));
    expect(noted.map((line) => line.includes('(it ended with status 137)'))).toEqual([true, true, true]);
  }, 300_000);

  test('fires for the agent that is stopped, and is resolved when it is back', async () => {
    await docker(['stop', named('agent')]);
    await until('AgentDown fires', () => fires('AgentDown', 'agent'), 120);
    await docker(['start', named('agent')]);
    await until('AgentDown is resolved', async () => !(await fires('AgentDown', 'agent')), 60);
  });

  test('fires for a node of the cache that is stopped, and is resolved when it is back', async () => {
    await docker(['stop', named('redis-6')]);
    await until('CacheNodeDown fires', () => fires('CacheNodeDown', 'redis-6'), 90);
    await docker(['start', named('redis-6')]);
    await until('CacheNodeDown is resolved', async () => !(await fires('CacheNodeDown', 'redis-6')), 90);
  });

  test('fires for a replica of the database that is stopped, and is resolved when it is back', async () => {
    const [replica = ''] = await instances('patroni_replica == 1');
    await docker(['stop', named(replica)]);
    await until('DatabaseMemberDown fires', () => fires('DatabaseMemberDown', replica), 120);
    await docker(['start', named(replica)]);
    await until('DatabaseMemberDown is resolved', async () => !(await fires('DatabaseMemberDown', replica)), 120);
    await until(
      'it follows again',
      async () => (await instances('patroni_replica == 1 and patroni_postgres_streaming == 1'))[0] === replica,
      60,
    );
  });
});

test.each([
  ['database-monitor-password', 'count(pg_exporter_last_scrape_error == 0)', 2],
  ['redis-monitor-password', 'count(redis_up == 1)', 6],
])('%s is replaced, and the exporter has the new one', async (secret, expression, members) => {
  const rotated = await space.run(['secrets', 'rotate', secret, '--profile', 'prod', '--set', 'observability=light']);
  expect({ status: rotated.status, stderr: rotated.stderr }).toMatchObject({ status: 0 });
  // Longer than two scrapes: what is told is not of the time before.
  await sleep(15_000);
  await until('the exporter is let in', async () => (await numberOf(expression)) === members, 60);
});

test('off removes all of it, and what it was let in by', async () => {
  const changed = await up('--set', 'observability=off');
  expect({ status: changed.status, stderr: changed.stderr }).toMatchObject({ status: 0 });
  expect((await containers(space.project)).filter(({ service }) => LIGHT.includes(service))).toEqual([]);
  const role = "select rolcanlogin from pg_roles where rolname = 'monitor'";
  const psql = await docker(['exec', named('postgres-1'), 'psql', '-h', '/run/postgresql', '-U', 'postgres', '-Atc', role]);
  expect(psql.stdout.trim()).toBe('f');
  const users = await docker(['exec', named('redis-1'), 'grep', '-c', '^user monitor', '/run/redis/users.acl']);
  expect(users.stdout.trim()).toBe('0');
  const metrics = await docker(['exec', named('balancer'), 'bash', '-c', 'exec 3<>/dev/tcp/localhost/8404']);
  expect(metrics.status).not.toBe(0);
  expect((await up('--set', 'observability=off')).stdout).toContain('Nothing to do');
});

test('down leaves no container and no network', async () => {
  expect((await space.run(['down', '--profile', 'prod'])).status).toBe(0);
  expect(await containers(space.project)).toEqual([]);
  const label = `label=com.docker.compose.project=${space.project}`;
  expect((await docker(['network', 'ls', '--quiet', '--filter', label])).stdout.trim()).toBe('');
});
