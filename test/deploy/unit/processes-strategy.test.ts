import { describe, expect, it } from 'vitest';
import type { Context } from '../../../src/capability/capability.ts';
import { deploy } from '../../../src/deploy/capability.ts';
import { candidateOf, deployedOf, deploySteps, servicesIn, unroutedIn } from '../../../src/deploy/plan/deploy.ts';
import { migratedSince } from '../../../src/deploy/plan/migrated.ts';
import type { Release } from '../../../src/deploy/plan/releases.ts';
import { readReleases } from '../../../src/deploy/store/release-store.ts';
import { appliedValue, type UpFacts } from '../../../src/reconcile/plan/facts.ts';
import type { Step } from '../../../src/reconcile/plan/step.ts';
import { planUp } from '../../../src/reconcile/plan/up.ts';
import { applyOverrides, appVersion, type Overrides } from '../../../src/stack/overrides.ts';
import { StateFolder } from '../../../src/state/state.ts';
import { runningContainer, settledFacts } from '../../support/plan-facts.ts';
import { load, rendered, stackOf } from '../../support/settings.ts';
import { temporaryFolder } from '../../support/temporary.ts';

const SERVICES = `services:
  backend: { port: 4000, paths: [/api], command: [node, api.js] }
  worker: { command: [node, worker.js], stop: { seconds: 45 } }
`;
const make = (app: string) => {
  const stack = stackOf(load({ file: `app: { ${app} }\n${SERVICES}`, flags: { profile: 'prod' } }));
  return { stack, files: rendered(stack) };
};
type Made = ReturnType<typeof make>;

function factsOf({ stack, files }: Made, more: Partial<UpFacts> = {}): UpFacts {
  const containers = stack.services
    .filter(({ oneOff }) => !oneOff)
    .map(({ name, image }) => runningContainer(name, files.inputs[name], { image: image.ref }));
  const applied = Object.fromEntries(
    stack.services.map(({ name, certificate }) => [name, appliedValue(files.configs[name], certificate ? ['01'] : [])]),
  );
  const installed = Object.fromEntries(stack.certificates.map(({ name }) => [name, '01']));
  return settledFacts(files, containers, { applied, installed, ...more });
}

const TOUCHES: Step['kind'][] = [
  ...(['make-restore-point', 'run-one-off', 'compose-up', 'replace', 'replace-worker', 'stop-worker'] as const),
  ...(['switch-replicas', 'remove-services', 'admit'] as const),
];
const acts = (steps: readonly Step[]) =>
  steps
    .filter(({ kind }) => TOUCHES.includes(kind))
    .map((step) => {
      if (step.kind === 'switch-replicas') return `switch from ${step.from.join(' ')}`;
      if ('services' in step) return `${step.kind} ${step.services.join(' ')}`;
      return `${step.kind} ${'service' in step ? String(step.service) : ''}`;
    });

describe('an `up` that fails', () => {
  it('after its migration is a release that failed, with the migration; before it, it is none', async () => {
    const state = new StateFolder(temporaryFolder('failed-up'));
    state.open();
    const loaded = load({ file: 'app: { image: "x:1" }', flags: { profile: 'prod' } });
    const run = {
      ...{
        project: { loaded, state },
        stack: stackOf(loaded),
        only: undefined,
        changed: [],
        started: new Date(),
        seconds: 3,
        command: 'up',
      },
      engine: { image: async () => ({ id: 'sha256:1', digests: [] }) },
    };
    await deploy.up?.failed?.({ ...run, noted: {} } as never, new Error('no'));
    expect(readReleases(state)).toEqual([]);
    await deploy.up?.failed?.(
      { ...run, noted: { migrated: true, restorePoint: 's1' } } as never,
      new Error('app-1 is not healthy\nits log'),
    );
    const [release] = readReleases(state);
    expect(release).toMatchObject({ ...{ id: 'r1', result: 'failed', error: 'app-1 is not healthy', migrated: true, restorePoint: 's1' } });
    const served = { ...(release as Release), id: 'r0', result: 'deployed' as const };
    expect(migratedSince([served, release as Release], served)).toMatchObject({ releases: ['r1'], restorePoint: 's1' });
  });
});

