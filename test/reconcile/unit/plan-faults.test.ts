import { describe, expect, it } from 'vitest';
import { capabilities } from '../../../src/capabilities.ts';
import type { Step } from '../../../src/capability/capability.ts';
import { internalCa } from '../../../src/certificates/ca/internal-ca.ts';
import { certificateFacts, renewalCause } from '../../../src/certificates/plan/renewal.ts';
import { Secret } from '../../../src/core/secret.ts';
import type { ObservedContainer } from '../../../src/docker/types.ts';
import { healthReport } from '../../../src/health/plan/health.ts';
import { statusReport } from '../../../src/health/plan/status.ts';
import { describeStep, kindsOf } from '../../../src/project/execute.ts';
import { composeServices, fileChanges, recreateCause } from '../../../src/reconcile/plan/change.ts';
import { resolveStackSecrets, type StoredSecrets } from '../../../src/secrets/plan/secrets.ts';
import { toManifest } from '../../../src/stack/manifest.ts';
import type { Rendered, Service } from '../../../src/stack/types.ts';
import { load, rendered, stackOf } from '../../support/settings.ts';

const stack = stackOf(load({ flags: { profile: 'dev-compose' } }));
const files = rendered(stack);
const service = (name: string) => stack.services.find((entry) => entry.name === name) as Service;

const container = (name: string, more: Partial<ObservedContainer> = {}): ObservedContainer => ({
  id: name,
  name: `medianest-${name}-1`,
  service: name,
  number: 1,
  image: 'x',
  state: 'running',
  health: 'healthy',
  status: 'Up',
  project: 'medianest',
  component: name,
  inputs: undefined,
  stateFolder: '/state',
  addresses: {},
  ports: [],
  volumes: [],
  ...more,
});

describe('the cause of a new container', () => {
  const inputs = { definition: 'a', networks: 'b', secrets: 'c', config: 'd', certificate: 'e' };
  const label = (more: object = {}) => JSON.stringify({ ...inputs, ...more });
  const told = (old: string | undefined, now: string, before?: object, after?: object) =>
    recreateCause(service('postgres'), old, now, before as never, after as never);

  it.each<[string, object, RegExp]>([
    ['networks', { networks: 'x' }, /^changed: the address range or reach of its networks$/],
    ['secrets', { secrets: 'x' }, /^changed: a secret it reads \(database-password\)$/],
    ['config', { config: 'x' }, /^changed: its configuration files$/],
    ['certificate', { certificate: 'x' }, /^changed: its certificate$/],
    ['override', { override: 'x' }, /^changed: compose\.override\.yml$/],
    ['two at once', { config: 'x', secrets: 'x' }, /a secret it reads .*; its configuration files$/],
  ])('is told in words: %s', (_name, more, message) => {
    expect(told(label(), label(more))).toMatch(message);
  });
  it('names what differs in the definition, four at most, and never a value', () => {
    const before = { image: 'a:1', environment: { A: 'planted', B: '1' }, labels: { x: '1' } };
    const after = { image: 'a:2', environment: { A: 'planted2', C: '1' }, labels: { x: '2' } };
    expect(told(label(), label({ definition: 'x' }), before, after)).toBe('changed: image, environment.A, environment.B, environment.C');
    const many = Object.fromEntries(Array.from({ length: 7 }, (_, i) => [`k${i}`, i]));
    expect(told(label(), label({ definition: 'x' }), { a: many }, { a: {} })).toBe('changed: a.k0, a.k1, a.k2, a.k3, and 3 more');
    expect(told(label(), label({ definition: 'x' }))).toBe('changed: its definition');
  });
  it.each([undefined, '', 'no JSON'])('says so where the label %j is not from here', (old) => {
    expect(told(old, label())).toBe('its label is from another version of medianest');
  });
});

