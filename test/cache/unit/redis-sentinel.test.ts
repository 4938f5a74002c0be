import { describe, expect, it } from 'vitest';
import { parseNode, parseSentinel } from '../../../src/agent/sentinel/plan/parse.ts';
import { planSentinel } from '../../../src/agent/sentinel/plan/plan.ts';
import { sentinelHandoverProblem, sentinelStatus } from '../../../src/agent/sentinel/plan/status.ts';
import type { NodeView, Observed, SentinelView } from '../../../src/agent/sentinel/plan/types.ts';
import { cacheOfOtherMode, leadersOfCache } from '../../../src/backup/plan/holds.ts';
import { UserError } from '../../../src/core/errors.ts';
import type { Overrides } from '../../../src/stack/overrides.ts';
import { load, rendered, stackOf } from '../../support/settings.ts';

const ON = 'components: { agent: true, engine-proxy: true }\n';
const build = (file: string, profile = 'dev-compose', overrides: Overrides = {}) =>
  stackOf(load({ file, flags: { profile } }), undefined, undefined, overrides);
const configOf = (file: string, name: string, profile?: string) =>
  rendered(build(file, profile)).files.find(({ path }) => path.startsWith(`${name}/`) && /\.(conf|cfg)$/.test(path))?.contents ?? '';
const named = (file: string, name: string, overrides: Overrides = {}) =>
  build(file, 'dev-compose', overrides).services.find((service) => service.name === name);

describe('cache.mode', () => {
  const caches = (file: string, profile: string) =>
    build(file, profile)
      .services.filter(({ component }) => /^(redis|sentinel|cache)/.test(component))
      .map(({ name }) => name);
  it.each([
    ['cluster', 'prod', ['redis-1', 'redis-2', 'redis-3', 'redis-4', 'redis-5', 'redis-6', 'redis-exporter']],
    ['sentinel', 'prod', ['cache-1', 'cache-2', 'sentinel-1', 'sentinel-2', 'sentinel-3', 'cache-router', 'redis-exporter']],
    ['single', 'prod', ['redis', 'redis-exporter']],
    ['single', 'dev-compose', ['redis']],
  ])('%s in %s chooses the component, over the profile', (mode, profile, wanted) => {
    expect(caches(`cache: { mode: ${mode} }\n`, profile)).toEqual(wanted);
  });
  it('leaves the profile’s components alone where it is not set', () => {
    expect(caches('', 'prod')).toContain('redis-6');
    expect(caches('', 'dev-compose')).toEqual(['redis']);
  });
  it.each([
    [
      'another component',
      `cache: { mode: sentinel }\ncomponents: { redis-cluster: true }\n`,
      'prod',
      /components.redis-cluster is true \(medianest.yml:2\)/,
    ],
    ['all in one container', 'cache: { mode: sentinel }\n', 'dev', /has its Redis in the container of the application/],
    ['no agent', 'cache: { mode: sentinel }\n', 'dev-compose', /needs the agent/],
    ['databases of a cluster', 'cache: { databases: 2 }\n', 'prod', /a Redis Cluster has one database alone/],
    ['a policy that Redis does not know', 'cache: { evictionPolicy: lru }\n', 'prod', /should be one of noeviction/],
    ['both by components', `components: { agent: true, engine-proxy: true, redis-sentinel: true }\n`, 'dev-compose', /both switched on/],
  ])('refuses %s', (_what, file, profile, words) => {
    expect(() => build(file, profile)).toThrow(UserError);
    expect(() => build(file, profile)).toThrow(words);
  });
  it('is taken for what it is in the profile of one container', () => {
    expect(build('cache: { mode: single }\n', 'dev').services.map(({ name }) => name)).toEqual(['all-in-one']);
  });
});