describe('a process that a deploy adds', () => {
  it('has no routes at the edge before an `up`; a worker needs none', () => {
    const before = stackOf(load({ file: 'app: { image: "x:1" }', flags: { profile: 'prod' } }));
    const { stack } = make('image: "x:1"');
    expect([unroutedIn(before, stack), unroutedIn(stack, stack), unroutedIn(stack, before)]).toEqual([['backend'], [], []]);
  });
});

describe('a migration, of an application with several processes', () => {
  it('comes before whichever process is replaced first', () => {
    const [before, after] = [make('image: "x:1", after: [backend, worker]'), make('image: "x:2", after: [backend, worker], migrate: [m]')];
    const { steps } = planUp(after.stack, after.files, factsOf(before, { deploying: true }));
    const only = acts(deploySteps(steps, after.stack)).filter((act) => /^(make|run|replace)/.test(act));
    expect(only.slice(0, 4)).toEqual([
      'make-restore-point app-migrate',
      'run-one-off app-migrate',
      'replace backend-1',
      'replace-worker worker-1',
    ]);
  });
  it('comes before the first start of any of them', () => {
    const { stack, files } = make('image: "x:1", migrate: [m]');
    const started = acts(planUp(stack, files, settledFacts(files, [])).steps);
    const run = started.indexOf('run-one-off app-migrate');
    expect(run).toBeGreaterThan(0);
    expect(started.slice(0, run).join(' ')).not.toMatch(/backend-1|worker-1|app-1/);
    expect(started.slice(0, run).join(' ')).toMatch(/postgres/);
    expect(started.slice(run).join(' ')).toMatch(/backend-1/);
  });
});

describe('recreate, of an application with several processes', () => {
  const [before, after] = [make('image: "x:1", strategy: recreate'), make('image: "x:2", strategy: recreate, migrate: [m]')];

  it('stops workers too before the first new container starts, and migrates while nothing of the old release runs', () => {
    const { steps } = planUp(after.stack, after.files, factsOf(before, { deploying: true }));
    const replicas = 'app-1 app-2 app-3 backend-1';
    expect(acts(deploySteps(steps, after.stack))).toEqual([
      'make-restore-point app-migrate',
      'stop-worker worker-1',
      `switch from ${replicas}`,
      `remove-services ${replicas}`,
      'run-one-off app-migrate',
      `compose-up ${replicas}`,
      // Of each process one first: visitors need all of them.
      ...['app-1', 'backend-1', 'app-2', 'app-3'].map((name) => `admit ${name}`),
      'replace-worker worker-1',
    ]);
  });
});

describe('recreate that was killed once the workers had stopped', () => {
  const [before, after] = [make('image: "x:1", strategy: recreate'), make('image: "x:2", strategy: recreate')];
  const facts = factsOf(before, { deploying: true });
  const containers = facts.containers.map((entry) => (entry.service === 'worker-1' ? { ...entry, state: 'exited' as const } : entry));

  it('starts no new worker beside the old replicas when it is run again', () => {
    const all = acts(planUp(after.stack, after.files, { ...facts, containers }).steps);
    expect(all.filter((act) => act.includes('worker-1'))).toEqual(['stop-worker worker-1', 'replace-worker worker-1']);
    expect(all.at(-1)).toBe('replace-worker worker-1');
  });
  it('starts the old worker again by `up`', () => {
    expect(acts(planUp(before.stack, before.files, { ...facts, containers }).steps)).toEqual(['compose-up worker-1']);
  });
});

