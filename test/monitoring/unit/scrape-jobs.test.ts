import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { jobsOf } from '../../../src/services/monitoring/panels/panel.ts';
import { PANELS, panelsOf } from '../../../src/services/monitoring/panels/panels.ts';
import { type Source, scrapeJobs } from '../../../src/services/monitoring/scrape-jobs.ts';
import type { Stack } from '../../../src/stack/types.ts';
import { load, rendered, stackOf } from '../../support/settings.ts';

const address = (network: string, host: number) => `${network}.${host}`;
const source = (name: string, host: number, metrics: Source['metrics'], more: Partial<Source> = {}): Source => ({
  name,
  host,
  ...(metrics && { metrics }),
  ...more,
});

describe('what is scraped', () => {
  it('is said by each container, and collected by job', () => {
    const patroni = { job: 'patroni', network: 'db', port: 8008, tls: true } as const;
    expect(
      scrapeJobs(
        [source('b', 2, [patroni]), source('a', 1, [{ job: 'node', network: 'monitoring', port: 9100 }]), source('c', 3, [patroni])],
        address,
      ),
    ).toMatchObject([
      { name: 'node', path: '/metrics', tls: false, keep: null, targets: [{ address: 'monitoring.1:9100', labels: { instance: 'a' } }] },
      {
        name: 'patroni',
        path: '/metrics',
        tls: true,
        keep: null,
        members: [],
        targets: [
          { address: 'db.2:8008', labels: { instance: 'b' } },
          { address: 'db.3:8008', labels: { instance: 'c' } },
        ],
      },
    ]);
  });

  it('is asked of an exporter, with what it needs to know, where there is one', () => {
    const redis = { job: 'redis', network: 'monitoring', port: 9121, path: '/scrape', via: 'exporter', params: { target: 'x' } } as const;
    const node = source('redis-1', 30, [redis]);
    expect(scrapeJobs([node], address)).toEqual([]);
    expect(scrapeJobs([node, source('exporter', 83, [])], address)[0]?.targets).toEqual([
      { address: 'monitoring.83:9121', labels: { instance: 'redis-1', via: 'exporter', __param_target: 'x' } },
    ]);
  });

  it('is found by a name that many share, where containers come and go', () => {
    const group = {
      name: 'all',
      members: [
        { name: 'a', host: 1 },
        { name: 'b', host: 2 },
      ],
    };
    const metrics = [{ job: 'app', network: 'app', port: 3000, most: 9, group }] as const;
    const jobs = scrapeJobs([source('a', 1, [...metrics]), source('b', 2, [...metrics])], address);
    expect(jobs).toMatchObject([
      {
        name: 'app',
        most: 9,
        targets: [],
        foundBy: 'all',
        foundAt: 3000,
        members: [{ name: 'a', address: 'app.1:3000' }, { name: 'b' }],
      },
    ]);
  });

  it('leaves out what runs by name alone', () => {
    expect(scrapeJobs([source('once', 1, [{ job: 'x', network: 'app', port: 1 }], { oneOff: true })], address)).toEqual([]);
  });
});

const monitored = (file = '', profile = 'prod'): Stack => stackOf(load({ file: `observability: light\n${file}`, flags: { profile } }));
const names = ({ services }: Stack) => services.map(({ name }) => name);
const fileOf = (stack: Stack, name: string) => rendered(stack).files.find(({ path }) => path === name)?.contents ?? '';
const EXPORTERS = ['node-exporter', 'postgres-exporter', 'redis-exporter', 'blackbox-exporter', 'nginx-exporter'];