describe('memory, eviction and databases', () => {
  const file = (mode: string) => `${ON}cache: { mode: ${mode}, memory: 64m, evictionPolicy: allkeys-lfu }\n`;
  it.each([
    ['cluster', 'redis-1'],
    ['sentinel', 'cache-2'],
    ['single', 'redis'],
  ])('count in each mode: %s', (mode, name) => {
    expect(configOf(file(mode), name)).toMatch(/^maxmemory 50331648$[\s\S]*^maxmemory-policy allkeys-lfu$/m);
    expect(named(file(mode), name)?.memoryBytes).toBe(64 * 1024 ** 2);
  });
  it('are those of the mode where nothing is said', () => {
    expect(configOf(`${ON}cache: { mode: sentinel }\n`, 'cache-1')).toMatch(
      /^databases 16$[\s\S]*^maxmemory 100663296$[\s\S]*^maxmemory-policy noeviction$/m,
    );
    expect(configOf('', 'redis')).not.toMatch(/^databases/m);
    expect(configOf('cache: { databases: 3 }\n', 'redis')).toMatch(/^databases 3$/m);
  });
  it('need a new container for another number of databases, and none for another policy', () => {
    const inputs = (more: string) => rendered(build(`${ON}cache: { mode: sentinel${more} }\n`)).inputs['cache-1'];
    expect(inputs(', evictionPolicy: volatile-ttl')).toBe(inputs(''));
    expect(inputs(', databases: 4')).not.toBe(inputs(''));
  });
});

describe('a cache beside sentinels', () => {
  const file = `${ON}cache: { mode: sentinel }\n`;
  it('is reached by the router alone, by one URL over TLS', () => {
    const app = named(file, 'app-1');
    expect(app?.environment).toMatchObject({ REDIS_URL_FILE: '/run/secrets/redis-url', REDIS_TLS_CA_FILE: '/run/trust/internal-ca.pem' });
    expect(app?.environment.REDIS_CLUSTER_NODES).toBeUndefined();
    expect(app?.trust).toBe(true);
    const url = (overrides: Overrides) => named(file, 'app-1', overrides)?.secrets.find(({ name }) => name === 'redis-url')?.source;
    expect(url({})).toEqual({ format: 'rediss://medianest:{redis-password-a}@192.168.0.46:6379/0' });
    expect(url({ credentials: { cache: 'b' } })).toEqual({ format: 'rediss://medianest:{redis-password-b}@192.168.0.46:6379/0' });
    expect(['cache-1', 'sentinel-1', 'cache-router'].map((name) => named(file, name)?.networks)).toEqual([
      ['control'],
      ['control'],
      ['db', 'control'],
    ]);
    expect(named(file, 'cache-2')?.certificate?.subjects).toEqual([
      'cache-2',
      '10.40.0.31',
      'cache-router',
      '192.168.0.46',
      'localhost',
      '127.0.0.1',
    ]);
  });
  it('gives references of app.env one plain address', () => {
    const env = `${file}app: { image: "example.org/foreign:1", env: { MODE: "{cache.mode}", HOST: "{cache.host}", NODES: "{cache.nodes}", REDIS: "{cache.url}" } }\n`;
    expect(named(env, 'app-1')?.environment).toMatchObject({ MODE: 'sentinel', HOST: '192.168.0.46', NODES: '192.168.0.46:6379' });
    const parts = named(env, 'app-1')?.secrets.flatMap(({ source }) => ('parts' in source ? source.parts : []));
    expect(parts).toEqual(['rediss://medianest:', { secret: 'redis-password-a', as: 'uri' }, '@192.168.0.46:6379/0']);
  });
  it('is one group of members, which the agent knows with its sentinels', () => {
    const { services } = build(file);
    expect(services.filter(({ member }) => member?.group === 'cache').map(({ name }) => name)).toEqual([
      ...['cache-1', 'cache-2', 'sentinel-1', 'sentinel-2', 'sentinel-3'],
    ]);
    expect(services.find(({ name }) => name === 'agent')?.view.cache).toEqual({
      sentinels: ['sentinel-1', 'sentinel-2', 'sentinel-3'],
      ...{ downAfterMs: 2000, failoverTimeoutMs: 10_000 },
    });
    expect(services.find(({ name }) => name === 'agent')?.networks).toEqual(['db', 'control']);
  });
  it('is not emptied by a set that holds the cache of another mode', () => {
    const stack = build(file);
    expect(cacheOfOtherMode(stack, { cacheLeaders: ['redis-1', 'redis-2'] })).toMatch(
      /^not restored: the cache, which the set has of redis-1, redis-2 and this stack keeps in cache-1, cache-2; it stays as it is\n {2}Fix: /,
    );
    for (const cacheLeaders of [['cache-2'], []]) expect(cacheOfOtherMode(stack, { cacheLeaders })).toBeUndefined();
    expect(cacheOfOtherMode(build('', 'prod'), { cacheLeaders: ['redis-5'] })).toBeUndefined();
  });
  it('has one leader to be in a backup, a cluster three, a single server none', () => {
    const counts = [build(file), build('', 'prod'), build('', 'staging'), build('')].map(leadersOfCache);
    expect(counts).toEqual([1, 3, 3, 0]);
  });
  it('writes no secret into a rendered file', () => {
    const { files } = rendered(build(`${file}redisSentinel: { password: "s3cret" }\n`));
    expect(files.map(({ contents }) => contents).join()).not.toContain('s3cret');
  });
});

