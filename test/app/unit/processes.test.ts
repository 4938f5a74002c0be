import { describe, expect, it } from 'vitest';
import { replicaChecks } from '../../../src/deploy/plan/replica-check.ts';
import { planUp } from '../../../src/reconcile/plan/up.ts';
import { releaseOrder } from '../../../src/services/app/processes/order.ts';
import { replicaHost } from '../../../src/services/app/processes/process.ts';
import { registry } from '../../../src/services/index.ts';
import { buildStack } from '../../../src/stack/build.ts';
import { appIdentity, appVersion, type Overrides } from '../../../src/stack/overrides.ts';
import type { Stack } from '../../../src/stack/types.ts';
import { runningContainer, settledFacts } from '../../support/plan-facts.ts';
import { load, rendered, SUBNETS, stackOf } from '../../support/settings.ts';

const settings = (services: string, more = '', profile = 'staging') =>
  load({ flags: { profile }, file: `${more || 'app: { image: "example.org/app:1" }'}\nservices:\n${services}` });
const stack = (...args: Parameters<typeof settings>) => stackOf(settings(...args));
const THREE = `
  backend: { port: 4000, replicas: 2, paths: [/api, /socket.io], command: [node, api.js] }
  worker: { command: [node, worker.js], after: [app], stop: { seconds: 45 } }
`;
const AFTER = 'app: { image: "example.org/app:1", after: [backend] }';
const service = (of: Stack, name: string) => of.services.find((entry) => entry.name === name);
const addresses = (of: Stack) => Object.fromEntries(of.services.map(({ name, host }) => [name, host]));
const text = (of: Stack, file: string) => rendered(of).files.find(({ path }) => path === file)?.contents ?? '';

