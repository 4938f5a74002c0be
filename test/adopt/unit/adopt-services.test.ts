import { describe, expect, test } from 'vitest';
import { composeProject } from '../../../src/adopt/plan/compose-project.ts';
import { isSecret, variablesOf } from '../../../src/adopt/plan/environment.ts';
import { foldersOf } from '../../../src/adopt/plan/folders.ts';
import { healthOf } from '../../../src/adopt/plan/health.ts';
import { imageName } from '../../../src/adopt/plan/kinds.ts';
import { caddyRoutes, labelRoutes, nginxRoutes } from '../../../src/adopt/plan/routes.ts';
import { kinds, one, project } from '../../support/adopt/compose.ts';

describe('what Compose prints', () => {
  test('is read with its dollars, durations and sizes', () => {
    const service = one({
      image: 'a',
      environment: { A: 'x$$y', B: null },
      ports: [{ target: 80, published: '8080', host_ip: '127.0.0.1' }],
      healthcheck: { test: ['CMD', 'true'], interval: '1m30s', timeout: '500ms' },
      deploy: { replicas: 2, resources: { limits: { cpus: 0.5, memory: '536870912' } } },
      volumes: [{ type: 'bind', source: '/a', target: '/b', read_only: true }],
      stop_grace_period: '1m0s',
    });
    expect(service).toMatchObject({
      environment: { A: 'x$y' },
      ports: [{ address: '127.0.0.1', published: 8080, target: 80 }],
      health: { intervalSeconds: 90, timeoutSeconds: 1 },
      memoryBytes: 536_870_912,
      cpus: 0.5,
      replicas: 2,
      stopSeconds: 60,
      containerName: 'old-web-1',
      mounts: [{ kind: 'bind', source: '/a', target: '/b', readOnly: true }],
    });
  });

  test('is refused where it is no JSON', () => {
    expect(() => composeProject('name: x')).toThrow(/did not print JSON/);
  });

  test('may be anything: nothing of it breaks the reading', () => {
    for (const odd of [
      'null',
      '[]',
      '{"services": [1]}',
      '{"services": {"a": null}}',
      '{"services": {"a": {"ports": "x", "environment": [], "volumes": {}, "healthcheck": 3}}}',
    ])
      expect(() => composeProject(odd), odd).not.toThrow();
  });
});

describe('which service is what', () => {
  test.each([
    ['docker.io/library/postgres:15@sha256:abc', 'postgres'],
    ['registry:5000/x/Redis:7', 'redis'],
    ['nginx', 'nginx'],
  ])('%s is an image of %s', (image, name) => {
    expect(imageName(image)).toBe(name);
  });

  test('is told by images, routes, ports, names and commands', () => {
    expect(
      kinds({
        proxy: { image: 'nginx' },
        web: { image: 'acme/web', expose: ['3000'] },
        worker: { image: 'acme/web', command: ['node', 'worker.js'] },
        'db-migrate': { image: 'acme/web', command: ['npm', 'run', 'migrate'], restart: 'no' },
        db: { image: 'postgres:15' },
        cache: { image: 'valkey/valkey' },
        mongo: { image: 'mongo:7' },
        backup: { image: 'prodrigestivill/postgres-backup-local' },
        jobs: { image: 'mcuadros/ofelia' },
        tool: { image: 'acme/tool', profiles: ['tools'] },
      }),
    ).toEqual({
      proxy: 'proxy',
      web: 'app',
      worker: 'process',
      'db-migrate': 'migration',
      db: 'database',
      cache: 'cache',
      mongo: 'other-store',
      backup: 'replaced',
      jobs: 'cron',
      tool: 'replaced',
    });
  });

  test('is the operator’s choice where there is one; without a hint none is the application', () => {
    const services = { a: { image: 'x/a', ports: [{ target: 80, published: '80' }] }, b: { image: 'x/b' } };
    expect(kinds(services)).toEqual({ a: 'app', b: 'process' });
    expect(kinds(services, 'b')).toEqual({ a: 'process', b: 'app' });
    expect(kinds({ queue: { image: 'x/a', command: ['worker'] } })).toEqual({ queue: 'process' });
    expect(kinds({ nginx: { image: 'nginx', ports: [{ target: 80, published: '80' }] } }, 'nginx')).toEqual({ nginx: 'app' });
  });

  test('that leads `/` to one is a proxy’s word for the application', () => {
    const texts = { 'n.conf': 'server { location / { proxy_pass http://site:9; } location /api { proxy_pass http://web:8; } }' };
    expect(kinds({ web: { image: 'x/a', ports: [{ target: 8, published: '8' }] }, site: { image: 'x/b' } }, undefined, texts)).toEqual({
      web: 'process',
      site: 'app',
    });
  });
});

