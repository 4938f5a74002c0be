import { describe, expect, it } from 'vitest';
import { capabilities } from '../../../src/capabilities.ts';
import type { Step } from '../../../src/capability/capability.ts';
import { internalCa } from '../../../src/certificates/ca/internal-ca.ts';
import { renewalCause } from '../../../src/certificates/plan/renewal.ts';
import { Secret } from '../../../src/core/secret.ts';
import type { ObservedContainer } from '../../../src/docker/types.ts';
import { healthReport } from '../../../src/health/plan/health.ts';
import { statusReport } from '../../../src/health/plan/status.ts';
import { describeStep, kindsOf } from '../../../src/project/execute.ts';
import { appliedValue, type UpFacts } from '../../../src/reconcile/plan/facts.ts';
import { planUp } from '../../../src/reconcile/plan/up.ts';
import { resolveStackSecrets } from '../../../src/secrets/plan/secrets.ts';
import { toManifest } from '../../../src/stack/manifest.ts';
import type { CertificateSpec } from '../../../src/stack/types.ts';
import { runningContainer, settledFacts } from '../../support/plan-facts.ts';
import { load, rendered, stackOf } from '../../support/settings.ts';

const make = (file = '') => {
  const stack = stackOf(load({ file, flags: { profile: 'dev-compose' } }));
  return { stack, files: rendered(stack) };
};
const now = make();

const container = (service: string, more: Partial<ObservedContainer> = {}) =>
  runningContainer(service, now.files.inputs[service], { component: service, ...more });
const all = now.stack.services.map((service) => container(service.name));

const facts = (more: Partial<UpFacts> = {}): UpFacts =>
  settledFacts(now.files, all, { applied: { edge: appliedValue(now.files.configs.edge, ['01']) }, installed: { edge: '01' }, ...more });
const plan = (more: Partial<UpFacts> = {}, wanted = now) => planUp(wanted.stack, wanted.files, facts(more));
const others = (name: string) => all.filter((entry) => entry.service !== name);
const kinds = (steps: readonly Step[]) => steps.map((step) => step.kind);

