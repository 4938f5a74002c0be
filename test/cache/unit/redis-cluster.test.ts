import { describe, expect, it } from 'vitest';
import { UserError } from '../../../src/core/errors.ts';
import { CACHE_KEEPER_SECRET, cacheNodes } from '../../../src/services/cache/redis-cluster.ts';
import { applyOverrides, type Overrides } from '../../../src/stack/overrides.ts';
import { load, rendered, stackOf } from '../../support/settings.ts';

const ON = 'components: { redis: false, redis-cluster: true, agent: true, engine-proxy: true }\n';
const stack = (more = '', overrides: Overrides = {}) =>
  stackOf(load({ file: ON + more, flags: { profile: 'dev-compose' } }), undefined, undefined, overrides);
const nodes = (more = '') => stack(more).services.filter(({ component }) => component === 'redis-cluster');
const portal = (more = '', overrides: Overrides = {}) => stack(more, overrides).services.find(({ name }) => name === 'app-1');

describe('the Redis cluster', () => {
  it('is six containers, each with an address, a volume and a certificate of its own, and of one group', () => {
    const six = nodes();
    expect(six.map(({ name, host }) => [name, host])).toEqual(Array.from({ length: 6 }, (_, i) => [`redis-${i + 1}`, 30 + i]));
    expect(new Set(six.flatMap(({ mounts }) => mounts.map(({ source }) => source))).size).toBe(6);
    expect(six[5]?.certificate).toEqual({
      name: 'redis-6',
      subjects: ['redis-6', '192.168.0.35', 'localhost', '127.0.0.1'],
      client: true,
      issuer: 'internal-ca',
      days: 90,
    });
    expect(six.every(({ member, reloadsSecrets, trust }) => member?.group === 'cache' && reloadsSecrets && trust)).toBe(true);
    expect(six[0]?.secrets).toContainEqual(CACHE_KEEPER_SECRET);
    expect(six[0]?.view).toMatchObject({ address: '192.168.0.30', maxmemoryBytes: 96 * 1024 ** 2, nodeTimeoutMs: 2000 });
  });
  it('is refused without the agent, which brings its nodes together', () => {
    expect(() => stack('agent: { healing: act }\n', {}).services).not.toThrow();
    const without = () => stackOf(load({ file: 'components: { redis: false, redis-cluster: true }\n', flags: { profile: 'dev-compose' } }));
    expect(without).toThrow('redis-cluster needs the agent');
  });
  it('is three where memory is short, and says what that costs', () => {
    const three = nodes('redisCluster: { replicas: 0 }');
    expect(three.map(({ interruption }) => interruption)).toEqual(Array(3).fill('about 2 s: a third of the sessions is away'));
    expect(three[0]?.environment).toEqual({ REDIS_MODE: 'cluster', REDIS_SPARE: 'no' });
    expect(cacheNodes({ replicas: 0 } as never)).toHaveLength(3);
  });
  it('tells the application every node by its address, one of two passwords, and the CA', () => {
    const app = portal();
    expect(app?.environment).toMatchObject({
      REDIS_CLUSTER_NODES: [30, 31, 32, 33, 34, 35].map((host) => `192.168.0.${host}:6379`).join(','),
      REDIS_USERNAME: 'medianest',
      REDIS_PASSWORD_FILE: '/run/secrets/redis-password-a',
      REDIS_TLS_CA_FILE: '/run/trust/internal-ca.pem',
    });
    expect(app?.environment.REDIS_URL_FILE).toBeUndefined();
    expect([app?.trust, app?.secrets.map(({ name }) => name)]).toEqual([true, expect.arrayContaining(['redis-password-a'])]);
    expect(app?.secrets.map(({ name }) => name)).not.toContain('redis-password-b');
  });
  it('moves the application over to its other password by an order, and the nodes know both all along', () => {
    const overrides: Overrides = { credentials: { cache: 'b' } };
    expect(portal('', overrides)?.environment.REDIS_PASSWORD_FILE).toBe('/run/secrets/redis-password-b');
    expect(stack('', overrides).overrides).toEqual(overrides);
    const { settings } = load({ file: ON, flags: { profile: 'dev-compose' } });
    expect(applyOverrides(settings, overrides, () => 'x').overrides).toEqual(overrides);
    const names = (which: Overrides) =>
      stack('', which)
        .services.find(({ name }) => name === 'redis-1')
        ?.secrets.map(({ name }) => name);
    expect(names(overrides)).toEqual(names({}));
  });
  it('keeps to a password that the operator gives', () => {
    const given = 'redisCluster: { password: "s3cret" }\n';
    expect(portal(given, { credentials: { cache: 'b' } })?.environment.REDIS_PASSWORD_FILE).toBe('/run/secrets/redis-password-a');
    const { files } = rendered(stack(given));
    expect(files.map(({ contents }) => contents).join()).not.toContain('s3cret');
  });
  it('needs no new container for a new certificate, password or setting', () => {
    const inputs = (more: string, fingerprints: Record<string, string>) => rendered(stack(more), { fingerprints }).inputs['redis-1'];
    const plain = inputs('', {});
    expect(inputs('redisCluster: { nodeTimeoutMs: 5000 }', { 'redis-password-a': 'x', 'certificate:redis-1': 'y' })).toBe(plain);
    expect(inputs('redisCluster: { memory: 256m }', {})).not.toBe(plain);
  });
  it.each<[string, string, RegExp]>([
    [
      'both kinds of Redis',
      'components: { redis: true, redis-cluster: true, agent: true, engine-proxy: true }',
      /redis and redis-cluster are both switched on/,
    ],
    ['two replicas', `${ON}redisCluster: { replicas: 2 }`, /should be 1 \(6 containers\) or 0/],
    ['a time-out that a busy host would trip', `${ON}redisCluster: { nodeTimeoutMs: 100 }`, /should be at least 500/],
  ])('refuses %s', (_what, file, words) => {
    const build = () => stackOf(load({ file, flags: { profile: 'dev-compose' } }));
    expect(build).toThrow(UserError);
    expect(build).toThrow(words);
  });
});