describe('the Compose file on disk', () => {
  it.each(['services: [', '', 'a text', '- a list', 'x: *nowhere', '\u0000'])('may be anything after an edit by hand: %j', (text) => {
    expect(composeServices(text)).toEqual({});
  });
  it('is compared file by file', () => {
    const file = (path: string, contents: string) => ({ path, contents, mode: 0o644 });
    const next = { files: [file('same', '1'), file('new', '1'), file('other', '2')] } as unknown as Rendered;
    expect(fileChanges(next, [file('same', '1'), file('other', '1'), file('gone', '1')])).toEqual([
      { path: 'new', action: 'create' },
      { path: 'other', action: 'change' },
      { path: 'gone', action: 'remove' },
    ]);
  });
});

describe('secrets', () => {
  const specs = [
    { name: 'password', source: { generate: true as const } },
    { name: 'url', source: { format: 'redis://:{password}@h:6379/0' } },
  ];
  const given = (value: string) => [{ name: 'password', source: { given: new Secret(value) } }, specs[1] as (typeof specs)[1]];
  let count = 0;
  const random = (bytes: number) => `${bytes} random ${count++}`;
  const resolve = (wanted: Parameters<typeof resolveStackSecrets>[0], stored?: StoredSecrets) =>
    resolveStackSecrets(wanted, stored, random, 'now');

  it('change when the operator gives another value, with every secret composed of it', () => {
    const first = resolve(given('one'));
    const second = resolve(given('two'), first.store);
    expect([second.changed, second.store.values.password?.origin]).toEqual([['password'], 'given']);
    expect(second.fingerprints.url).not.toBe(first.fingerprints.url);
    expect(resolve(given('two'), second.store).changed).toEqual([]);
  });
  it('keep a value that was given once when it is not given any more, because the database knows it', () => {
    const first = resolve(given('one'));
    const second = resolve(specs, first.store);
    expect([second.changed, second.values.password?.reveal()]).toEqual([[], 'one']);
  });
  it('keep values of services that are off for the moment', () => {
    const first = resolve(specs);
    const off = resolve([], first.store);
    expect(resolve(specs, off.store).values.password?.reveal()).toBe(first.values.password?.reveal());
  });
  it('change neither what was stored before nor show a value in what they return', () => {
    const first = resolve(given('planted'));
    const before = structuredClone(first.store);
    const second = resolve(given('other'), first.store);
    expect(first.store).toEqual(before);
    expect(JSON.stringify({ values: second.values, fingerprints: second.fingerprints, changed: second.changed })).not.toMatch(
      /planted|other/,
    );
  });
  it('come back byte for byte from the addresses that hold them', () => {
    const alphabet = [...'aZ09 \'"$`\\#%/?:@&=+!*(){}[]<>|^~\n\r\t\u0001é漢🦊\u2028'];
    let state = 4711;
    const next = (limit: number) => {
      state = (state * 48_271) % 2_147_483_647;
      return state % limit;
    };
    for (let i = 0; i < 300; i++) {
      const value = Array.from({ length: 1 + next(40) }, () => alphabet[next(alphabet.length)]).join('');
      const url = resolve(given(value)).values.url?.reveal() ?? '';
      expect(decodeURIComponent(new URL(url).password)).toBe(value);
      expect(url).toMatch(/^redis:\/\/:[\w.~%-]+@h:6379\/0$/);
    }
  });
});