describe('observability: light', () => {
  it('adds Prometheus and the exporters, and nothing else; off adds none', () => {
    const off = stackOf(load({ file: 'observability: off\n', flags: { profile: 'prod' } }));
    expect(names(monitored()).filter((name) => !names(off).includes(name))).toEqual([...EXPORTERS, 'alertmanager', 'prometheus']);
    expect(off.services.filter(({ metrics }) => metrics)).toEqual([]);
    expect(off.networks.map(({ name }) => name)).not.toContain('monitoring');
  });

  it('is what prod and staging have, and what a laptop has not', () => {
    const of = (profile: string) => load({ flags: { profile } }).settings.observability;
    expect(['dev', 'dev-compose', 'staging', 'prod'].map(of)).toEqual(['off', 'off', 'light', 'light']);
  });

  it('lets a component be switched off by itself', () => {
    const stack = monitored('components: { redis-exporter: false }\n');
    expect(names(stack)).not.toContain('redis-exporter');
    expect(fileOf(stack, 'prometheus/prometheus.yml')).not.toContain('job_name: "redis"');
  });

  it('measures what there is: without cluster and edge, the host alone', () => {
    const stack = monitored('', 'dev');
    expect(names(stack)).toEqual(['all-in-one', 'node-exporter', 'alertmanager', 'prometheus']);
    expect(stack.services.find(({ name }) => name === 'prometheus')?.networks).toEqual(['monitoring']);
  });

  it('measures a single database and a single cache, which have no TLS', () => {
    const stack = monitored('', 'dev-compose');
    expect(names(stack)).toEqual(expect.arrayContaining(['postgres-exporter', 'redis-exporter']));
    const config = fileOf(stack, 'prometheus/prometheus.yml');
    expect(config).toContain('"__param_target":"192.168.0.20:5432/medianest","__param_auth_module":"monitor-plain"');
    expect(config).toContain('"__param_target":"redis://192.168.0.30:6379"');
    expect(fileOf(stack, 'postgres/pg_hba.conf')).toMatch(
      /host +medianest +monitor +192\.168\.0\.82\/32 +scram-sha-256\nhost +all +monitor +all +reject\nhost +all +all/,
    );
    const format = (name: string) => {
      const spec = stack.secrets.find((secret) => secret.name === name)?.source;
      return spec && 'format' in spec ? spec.format : '';
    };
    expect(format('postgres-exporter-settings')).toMatch(/^auth_modules:\n {2}monitor-plain:[\s\S]*sslmode: disable\n/);
    expect(format('postgres-exporter-settings')).not.toContain('verify-full');
    expect(format('redis-exporter-passwords')).toContain('"redis://monitor@192.168.0.30:6379"');
    const exporters = stack.services.filter(({ name }) => /^(postgres|redis)-exporter$/.test(name));
    expect(exporters.map(({ networks, trust }) => [networks, trust])).toEqual([
      [['monitoring', 'db'], undefined],
      [['monitoring', 'db'], undefined],
    ]);
    expect(fileOf(stack, 'compose.yml')).not.toContain('-tls-ca-cert-file');
    const rules = rendered(stack).files.flatMap(({ path }) => /^prometheus\/rules-(.*)\.yml$/.exec(path)?.[1] ?? []);
    expect(rules).toEqual(expect.arrayContaining(['postgres', 'redis']));
  });

  it('lets no exporter into a single engine that is not measured', () => {
    const stack = stackOf(load({ flags: { profile: 'dev-compose' } }));
    expect(fileOf(stack, 'postgres/pg_hba.conf')).not.toContain('monitor');
    expect(stack.secrets.filter(({ name }) => name.includes('monitor'))).toEqual([]);
  });

  it.each(['prod', 'dev-compose', 'dev'])('draws of %s what its jobs measure, and no other picture', (profile) => {
    const stack = monitored('', profile);
    const jobs = new Set(stack.services.flatMap(({ metrics = [] }) => metrics.map(({ job }) => job)));
    const components = new Set(stack.services.map(({ component }) => component));
    const measured = PANELS.filter((panel) => jobsOf(panel).every((job) => jobs.has(job)) && (!panel.of || components.has(panel.of)));
    expect(panelsOf(components)).toEqual(measured);
    const left = PANELS.filter((panel) => !measured.includes(panel)).map(({ id }) => id);
    // Off in every profile.
    expect(left).toContain('intrusion');
    expect(left.length === 1).toBe(profile === 'prod');
  });

  it('keeps the network of monitoring inside, and publishes no port', () => {
    const stack = monitored();
    expect(stack.networks.find(({ name }) => name === 'monitoring')).toMatchObject({ internal: true });
    const own = stack.services.filter(({ name }) => name === 'prometheus' || EXPORTERS.includes(name));
    expect(own.flatMap(({ ports }) => ports)).toEqual([]);
    // All listen there, also those that are in other networks.
    for (const { environment } of own) expect(environment.HEALTH_URL).toMatch(/^10\.30\.0\.\d+:/);
  });

  it('replaces no container but the edge and the agent, which join a network', () => {
    const off = stackOf(load({ file: 'observability: off\n', flags: { profile: 'prod' } }));
    const [before, after] = [rendered(off).inputs, rendered(monitored()).inputs];
    const replaced = Object.keys(before).filter((name) => before[name] !== after[name]);
    expect(replaced).toEqual(['edge', 'agent']);
  });

  it('lets the agent read statistics of every container, itself and its proxy too, and tell Prometheus alone', () => {
    const [stack, off] = [monitored(), stackOf(load({ file: 'observability: off\n', flags: { profile: 'prod' } }))];
    const measured = [
      ...fileOf(stack, 'engine-proxy/haproxy.cfg').matchAll(/may_read url -m str \/containers\/medianest-([\w-]+)-1\/stats\?/g),
    ];
    const slots = Array.from({ length: 10 }, (_, index) => `app-${index + 1}`);
    const running = stack.services.filter(({ oneOff }) => !oneOff).map(({ name }) => name);
    expect(measured.map(([, service]) => service).sort()).toEqual([...new Set([...running, ...slots])].sort());
    expect(fileOf(off, 'engine-proxy/haproxy.cfg')).not.toContain('/stats');
    const told = (file: Stack) => (JSON.parse(fileOf(file, 'agent/agent.json')) as { metrics: unknown }).metrics;
    expect(told(stack)).toMatchObject({ host: '10.30.0.60', port: 9180, caller: '10.30.0.80' });
    expect(told(off)).toBeNull();
    expect(fileOf(stack, 'prometheus/prometheus.yml')).toContain('targets: ["10.30.0.60:9180"]');
    expect(fileOf(monitored('', 'dev'), 'prometheus/prometheus.yml')).not.toContain(':9180');
  });

  it('gives Prometheus the rules of every component that runs', () => {
    const rules = (stack: Stack) => rendered(stack).files.flatMap(({ path }) => /^prometheus\/rules-(.*)\.yml$/.exec(path)?.[1] ?? []);
    expect(rules(monitored())).toEqual([
      'agent',
      'alertmanager',
      'app',
      'backup',
      'balancer',
      'db-router',
      'edge',
      'etcd',
      'node-exporter',
      'patroni',
      'prometheus',
      'redis-cluster',
      'redis-exporter',
    ]);
    expect(rules(monitored('', 'dev'))).toEqual(['alertmanager', 'node-exporter', 'prometheus']);
  });

  it('bounds what a scrape may bring', () => {
    const { global } = parse(fileOf(monitored(), 'prometheus/prometheus.yml')) as { global: Record<string, unknown> };
    expect(global).toMatchObject({ sample_limit: 5000, label_limit: 30 });
  });

  it('asks the replicas of the portal, and those of your own image where you say so', () => {
    const jobOf = (file: string) => {
      const { scrape_configs: jobs } = parse(fileOf(monitored(file), 'prometheus/prometheus.yml')) as {
        scrape_configs: { job_name: string }[];
      };
      return jobs.find(({ job_name: name }) => name === 'app');
    };
    expect(jobOf('')).toMatchObject({ scheme: 'https', tls_config: { server_name: 'app' }, sample_limit: 2000, metrics_path: '/metrics' });
    expect(jobOf('app: { metrics: false }')).toBeUndefined();
    expect(jobOf('app: { image: "own:1" }')).toBeUndefined();
    const own = jobOf('app: { image: "own:1", metrics: true, metricsPath: /stats, port: 8080 }');
    expect(own).toMatchObject({ metrics_path: '/stats', dns_sd_configs: [{ names: ['app-replicas'], type: 'A', port: 8080 }] });
    expect(own).not.toHaveProperty('scheme');
  });

  it('needs no other configuration when the application is scaled', () => {
    const of = (replicas: number) => rendered(monitored(`app: { replicas: ${replicas} }`)).configs.prometheus;
    expect(of(2)).toBe(of(7));
  });

  it('lets Prometheus call others only if it is asked for', () => {
    const networks = (file: string) => monitored(file).services.find(({ name }) => name === 'prometheus')?.networks;
    expect(networks('')).not.toContain('out');
    expect(networks('prometheus: { outside: true }')).toContain('out');
  });

  it('gives passwords to exporters as files alone', () => {
    const compose = fileOf(monitored(), 'compose.yml');
    expect(compose).not.toMatch(/monitor-password[^"]*\}/);
    const secrets = monitored().services.flatMap(({ name, secrets: own }) =>
      own.filter(({ name: secret }) => /monitor|exporter/.test(secret)).map((spec) => `${name} ${spec.name}`),
    );
    expect(secrets.filter((line) => /exporter/.test(line))).toEqual([
      'postgres-exporter postgres-exporter-settings',
      'redis-exporter redis-exporter-passwords',
    ]);
  });

  it('asks for each certificate of the edge by itself', () => {
    const stack = monitored(
      'edge: { domains: [media.example.org, films.example.org], certificate: acme }\ncertificates: { acme: { email: me@example.org, profile: shortlived } }\n',
    );
    const edge = stack.services.find(({ name }) => name === 'edge');
    expect(edge?.metrics?.flatMap(({ job, labels, params }) => (job === 'edge' ? [[labels, params?.module]] : []))).toEqual([
      [{ site: 'localhost', lifetime: 'long' }, 'internal'],
      [{ site: 'media.example.org', lifetime: 'short' }, 'other'],
    ]);
  });
});