describe('settings of the application', () => {
  it('test the first process alone by its smoke test', () => {
    const { stack } = make('image: "x:1", watchSeconds: 9, smoke: { paths: [/login] }');
    const rolling = (name: string) => stack.services.find((service) => service.name === name)?.rolling;
    expect(rolling('app-1')?.smoke?.paths).toEqual(['/login']);
    expect([rolling('backend-1')?.smoke, rolling('backend-1')?.watchSeconds]).toEqual([undefined, 9]);
  });
  it('give the passwords of the portal’s channels to the first process alone', () => {
    const { stack } = make('portal: { mail: { host: smtp.example.org, from: a@example.org, user: a, password: b } }');
    const given = (name: string) => {
      const { secrets = [], environment = {} } = stack.services.find((service) => service.name === name) ?? {};
      return [secrets.some((secret) => secret.name === 'notify-mail-password'), environment.NOTIFY_MAIL_HOST !== undefined];
    };
    expect([given('app-1'), given('backend-1'), given('worker-1')]).toEqual([
      [true, true],
      [false, false],
      [false, false],
    ]);
  });
  it('count no process that `components` switches off as part of a release', () => {
    const { settings } = load({
      file: 'components: { services: false }\napp: { image: "x:1" }\nservices: { backend: { port: 4000, image: "y:1" } }',
      flags: { profile: 'prod' },
    });
    expect([servicesIn(settings), deployedOf(settings)]).toEqual([{}, ['app', 'balancer']]);
    const app = settings.app as { image: string };
    const written = { app, portal: { name: 'app', ref: 'portal:1' }, services: servicesIn(settings) };
    const candidate = candidateOf(written, { target: undefined }, 'r1', 'p');
    expect([candidate.images, candidate.version]).toEqual([{}, appVersion(app)]);
    expect(applyOverrides(settings, candidate.overrides({}), () => 'portal:1').overrides.app?.release).toBe('r1');
  });
});

it('the edge has one protocol for all processes where no balancer stands before them', () => {
  const stack = (more: string) => {
    const file = `app: { image: "x:1", tls: true }\nservices: { backend: { image: "y:1", port: 4000, paths: [/api]${more} } }`;
    return stackOf(load({ file, flags: { profile: 'dev-compose' } }));
  };
  expect(() => stack('')).toThrow(/backend is spoken to in HTTP and `app` in TLS, and this profile has no balancer/);
  expect(rendered(stack(', tls: true')).files.find(({ path }) => path === 'edge/upstream.conf')?.contents).toMatch(
    /upstream backend \{[^}]* server [\d.]+:4000/,
  );
});

it('the edge goes to replicas of the second set itself, also where another strategy has come since', () => {
  const direct = (strategy: string, overrides: Overrides) => {
    const stack = stackOf(load({ file: `app: { strategy: ${strategy} }`, flags: { profile: 'prod' } }), undefined, undefined, overrides);
    const config = rendered(stack).files.find(({ path }) => path === 'edge/upstream.conf')?.contents ?? '';
    return [...config.matchAll(/server [\d.]+\.(\d+):\d+.* backup/g)].map(([, host]) => Number(host));
  };
  expect(direct('rolling', {})).toEqual([100, 101, 102]);
  expect(direct('rolling', { slots: { first: 6, instead: 10 } })).toEqual([100, 105, 101]);
  expect(direct('blue-green', {})).toEqual([100, 105, 101]);
});

it('each process keeps its number from one plan to the next, with a migration or without', async () => {
  for (const app of ['image: "x:1"', 'image: "x:1", migrate: [m]']) {
    const { stack, files } = make(app);
    const state = new StateFolder(temporaryFolder('processes'));
    await state.commit(files, stack, async () => {});
    const loaded = load({ file: `app: { ${app} }\n${SERVICES}`, flags: { profile: 'prod' } });
    const { facts } = (await deploy.up?.gather?.({ loaded, state }, {} as Context)) ?? {};
    expect(facts?.processNumbers).toEqual({ backend: 0, worker: 1 });
  }
});