describe('renewal', () => {
  const start = new Date('2026-01-01T00:00:00Z');
  const spec = { name: 'edge', subjects: ['a.example', '::1'], issuer: 'internal-ca', days: 90 };
  const pem = internalCa({ load: () => undefined, save: () => {} }, 'test')
    .issue(spec, start)
    .then((issued) => issued.certificate);
  const cause = async (now: Date, subjects = spec.subjects) => renewalCause({ ...spec, subjects }, await pem, now);

  it('begins right after two thirds of the lifetime, and not a second before', async () => {
    const { notBefore, notAfter } = certificateFacts(await pem);
    const edge = notAfter.getTime() - (notAfter.getTime() - notBefore.getTime()) / 3;
    expect(await cause(new Date(edge))).toBeUndefined();
    expect(await cause(new Date(edge + 1))).toMatch(/^expires on/);
    expect(await cause(new Date(notAfter.getTime() - 1))).toMatch(/^expires on/);
    expect(await cause(notAfter)).toMatch(/^expired on/);
    expect(await cause(notBefore)).toBeUndefined();
    expect(await cause(new Date(notBefore.getTime() - 1))).toBe('is not valid yet');
  });
  it.each([
    [['a.example', '0:0:0:0:0:0:0:1'], undefined],
    [['A.EXAMPLE'], undefined],
    [['a.example', '::2'], 'lacks the name ::2'],
    [['a.example', '10.0.0.1', 'b.example'], 'lacks the name 10.0.0.1, b.example'],
  ])('with the names %j: %s', async (subjects, told) => {
    expect(await cause(start, subjects)).toBe(told);
  });
  it('replaces one that may not be used by a client where it has to', async () => {
    expect(renewalCause({ ...spec, client: true }, await pem, start)).toMatch(/may be used by a client/);
    const store = { load: () => undefined, save: () => {} };
    const issued = await internalCa(store, 'test').issue({ ...spec, client: true }, start);
    expect(renewalCause({ ...spec, client: true }, issued.certificate, start)).toBeUndefined();
  });
  it('replaces one that the internal CA has revoked', async () => {
    const own = await internalCa({ load: () => undefined, save: () => {} }, 'test').issue(spec, start);
    const cause = (revoked: string[]) => renewalCause(spec, own.certificate + own.chain, start, { roots: [own.root as string], revoked });
    expect([cause([own.serial]), cause(['00'])]).toEqual(['is revoked', undefined]);
  });
  it('replaces one of an authority that is not trusted', async () => {
    const issued = () => internalCa({ load: () => undefined, save: () => {} }, 'test').issue(spec, start);
    const [own, other] = await Promise.all([issued(), issued()]);
    const chain = own.certificate + own.chain;
    expect(renewalCause(spec, chain, start, { roots: [own.root as string], revoked: [] })).toBeUndefined();
    expect(renewalCause(spec, chain, start, { roots: [other.root as string], revoked: [] })).toMatch(/authority that is not trusted/);
    expect(renewalCause({ ...spec, issuer: 'acme' }, chain, start, { roots: [own.root as string], revoked: [] })).toMatch(/^stands in/);
    expect(renewalCause({ ...spec, issuer: 'imported' }, chain, start, { roots: [other.root as string], revoked: [] })).toBeUndefined();
    expect(renewalCause({ ...spec, issuer: 'self-signed' }, chain, start, { roots: [own.root as string], revoked: [] })).toMatch(
      /not self-signed/,
    );
  });
  it.each(['', 'no certificate', '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n'])(
    'replaces what is damaged: %j',
    (text) => {
      expect(renewalCause(spec, text, start)).toBe('is damaged');
    },
  );
});

describe('reports', () => {
  const manifest = toManifest(files, stack);
  it('show a container that nobody expects, and one that is missing', () => {
    const report = statusReport('medianest', 'dev', manifest, [container('stranger', { addresses: { medianest_db: '10.0.0.5' } })]);
    expect(report.services.map((entry) => [entry.name, entry.state])).toEqual([
      ['app-1', 'missing'],
      ['backup', 'missing'],
      ['edge', 'missing'],
      ['postgres', 'missing'],
      ['redis', 'missing'],
      ['stranger', 'running'],
    ]);
    expect([report.profile, report.state, report.services[5]?.addresses]).toEqual(['dev-compose', 'partial', { db: '10.0.0.5' }]);
  });
  it('put app-10 after app-9', () => {
    const names = [10, 9, 1].map((i) => container(`app-${i}`));
    expect(statusReport('medianest', 'x', undefined, names).services.map((entry) => entry.name)).toEqual(['app-1', 'app-9', 'app-10']);
    expect(healthReport(undefined, names).checks.map((check) => check.id)).toEqual([
      'container.app-1',
      'container.app-9',
      'container.app-10',
    ]);
  });
  it.each(['exited', 'dead', 'created', 'restarting', 'paused'])(
    'call a container that is %s a failure, with a command that helps',
    (state) => {
      const [check] = healthReport(undefined, [container('redis', { state, health: 'none' })]).checks;
      expect([check?.status, check?.remedy]).toEqual(['fail', expect.stringMatching(/medianest|docker/)]);
    },
  );
});