describe('routes', () => {
  test('of nginx: upstreams, variables, prefixes and regular expressions', () => {
    const text = `
      # server { location / { proxy_pass http://no:1; } }
      upstream up { least_conn; server web:3000; server web2:3000; }
      server { listen 80; server_name a.example.org _ localhost; set $api "http://api:4000";
        location / { proxy_pass http://up; } location /api/ { proxy_pass $api; } location ~ ^/(ws|socket.io)/ { proxy_pass http://api:4000; }
        location = /x { return 200; } }`;
    expect(nginxRoutes(text, ['web', 'api', 'no'])).toEqual([
      { service: 'web', port: 3000, hosts: ['a.example.org'], paths: [] },
      { service: 'api', port: 4000, hosts: ['a.example.org'], paths: ['/api'] },
      { service: 'api', port: 4000, hosts: ['a.example.org'], paths: ['/ws', '/socket.io'] },
    ]);
  });

  test('of Caddy: sites, matchers and handles', () => {
    const text =
      'shop.example.org, www.example.org {\n  encode gzip # x\n  handle /api/* {\n    reverse_proxy api:4000\n  }\n  reverse_proxy /ws/* api:4001\n  reverse_proxy web:3000\n}';
    expect(caddyRoutes(text, ['web', 'api'])).toEqual([
      { service: 'api', port: 4000, hosts: ['shop.example.org', 'www.example.org'], paths: ['/api'] },
      { service: 'api', port: 4001, hosts: ['shop.example.org', 'www.example.org'], paths: ['/ws'] },
      { service: 'web', port: 3000, hosts: ['shop.example.org', 'www.example.org'], paths: [] },
    ]);
  });

  test('of labels and of nginx-proxy’s variables', () => {
    const labels = {
      'traefik.http.routers.x.rule': 'Host(`a.org`, `b.org`) && PathPrefix(`/api/`)',
      'traefik.http.services.x.loadbalancer.server.port': '4000',
    };
    expect(labelRoutes(one({ image: 'x', labels }))).toEqual([{ service: 'web', port: 4000, hosts: ['a.org', 'b.org'], paths: ['/api'] }]);
    expect(labelRoutes(one({ image: 'x', environment: { VIRTUAL_HOST: 'a.org,b.org', VIRTUAL_PORT: '80' } }))).toEqual([
      { service: 'web', port: 80, hosts: ['a.org', 'b.org'], paths: [] },
    ]);
  });

  test('that cannot be understood are none', () => {
    for (const odd of ['', 'server {', 'location / { proxy_pass', '}}}}', 'http://x {\n reverse_proxy']) {
      expect(nginxRoutes(odd, ['web'])).toEqual([]);
      expect(caddyRoutes(odd, ['web'])).toEqual([]);
    }
  });
});

describe('variables', () => {
  const stores = {
    database: { hosts: ['db', 'old-db-1'], port: '5432', user: 'app', password: 'pw', database: 'app' },
    cache: { hosts: ['redis'], port: '6379', user: undefined, password: 'cpw', database: undefined },
  };
  const told = (name: string, value: string) =>
    variablesOf(one({ image: 'x', environment: { [name]: value.replaceAll('$', '$$$$') } }), project({}), stores, ['a.example.org'])[0];

  test.each([
    ['DATABASE_URL', 'postgres://app:p#w/x@db:5432/app?sslmode=disable', '{database.url}'],
    ['DATABASE_URL', 'postgresql://app:pw@db/app?schema=public', '{database.prismaUrl}'],
    [
      'SQLALCHEMY_URI',
      'postgresql+asyncpg://app:pw@db/app',
      'postgresql+asyncpg://{database.user}:{database.encodedPassword}@{database.host}:{database.port}/{database.name}',
    ],
    ['JDBC', 'jdbc:postgresql://db:5432/app', '{database.jdbcUrl}'],
    ['DSN', 'host=db user=app password=pw', '{database.dsn}'],
    ['DB_HOST', 'db', '{database.host}'],
    ['DB_PORT', '5432', '{database.port}'],
    ['DB_USER', 'app', '{database.user}'],
    ['DB_NAME', 'app', '{database.name}'],
    ['POSTGRES_PASSWORD', 'pw', '{database.password}'],
    ['UPSTREAM', 'db:5432', '{database.host}:{database.port}'],
    ['REDIS_URL', 'redis://:cpw@redis:6379/1', '{cache.url}'],
    ['REDIS_HOST', 'redis', '{cache.host}'],
    ['REDIS_PASSWORD', 'cpw', '{cache.password}'],
    ['BASE_URL', 'https://a.example.org/', '{edge.url}/'],
    ['TEMPLATE', 'a {b} {{c}}', 'a \\{b} {{c}}'],
    ['OTHER_DB', 'postgres://elsewhere/app', 'postgres://elsewhere/app'],
  ])('%s=%s is %s', (name, value, reference) => {
    expect(told(name, value)).toEqual({ kind: 'plain', name, value: reference });
  });

  test.each([
    ['JWT_SECRET', 'x'],
    ['API_KEY', 'abc def'],
    ['SMTP_URL', 'smtp://user:pass@mail:25'],
    ['SOMETHING', 'kJ8s7dfh3kjsdhf8s7dfhksjdf'],
    ['PEM', '-----BEGIN PRIVATE KEY-----\nx'],
    ['DATABASE_URL', 'postgres://u:secret@elsewhere/app'],
  ])('%s=%s is a secret', (name, value) => {
    expect(told(name, value)).toEqual({ kind: 'secret', name, value, as: 'env' });
  });

  test.each([
    ['TOKEN_TTL', '3600'],
    ['NODE_ENV', 'production'],
    ['JWT_EXPIRES_IN', '7d'],
    ['KEY_PATH', '/etc/ssl/keys/server-key-2024.pem'],
    ['USE_PASSWORD', 'true'],
    ['EMPTY_SECRET', ''],
  ])('%s=%s is none', (name, value) => {
    expect(isSecret(name, value)).toBe(false);
  });

  test('that the stack gives are left', () => {
    expect(told('PORT', '3000')).toMatchObject({ kind: 'left' });
    expect(told('VIRTUAL_HOST', 'a.example.org')).toMatchObject({ kind: 'left' });
  });
});