describe('processes of an application', () => {
  it('are components of their own, with the image of the application and what they need of the stack', () => {
    const of = stack(THREE, AFTER);
    expect(service(of, 'backend-2')).toMatchObject({
      component: 'backend',
      role: 'application',
      image: { name: 'app', ref: 'example.org/app:1' },
      networks: ['app', 'db'],
      environment: { PORT: '4000', APP_REPLICA: 'backend-2' },
      rolling: { balancer: 'balancer', address: expect.stringMatching(/:4000$/) },
      process: { name: 'backend', order: 0 },
    });
    const worker = service(of, 'worker-1');
    expect(worker).toMatchObject({ networks: ['db'], process: { name: 'worker', order: 2, drains: { seconds: 45 } } });
    expect([worker?.rolling, worker?.environment.PORT, worker?.environment.UPLOADS_PATH]).toEqual([undefined, undefined, undefined]);
  });

  it('are in no network and get no secret of what they do not need', () => {
    const of = stack('  worker: { needs: { database: false, cache: false, external: false } }');
    const worker = service(of, 'worker-1');
    expect([worker?.networks, worker?.secrets, worker?.mounts]).toEqual([[], [], []]);
    const some = service(stack('  worker: { needs: { cache: false } }'), 'worker-1');
    expect(some?.secrets.map(({ name }) => name)).toEqual(expect.arrayContaining(['database-url']));
    expect(some?.secrets.map(({ name }) => name).filter((name) => name.startsWith('redis'))).toEqual([]);
  });

  it('move no address of the application, and keep their own while others come and go', () => {
    const before = addresses(stackOf(load({ flags: { profile: 'staging' }, file: 'app: { image: "example.org/app:1" }' })));
    const first = stack(THREE);
    expect(addresses(first)).toMatchObject(before);
    const numbers = Object.fromEntries(first.services.flatMap(({ process }) => (process ? [[process.name, process.number]] : [])));
    const { settings: without } = settings('  api: { port: 5000 }\n  worker: {}');
    const later = buildStack(without, registry, {
      ...{ version: '0', overrides: {}, subnets: SUBNETS, sourceHash: () => 'fixed', engineSocket: { path: '/x', gid: 1 } },
      host: { processNumbers: numbers },
    });
    expect(service(later, 'worker-1')?.host).toBe(service(first, 'worker-1')?.host);
    expect(service(later, 'api-1')?.host).toBe(service(first, 'backend-1')?.host);
  });

  it('fit into the ranges that are there, each with an address of its own', () => {
    const narrow = { ...SUBNETS, app: '10.0.0.0/24', db: '192.168.0.0/24' };
    const facts = { version: '0', overrides: {}, subnets: narrow, sourceHash: () => 'fixed', engineSocket: { path: '/x', gid: 1 } };
    const of = buildStack(settings(THREE).settings, registry, facts);
    expect(Object.entries(addresses(of)).filter(([name]) => /^(backend|worker)/.test(name))).toEqual([
      ['backend-1', 127],
      ['backend-2', 125],
      ['worker-1', 126],
    ]);
    const slots = [...text(of, 'balancer/haproxy.cfg').matchAll(/server backend-\d+ ([\d.]+):/g)].map(([, address]) => address);
    expect(slots).toEqual(['10.0.0.127', '10.0.0.125', '10.0.0.122', '10.0.0.118', '10.0.0.113']);
    const many = 'app: { image: "example.org/app:1", maxReplicas: 15 }';
    expect(() => buildStack(settings(THREE, many).settings, registry, facts)).not.toThrow();
    expect(() => buildStack(settings(THREE.replace('replicas: 2', 'replicas: 6')).settings, registry, facts)).toThrow(/too small/);
    const all = Array.from({ length: 20 }, (_, number) =>
      Array.from({ length: 10 }, (_, index) => replicaHost({ number, above: 110 }, index)),
    ).flat();
    expect(new Set(all).size).toBe(200);
    expect(all.filter((host) => host < 110 || (host > 127 && host < 200))).toEqual([]);
  });

  it('have variables and secrets beside those of the application, and none of what they do not need', () => {
    const app = 'app: { image: "example.org/app:1", env: { DB: "{database.url}", SAME: a }, secrets: { KEY: one } }';
    const of = stack('  worker: { env: { SAME: b, OWN: "{secrets.KEY}" }, secrets: { KEY: two }, needs: { database: false } }', app);
    const [first, worker] = [service(of, 'app-1'), service(of, 'worker-1')];
    expect([first?.environment.SAME, worker?.environment.SAME]).toEqual(['a', 'b']);
    expect([first?.environment.KEY_FILE, worker?.environment.KEY_FILE]).toEqual(['/run/secrets/KEY', '/run/secrets/worker.KEY']);
    expect(worker?.secrets.map(({ name }) => name)).toEqual(expect.arrayContaining(['worker.KEY', 'worker.env-OWN']));
    expect(worker?.secrets.map(({ name }) => name)).not.toContain('env-DB');
  });

  it('reach the hosts that they name, and no other process does by that way', () => {
    const of = stack(
      '  worker: { egress: [smtp.example.org:587], needs: { external: false } }',
      'app: { image: "x.org/a:1", egress: [api.example.org] }',
    );
    const leads = (name: string) => service(of, name)?.after.filter((other) => other.startsWith('egress'));
    expect([leads('app-1'), leads('worker-1')]).toEqual([['egress-host-1'], ['egress-host-16']]);
    const callers = (name: string) =>
      ((service(of, name)?.view.callers ?? []) as string[]).map((address) => Number(address.split('.').at(-1)));
    expect([callers('egress-host-1').includes(100), callers('egress-host-1').includes(127)]).toEqual([true, false]);
    expect([callers('egress-host-16').includes(100), callers('egress-host-16').includes(127)]).toEqual([false, true]);
    expect(service(stack('  worker: { egress: true }'), 'worker-1')?.networks).toContain('out');
    expect(stack('  worker: { egress: true }').networks.find(({ name }) => name === 'app')?.internal).toBe(true);
  });

  it('have pools of their own at the balancer, and routes at the edge of which the longest counts', () => {
    const of = stack(
      '  api: { port: 4000, paths: [/api], sticky: true }\n  admin: { port: 5000, paths: [/api/admin] }\n  shop: { port: 6000, host: shop.example.org }',
    );
    const haproxy = text(of, 'balancer/haproxy.cfg');
    expect(haproxy).toMatch(/backend admin\n[\s\S]*server admin-1 [\d.]+:5000 check\n/);
    expect(haproxy).toContain('use_backend shop if { var(txn.process) -m str shop }');
    expect(haproxy).toContain('cookie medianest_replica_api insert');
    const upstream = text(of, 'edge/upstream.conf');
    const routes = [...upstream.matchAll(/^ {2}"~(\^.*)" (\w+);$/gm)].map(
      ([, pattern, process]) => [new RegExp(pattern as string), process] as const,
    );
    const routed = (url: string) => routes.find(([pattern]) => pattern.test(url))?.[1] ?? 'app';
    expect(
      ['a.org/', 'a.org/api', 'a.org/api?x', 'a.org/apiary', 'a.org/api/admin/x', 'a.org/x/api', 'shop.example.org/api'].map(routed),
    ).toEqual(['app', 'api', 'api', 'app', 'admin', 'app', 'shop']);
    expect(text(of, 'edge/nginx.conf')).toContain('shop.example.org');
  });

  it('stand directly behind the edge where there is no balancer', () => {
    const of = stack(THREE, AFTER, 'dev-compose');
    expect(text(of, 'edge/upstream.conf')).toMatch(
      /upstream backend \{\n.*\n {2}server [\d.]+:4000 max_fails=2[^\n]*\n {2}server [\d.]+:4000/,
    );
    expect(service(of, 'edge')?.after).toContain('backend-2');
  });

  it('have alerts of their own', () => {
    expect(text(stack(THREE), 'prometheus/rules-services.yml')).toContain('NoReplicaOfProcessReady');
    expect(text(stackOf(load({ flags: { profile: 'staging' } })), 'prometheus/rules-services.yml')).toBe('');
  });

  it('are watched by the agent, each with all replicas that there may be', () => {
    const of = stack(THREE, AFTER, 'prod');
    expect(JSON.stringify(service(of, 'engine-proxy')?.view.changes)).toContain('backend-10');
  });
});

describe('refused with its setting', () => {
  it.each([
    [
      'a route claimed twice',
      '  a: { port: 1, paths: [/api] }\n  b: { port: 2, paths: [/api] }',
      /services\.b claims \/api, which services\.a claims too/,
    ],
    [
      'all that is the application’s',
      '  a: { port: 1, host: localhost }',
      /services\.a claims localhost\/, which is a name of the application/,
    ],
    ['the root', '  a: { port: 1, paths: [/] }', /services\.a\.paths\.0: should be the beginning of a path/],
    ['the name of a component', '  edge: { port: 1 }', /services\.edge: edge is the name of a part of medianest/],
    ['the name of one that is off', '  postgres: {}', /services\.postgres: postgres is the name of a part/],
    ['the name of the first process', '  app: {}', /app is the name of a part/],
    ['the name of a key', '  database: {}', /database is the name of a part/],
    ['a name of the balancer’s', '  portal: { port: 1 }', /services\.portal.*is the name of a part of medianest/],
    ['a name with a number', '  web-2: { port: 1 }', /services\.web-2.*without a number at its end/],
    ['a circle', '  a: { after: [b] }\n  b: { after: [a] }', /leads in a circle: a after b after a/],
    ['an unknown one before it', '  a: { after: [c] }', /services\.a\.after names c, and there is no such process/],
    ['a path without a port', '  a: { paths: [/x] }', /services\.a\.paths: needs a `port`/],
    [
      'a variable of what it does not need',
      '  a: { env: { X: "{database.url}" }, needs: { database: false } }',
      /names \{database\.url\}, and services\.a\.needs/,
    ],
    ['another user of shared volumes', '  a: { user: "5:5", needs: { uploads: true } }', /services\.a\.user is 5:5, and it shares volumes/],
  ])('%s', (_what, services, message) => {
    expect(() => stack(services)).toThrow(message);
  });

  it('a store that is switched off', () => {
    const off = (name: string) => `components: { ${name}: false }\napp: { image: "example.org/app:1" }`;
    expect(() => stack('  a: {}', off('redis'), 'dev-compose')).toThrow(/services\.a needs the cache, and none is switched on/);
    expect(() => stack('  a: {}', off('postgres'), 'dev-compose')).toThrow(/services\.a needs the database, and none is switched on/);
  });
});

describe('a release of several processes', () => {
  it('is in the order that they say, and otherwise as they stand', () => {
    expect(releaseOrder({ app: ['api'], worker: ['app'], api: [] })).toEqual(['api', 'app', 'worker']);
    expect(releaseOrder({ app: [], b: [], a: [] })).toEqual(['app', 'b', 'a']);
  });

  it('replaces them in that order, workers without their balancer, and never two of a process at once', () => {
    const [before, next] = ['1', '2'].map((tag) => stack(THREE, AFTER.replace(':1', `:${tag}`))) as [Stack, Stack];
    const was = rendered(before);
    const containers = before.services.filter(({ oneOff }) => !oneOff).map(({ name }) => runningContainer(name, was.inputs[name]));
    const now = rendered(next);
    const { steps } = planUp(next, now, settledFacts(now, containers, { serving: ['app-1', 'app-2', 'backend-2'], missingImages: [] }));
    const replaced = steps.flatMap((step) =>
      step.kind === 'replace' ? [[step.service, step.others]] : step.kind === 'replace-worker' ? [[step.service, step.drains.seconds]] : [],
    );
    expect(replaced).toEqual([
      ['backend-1', 1],
      ['backend-2', 1],
      ['app-1', 1],
      ['app-2', 1],
      ['worker-1', 45],
    ]);
    expect(
      steps.flatMap((step) => (step.kind === 'compose-up' ? step.services : [])).filter((name) => /^(app|backend|worker)-/.test(name)),
    ).toEqual([]);
  });

  it('takes processes with it that have come or gone, and their images', () => {
    const loaded = settings('  backend: { port: 4000, image: "example.org/api:2" }\n  worker: {}');
    const { app = {}, services = {} } = loaded.settings as Record<string, Record<string, object> | undefined>;
    const old = { ...appVersion(app, { backend: services.backend }), image: 'example.org/app:0' };
    const overrides: Overrides = {
      app: { release: 'r1', ref: 'kept/app:r1', refs: { backend: 'kept/api:r1' }, version: old, instead: appIdentity(app, 'x', services) },
    };
    const of = stackOf(loaded, registry, () => 'fixed', overrides);
    expect([service(of, 'app-1')?.image.ref, service(of, 'backend-1')?.image.ref, service(of, 'worker-1')]).toEqual([
      'kept/app:r1',
      'kept/api:r1',
      undefined,
    ]);
  });

  it('is the same version whether there are no processes or none were known', () => {
    expect(appVersion({ port: 1 }, {})).toEqual(appVersion({ port: 1 }));
  });

  it('has replicas by `scale` until the setting says something else', () => {
    const of = (instead: number) => stackOf(settings(THREE), registry, () => 'fixed', { scaled: { backend: { count: 3, instead } } });
    expect([service(of(2), 'backend-3')?.name, service(of(1), 'backend-3')]).toEqual(['backend-3', undefined]);
  });

  it('is told process by process by health', () => {
    const replicas = stack(THREE, AFTER).services.filter(({ role }) => role === 'application');
    expect(replicaChecks('balancer', replicas, ['app-1', 'app-2', 'backend-1'])).toMatchObject([
      { id: 'replicas', status: 'ok', value: 2 },
      { id: 'replicas.backend', status: 'warn', message: 'backend: 1 of 2 replicas serve visitors' },
    ]);
  });
});