describe('up', () => {
  it('has nothing to do when everything is as wanted', () => {
    const { changes, steps, files } = plan();
    expect([steps, files, new Set(changes.map((change) => change.action))]).toEqual([[], [], new Set(['keep'])]);
  });
  it('sets owners and modes of what is mounted before a container starts, and replaces none for it', () => {
    const mends = [
      { path: 'secrets/redis/redis-password', mode: 0o400, uid: 10003 },
      { path: 'config/redis', mode: 0o755 },
    ];
    const alone = plan({ mends });
    expect([kinds(alone.steps), new Set(alone.changes.map((change) => change.action))]).toEqual([['mend'], new Set(['keep'])]);
    expect(describeStep(kindsOf(capabilities), alone.steps[0] as Step)).toBe(
      'set owner and mode of secrets/redis/redis-password and 1 more path in the state folder',
    );
    const started = kinds(plan({ mends, containers: [] }).steps);
    expect(started.indexOf('mend')).toBeGreaterThanOrEqual(0);
    expect(started.indexOf('mend')).toBeLessThan(started.indexOf('compose-up'));
  });
  it.each<[string, Partial<UpFacts>, string, string, RegExp]>([
    ['is not there', { containers: others('redis') }, 'redis', 'create', /not there yet/],
    ['has stopped', { containers: [...others('redis'), container('redis', { state: 'exited' })] }, 'redis', 'start', /exited/],
    ['was only created', { containers: [...others('redis'), container('redis', { state: 'created' })] }, 'redis', 'start', /created/],
    ['is not healthy yet', { containers: [...others('redis'), container('redis', { health: 'starting' })] }, 'redis', 'start', /starting/],
    ['is unhealthy', { containers: [...others('redis'), container('redis', { health: 'unhealthy' })] }, 'redis', 'start', /unhealthy/],
    [
      'was started from a folder that is gone',
      { containers: [...others('redis'), container('redis', { stateFolder: '/old' })] },
      'redis',
      'recreate',
      /moved from \/old/,
    ],
    [
      'is of another version',
      { containers: [...others('redis'), container('redis', { inputs: undefined })] },
      'redis',
      'recreate',
      /another version/,
    ],
    ['is not wanted any more', { containers: [...all, container('kibana')] }, 'kibana', 'remove', /no longer part/],
    ['has read another configuration', { applied: { edge: 'old 01' } }, 'edge', 'reload', /configuration/],
    ['has read another certificate', { installed: { edge: '02' } }, 'edge', 'reload', /certificate/],
    ['has a certificate that is due', { dueCertificates: { edge: 'expires on 2027-01-01' } }, 'edge', 'reload', /expires/],
  ])('sees that a container %s', (_name, more, service, action, cause) => {
    const { changes } = plan(more);
    expect(changes.filter((change) => change.action !== 'keep')).toEqual([
      expect.objectContaining({ service, action, cause: expect.stringMatching(cause) }),
    ]);
  });
  it.each([
    ['app: { logLevel: warn }', 'app-1', /environment\.LOG_LEVEL/],
    ['postgres: { maxConnections: 50 }', 'postgres', /configuration files/],
    ['redis: { memory: 256m }', 'redis', /mem_limit/],
    ['images: { redis: "mine/redis:1" }', 'redis', /image/],
  ])('tells what %s recreates, why, and what it costs', (file, service, cause) => {
    const { changes } = plan({}, make(file));
    const [change, ...rest] = changes.filter((entry) => entry.action !== 'keep');
    expect(rest).toEqual([]);
    expect(change).toMatchObject({
      service,
      action: 'recreate',
      cause: expect.stringMatching(cause),
      downtime: expect.stringMatching(/^about|^none/),
      dataRisk: expect.any(String),
    });
  });
  it('removes the successor that an interrupted recreation left behind, and nothing else', () => {
    const leftover = container('redis', { id: 'left', name: '0123456789ab_medianest-redis-1', state: 'created' });
    const { steps } = plan({ containers: [...all, leftover] });
    expect(steps.filter((step) => step.kind === 'remove-container')).toEqual([expect.objectContaining({ id: 'left' })]);
  });
  it('prepares everything that can fail before it touches a container', () => {
    const fresh = {
      containers: [],
      files: [],
      missingImages: now.stack.images.map((image) => image.ref),
      changedSecrets: ['database-password'],
      unplaced: ['postgres'],
      dueCertificates: { edge: 'is not there yet' },
      liveConfigs: {},
      applied: {},
      subnetsChanged: true,
    };
    const order = kinds(plan(fresh).steps);
    expect(order.filter((kind, index) => order.indexOf(kind) === index)).toEqual(
      [
        'build-image',
        'create-volume',
        'remember-subnets',
        'create-secrets',
        'place-secrets',
        'issue-certificate',
        'write-files',
        'activate-config',
        'compose-up',
        'mark-applied',
      ].sort((a, b) => order.indexOf(a as Step['kind']) - order.indexOf(b as Step['kind'])),
    );
    const up = order.indexOf('compose-up');
    for (const kind of ['build-image', 'create-secrets', 'place-secrets', 'issue-certificate', 'write-files', 'activate-config'] as const)
      expect(order.lastIndexOf(kind)).toBeLessThan(up);
    expect(order.lastIndexOf('build-image')).toBeLessThan(
      Math.min(...order.flatMap((kind, index) => (kind === 'build-image' ? [] : [index]))),
    );
  });
  it('mounts a new NFS export once, after the images are there and before anything is written', () => {
    const media = '{ kind: nfs, server: nas.lan, export: /films }';
    const wanted = make(`app: { replicas: 2, media: ${media} }`);
    const { steps } = plan({ missingImages: now.stack.images.map((image) => image.ref) }, wanted);
    const order = kinds(steps);
    expect(order.filter((kind) => kind === 'prove-mount')).toHaveLength(1);
    expect(order.indexOf('prove-mount')).toBeGreaterThan(order.lastIndexOf('build-image'));
    expect(order.indexOf('prove-mount')).toBeLessThan(order.indexOf('write-files'));
    expect(kinds(plan().steps)).not.toContain('prove-mount');
  });
  it('describes every step in one line', () => {
    const steps = plan({ containers: [], files: [], missingImages: now.stack.images.map((image) => image.ref) }).steps;
    for (const step of steps) expect(describeStep(kindsOf(capabilities), step)).toMatch(/^[a-z][^\n]+$/);
  });
});