describe('folders', () => {
  const mounts = (...volumes: object[]) =>
    foldersOf(
      one({ image: 'x', volumes }),
      project({}, { volumes: { up: { name: 'old_up' }, 'My Data': { name: 'elsewhere', external: true } } }),
      true,
    );

  test('come along as uploads and volumes', () => {
    const folders = mounts(
      { type: 'volume', source: 'up', target: '/app/uploads' },
      { type: 'volume', source: 'My Data', target: '/data' },
      { type: 'bind', source: '/srv/ext', target: '/app/extensions' },
    );
    expect(folders).toMatchObject({
      uploadsPath: '/app/uploads',
      volumes: { 'my-data': { path: '/data' }, extensions: { path: '/app/extensions' } },
      left: [],
    });
    expect(folders.moves.map(({ from, to }) => `${from} ${to}`)).toEqual([
      'volume:old_up uploads',
      'volume:elsewhere my-data',
      '/srv/ext extensions',
    ]);
  });

  test('of the host’s system, the engine’s socket and single files are refused', () => {
    const folders = mounts(
      { type: 'bind', source: '/var/run/docker.sock', target: '/var/run/docker.sock' },
      { type: 'bind', source: '/', target: '/host' },
      { type: 'bind', source: '/etc/ssl', target: '/ssl' },
      { type: 'bind', source: '/srv/a/app.conf', target: '/app/app.conf' },
      { type: 'bind', source: '/srv/ro', target: '/ro', read_only: true },
      { type: 'npipe', source: 'x', target: '/y' },
    );
    expect(folders.left).toHaveLength(6);
    expect(folders.moves).toEqual([]);
    expect(folders.left[0]).toMatch(/root on this host/);
  });

  test('of a library are media, and those in memory are written to', () => {
    expect(mounts({ type: 'bind', source: '/mnt/movies', target: '/m', read_only: true }).media).toEqual({
      kind: 'bind',
      path: '/mnt/movies',
    });
    expect(mounts({ type: 'tmpfs', target: '/cache' }, { type: 'tmpfs', target: '/tmp' }).writable).toEqual(['/cache']);
  });
});

describe('health', () => {
  const health = (test: string[] | string, more = {}) => healthOf(one({ image: 'x', healthcheck: { test, ...more } }), undefined);

  test('by a request needs no program of the image', () => {
    expect(health(['CMD-SHELL', 'curl -fsS http://localhost:3000/health || exit 1'], { interval: '30s' })).toEqual({
      health: { get: '/health', intervalSeconds: 30 },
      path: '/health',
    });
    expect(health(['CMD', 'wget', '-q', '--spider', 'http://127.0.0.1/'])).toEqual({ health: { get: '/' }, path: '/' });
  });

  test('by a program is one', () => {
    expect(health(['CMD', 'bin/check', '-x'])).toEqual({ health: { command: ['bin/check', '-x'] } });
    expect(health(['CMD-SHELL', 'a && b'])).toEqual({ health: { command: ['sh', '-c', 'a && b'] } });
    expect(health(['NONE'])).toEqual({ health: { none: true } });
  });

  test('is the image’s own where Compose says nothing', () => {
    expect(healthOf(one({ image: 'x' }), { user: undefined, checksHealth: true })).toEqual({});
    expect(healthOf(one({ image: 'x' }), undefined)).toEqual({ health: { none: true } });
  });
});