describe('restarts by the engine', () => {
  const now = Date.parse('2026-03-01T10:00:00Z');
  const lives = (restarts: number) => ({ 'id-redis': { restarts, created: now - 120_000, started: now - 20_000 } });
  const redis = [container('redis', { id: 'id-redis', status: 'Up 1 minute (healthy)' })];
  it.each([
    [0, 'ok', 'redis: Up 1 minute (healthy)'],
    [1, 'warn', 'redis: Up 1 minute (healthy); restarted once, 20 s ago'],
    [5, 'fail', 'redis: Up 1 minute (healthy); restarted 5 times, last 20 s ago: it ends again and again'],
  ])('%i of them', (restarts, status, message) => {
    const [check] = healthReport(undefined, redis, [], lives(restarts), now).checks;
    expect(check).toMatchObject({ id: 'container.redis', status, message, value: 'healthy' });
    expect(check?.remedy).toEqual(status === 'ok' ? undefined : expect.stringContaining('medianest logs redis'));
  });
  it('are counted by status where there are any', () => {
    const counted = (restarts: number) =>
      statusReport('medianest', 'x', undefined, redis, { traffic: {}, members: {}, notes: [], lives: lives(restarts) }).services[0];
    expect([counted(0)?.restarts, counted(4)?.restarts]).toEqual([undefined, 4]);
    expect(counted(0)).not.toHaveProperty('restarts');
  });
});

describe('a step is told in one line', () => {
  const image = { name: 'x', ref: 'medianest/x:1' };
  const certificate = { name: 'edge', subjects: ['a', 'b'], issuer: 'i', days: 1 };
  const redis = service('redis');
  it.each<[Step, string]>([
    [{ kind: 'build-image', image, cause: '' }, 'build image medianest/x:1'],
    [{ kind: 'pull-image', ref: 'x:1', cause: '' }, 'pull image x:1'],
    [{ kind: 'create-secrets', names: ['a', 'b'], cause: '' }, 'store 2 secrets (a, b)'],
    [{ kind: 'create-secrets', names: ['a'], cause: '' }, 'store 1 secret (a)'],
    [
      { kind: 'remember-subnets', subnets: { db: '10.0.0.0/16' }, reach: { isolated: false, appClosed: true }, cause: '' },
      'remember the address ranges (db 10.0.0.0/16)',
    ],
    [{ kind: 'write-files', rendered: files, stack, changed: ['a'], cause: '' }, 'write 1 file'],
    [{ kind: 'issue-certificate', certificate, uid: 1, image: 'x', cause: '' }, 'issue certificate edge for a, b'],
    [{ kind: 'place-secrets', service: redis, image: 'x', cause: '' }, 'hand secrets to redis'],
    [
      { kind: 'prove-mount', nfs: { server: 'nas', port: 2049, export: '/films', options: '' }, image: 'x', cause: '' },
      'mount nas:/films once',
    ],
    [{ kind: 'activate-config', service: 'redis', hash: 'x', cause: '' }, 'switch the configuration of redis'],
    [{ kind: 'remove-container', id: 'x', name: 'n', cause: '' }, 'remove container n'],
    [
      { kind: 'compose-up', services: ['a', 'b'], forced: [], alone: false, waitSeconds: 1, cause: '' },
      'start and wait until healthy: a, b',
    ],
    [{ kind: 'compose-up', services: [], forced: [], alone: false, waitSeconds: 1, cause: '' }, 'wait until everything is healthy'],
    [{ kind: 'reload', service: 'edge', argv: [], cause: '' }, 'reload edge'],
    [{ kind: 'mark-applied', service: 'edge', certificates: [], secrets: false, cause: '' }, 'record what edge has read'],
    [{ kind: 'compose-restart', services: ['a'], waitSeconds: 1, cause: '' }, 'restart a'],
    [{ kind: 'compose-down', volumes: false, services: [], cause: '' }, 'stop and remove containers and networks'],
    [{ kind: 'compose-down', volumes: true, services: [], cause: '' }, 'stop and remove everything, volumes included'],
  ])('%o', (step, line) => {
    expect(describeStep(kindsOf(capabilities), step)).toBe(line);
  });
});