describe('secrets', () => {
  const specs = [
    { name: 'password', source: { generate: true as const } },
    { name: 'url', source: { format: 'postgresql://u:{password}@h/db' } },
  ];
  let count = 0;
  const random = () => `random-${count++}`;

  it('are made once and kept', () => {
    const first = resolveStackSecrets(specs, undefined, random, 'now');
    const second = resolveStackSecrets(specs, first.store, random, 'later');
    expect([first.changed, second.changed]).toEqual([['password'], []]);
    expect(second.fingerprints).toEqual(first.fingerprints);
  });
  it('survive a URL byte for byte', () => {
    for (const value of ['a\'b"c$d#e f\n', '%25/@:?&=+', '!*()', 'é🦊', '\\${X}']) {
      const { values } = resolveStackSecrets(
        [{ name: 'password', source: { given: new Secret(value) } }, specs[1] as (typeof specs)[1]],
        undefined,
        random,
        'now',
      );
      expect(decodeURIComponent(new URL((values.url as Secret).reveal()).password)).toBe(value);
    }
  });
  it('have fingerprints that depend on a key of the installation', () => {
    const given = [{ name: 'password', source: { given: new Secret('same') } }];
    const [a, b] = [resolveStackSecrets(given, undefined, random, 'now'), resolveStackSecrets(given, undefined, random, 'now')];
    expect(a.fingerprints.password).not.toBe(b.fingerprints.password);
  });
});

describe('renewal', () => {
  const spec: CertificateSpec = { name: 'edge', subjects: ['media.example', '127.0.0.1', '::1'], issuer: 'internal-ca', days: 90 };
  const start = new Date('2026-01-01T00:00:00Z');
  const day = (days: number) => new Date(start.getTime() + days * 86_400_000);
  const issued = internalCa({ load: () => undefined, save: () => {} }, 'test').issue(spec, start);

  it.each([
    [0, undefined],
    [59, undefined],
    [61, /expires on 2026-04-01/],
    [91, /expired on/],
    [-2, /not valid yet/],
  ])('after %i days: %s', async (days, cause) => {
    const told = renewalCause(spec, (await issued).certificate, day(days));
    if (cause) expect(told).toMatch(cause);
    else expect(told).toBeUndefined();
  });
  it('is due when a name was added, and when there is none', async () => {
    expect(renewalCause({ ...spec, subjects: [...spec.subjects, 'new.example'] }, (await issued).certificate, start)).toMatch(
      /lacks the name new\.example/,
    );
    expect(renewalCause(spec, undefined, start)).toMatch(/not there/);
  });
});

describe('reports', () => {
  const manifest = toManifest(now.files, now.stack);
  it.each([
    ['running', all],
    ['partial', others('redis')],
    ['stopped', []],
  ] as const)('status is %s', (state, containers) => {
    const report = statusReport('medianest', 'dev-compose', manifest, containers);
    expect([report.state, report.services.length, report.urls]).toEqual([state, 5, state === 'stopped' ? [] : ['https://localhost:8443/']]);
  });
  it.each([
    ['ok', all],
    ['warn', [...others('redis'), container('redis', { health: 'starting' })]],
    ['fail', others('redis')],
    ['fail', [...others('redis'), container('redis', { health: 'unhealthy' })]],
    ['fail', [...others('redis'), container('redis', { state: 'paused' })]],
  ] as const)('health is %s', (status, containers) => {
    const report = healthReport(manifest, containers);
    expect(report.status).toBe(status);
    for (const check of report.checks) expect(check.status === 'ok' || check.remedy).toBeTruthy();
  });
  it('health fails where nothing was ever started', () => {
    expect(healthReport(undefined, [])).toMatchObject({ status: 'fail', checks: [{ remedy: 'medianest up' }] });
  });
});