describe('the controller', () => {
  const view = (more: Partial<NodeView>): NodeView => ({
    ...{ leads: false, follows: '127.0.0.1', linkUp: false, unfilled: false, loading: false, keys: 5, offset: 0 },
    ...more,
  });
  const leading = view({ leads: true, keys: 5 });
  const following = view({ follows: 'a1', linkUp: true });
  type Seen<V> = V | number;
  /** A number: silent for so many ms. */
  const observed = (one: Seen<NodeView>, two: Seen<NodeView>, watched: (Partial<SentinelView> | undefined)[]): Observed => {
    const asked = <V>(service: string, address: string, seen: Seen<V> | undefined) =>
      typeof seen === 'object'
        ? { service, address, view: seen as V, silentMs: 0 }
        : { service, address, silence: 'no answer', silentMs: Number(seen ?? 0) };
    return {
      at: 0,
      nodes: [asked('cache-1', 'a1', one), asked('cache-2', 'a2', two)],
      sentinels: watched.map((said, index) =>
        asked<SentinelView>(`sentinel-${index + 1}`, `s${index + 1}`, said && { down: false, failingOver: false, others: 2, ...said }),
      ),
    };
  };
  const all = (said: Partial<SentinelView>) => [said, said, said];
  const told = (seen: Observed) => {
    const { commands, problems } = planSentinel(seen);
    return [...commands.map((command) => `${command.at} ${command.kind}${'leader' in command ? ` ${command.leader}` : ''}`), ...problems];
  };

  it('has nothing to do where one leads, the other follows and all agree', () => {
    const whole = observed(leading, following, all({ leader: 'a1' }));
    expect(told(whole)).toEqual([]);
    expect(sentinelStatus(whole)['cache-1']).toEqual({ role: 'leader', ok: true, details: { keys: 5, sentinels: '3 of 3' } });
  });
  it.each<[string, Observed, string[]]>([
    [
      'a leader that was away and believes that it leads',
      observed(leading, view({ leads: true }), all({ leader: 'a2' })),
      ['cache-1 follow cache-2'],
    ],
    ['a restart of all at once', observed(view({}), view({ follows: 'a1' }), all({ leader: 'a1' })), ['cache-1 lead']],
    [
      'nodes that no sentinel knows: the one with most keys leads',
      observed(view({ keys: 5 }), view({ keys: 9 }), all({})),
      ['cache-2 lead', 'cache-1 follow cache-2', 'sentinel-1 watch cache-2', 'sentinel-2 watch cache-2', 'sentinel-3 watch cache-2'],
    ],
    [
      'a node that no sentinel knows while the other is silent: it may have newer data',
      observed(view({}), 60_000, all({})),
      ['no leader is known, and cache-2 (no answer) may have the newest data'],
    ],
    [
      'a leader that came back empty',
      observed(view({ unfilled: true, keys: 0 }), view({ follows: 'a1' }), all({ leader: 'a1' })),
      ['sentinel-1 failover'],
    ],
    [
      'a leader that came back empty while the other leads by mistake',
      observed(view({ unfilled: true, keys: 0 }), view({ leads: true }), all({ leader: 'a1', down: true })),
      ['sentinel-1 watch cache-2', 'sentinel-2 watch cache-2', 'sentinel-3 watch cache-2'],
    ],
    [
      'a leader that is back, and waits to be told, while an older one believes in itself',
      observed(view({}), view({ leads: true }), all({ leader: 'a1' })),
      ['cache-1 lead'],
    ],
    ['a leader that is back while it is replaced', observed(view({}), view({ follows: 'a1' }), all({ leader: 'a1', down: true })), []],
    [
      'a leader that is back, and that nothing could replace',
      observed(view({}), 5000, all({ leader: 'a1', down: true })),
      ['cache-1 lead'],
    ],
    [
      'a leader that came back empty while the other is silent',
      observed(view({ unfilled: true, keys: 0 }), 60_000, all({ leader: 'a1' })),
      ['cache-1 came back empty, and cache-2 (no answer) may have a copy'],
    ],
    ['a silent leader, which sentinels are about to replace', observed(5000, following, all({ leader: 'a1', down: true })), []],
    ['a leader that only the controller does not reach', observed(60_000, following, all({ leader: 'a1' })), []],
    [
      'a silent leader that the sentinels did not replace',
      observed(60_000, view({ follows: 'a1' }), all({ leader: 'a1', down: true })),
      ['cache-2 lead', 'sentinel-1 watch cache-2', 'sentinel-2 watch cache-2', 'sentinel-3 watch cache-2'],
    ],
    [
      'a failover that is under way',
      observed(leading, view({ leads: true }), [{ leader: 'a2', failingOver: true }, { leader: 'a1' }, { leader: 'a1' }]),
      [],
    ],
    ['a sentinel without its memory', observed(leading, following, [{ leader: 'a1' }, { leader: 'a1' }, {}]), ['sentinel-3 watch cache-1']],
    [
      'sentinels that were away, and outvote the one that knows better',
      observed(view({ follows: 'a2', linkUp: true }), leading, [{ leader: 'a1' }, { leader: 'a1' }, { leader: 'a2' }]),
      ['sentinel-1 watch cache-2', 'sentinel-2 watch cache-2'],
    ],
    [
      'too few sentinels',
      observed(leading, following, [{ leader: 'a1' }, undefined, undefined]),
      ['too few sentinels answer to agree on a leader: sentinel-2 (no answer), sentinel-3 (no answer) do not'],
    ],
  ])('knows what to do about %s', (_what, seen, wanted) => {
    expect(told(seen)).toEqual(wanted);
  });
  it('lets a sentinel go only while the others agree', () => {
    expect(sentinelHandoverProblem('sentinel-1', observed(leading, following, all({ leader: 'a1' })))).toBeUndefined();
    expect(sentinelHandoverProblem('sentinel-1', observed(leading, following, [{ leader: 'a1' }, { leader: 'a1' }, undefined]))).toBe(
      'the other sentinels do not agree on a leader',
    );
  });
  it('reads what Redis 8.0.2 says', () => {
    const info = [
      ...['# Replication', 'role:slave', 'master_host:10.0.0.31', 'master_link_status:up', 'slave_repl_offset:42', 'slave_priority:0'],
      ...['loading:0', '# Keyspace', 'db0:keys=3,expires=1,avg_ttl=0,subexpiry=0', 'db5:keys=4,expires=0,avg_ttl=0,subexpiry=0'],
    ].join('\r\n');
    expect(parseNode(info)).toEqual({
      leads: false,
      follows: '10.0.0.31',
      linkUp: true,
      unfilled: true,
      loading: false,
      keys: 7,
      offset: 42,
    });
    const pairs = [
      'name',
      'cache',
      'ip',
      '10.0.0.30',
      'port',
      '6379',
      'flags',
      's_down,o_down,master,failover_in_progress',
      'num-other-sentinels',
      '2',
    ];
    expect(parseSentinel(pairs)).toEqual({ leader: '10.0.0.30', down: true, failingOver: true, others: 2 });
    expect(parseSentinel(undefined)).toEqual({ down: false, failingOver: false, others: 0 });
  });
});
