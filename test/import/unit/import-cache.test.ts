import { PassThrough } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { Connection, command, lineReader } from '../../../src/import/cache/resp.ts';
import { databaseText, judgeCache, unreadable } from '../../../src/import/plan/cache-judge.ts';
import { countKey, emptySurvey, hashSlot, keyFacts, sameKey, shownKey } from '../../../src/import/plan/cache-keys.ts';
import { isWhole, keysOf, leaderOf } from '../../../src/import/plan/cache-nodes.ts';
import { quoted } from '../../../src/import/plan/cache-scripts.ts';
import { cacheSource, cacheSourceText, connectArgs, rdbHeader, startedWith } from '../../../src/import/plan/cache-source.ts';
import { cacheText } from '../../../src/import/plan/cache-state.ts';
import { importNotes, interruptedCacheChecks, stillStopped } from '../../../src/import/plan/interrupted.ts';

const key = (text: string) => Buffer.from(text);
const MiB = 1024 ** 2;

describe('the source of a cache', () => {
  test('is a file, a container or a URL, whose password is in no text', () => {
    expect(cacheSource('dump.rdb')).toEqual({ kind: 'file', path: 'dump.rdb' });
    expect(cacheSource('container:shop-redis-1')).toEqual({ kind: 'container', container: 'shop-redis-1', port: 6379 });
    expect(cacheSourceText(cacheSource('container:r:6380'))).toBe('container:r:6380');
    const url = cacheSource('redis://me:p%40ss@[::1]:7000');
    expect(url).toMatchObject({ kind: 'url', password: 'p@ss' });
    expect(cacheSourceText(url)).not.toContain('p%40ss');
    expect(connectArgs(url as never)).toEqual(['-h', '::1', '-p', '7000', '--user', 'me']);
    expect(connectArgs(cacheSource('rediss://cache.example') as never)).toContain('--cacert');
  });

  test.each(['container:a b', 'http://cache', 'redis://', 'redis://cache/3', 'redis://u:%zz@cache', 'container:r:port'])(
    '%s is refused',
    (text) => {
      expect(() => cacheSource(text)).toThrow(expect.objectContaining({ code: 'USAGE' }));
    },
  );

  test('tells the password that its container was started with', () => {
    expect(startedWith({ Cmd: ['redis-server', '--requirepass', 'one two'] })).toBe('one two');
    expect(startedWith({ Cmd: ['sh', '-c', 'exec redis-server --requirepass "a b" --save ""'] })).toBe('a b');
    expect(startedWith({ Cmd: ['sh', '-c', 'redis-server --requirepass $PASSWORD'], Env: ['REDIS_PASSWORD=x=y'] })).toBe('x=y');
    expect(startedWith({ Cmd: null, Env: null })).toBeUndefined();
  });

  test('says its format and who made it', () => {
    expect(rdbHeader(Buffer.from('REDIS0010\xfa\x09redis-ver\x067.0.15\xfa\x0aredis-bits', 'latin1'))).toEqual({
      format: 10,
      server: 'Redis 7.0.15',
    });
    expect(rdbHeader(Buffer.from('VALKEY080\xfa\x0avalkey-ver\x059.1.2\xfa', 'latin1'))).toEqual({ format: 80, server: 'Valkey 9.1.2' });
    expect(rdbHeader(Buffer.from('PGDMP'))).toBeUndefined();
    expect(rdbHeader(Buffer.alloc(0))).toBeUndefined();
  });
});

describe('the protocol', () => {
  test('is read whatever the pieces that it comes in', async () => {
    const output = new PassThrough();
    const input = new PassThrough();
    const connection = new Connection(input, output);
    const answer = connection.ask('x', Buffer.from([0, 255, 13, 10]));
    for (const byte of Buffer.from('*5\r\n$4\r\n\0\xff\r\n\r\n:-2\r\n$-1\r\n+OK\r\n*0\r\n', 'latin1')) output.write(Buffer.from([byte]));
    expect(await answer).toEqual([Buffer.from([0, 255, 13, 10]), -2, null, Buffer.from('OK'), []]);
    expect(input.read()).toEqual(Buffer.from('*2\r\n$1\r\nx\r\n$4\r\n\0\xff\r\n\r\n', 'latin1'));
    output.write('-ERR no\r\n');
    await expect(connection.ask('y')).rejects.toThrow('ERR no');
    output.end();
    await expect(connection.ask('z')).rejects.toThrow('ended');
  });

  test('answers come one by one, and lines too', async () => {
    const output = new PassThrough();
    const answers = new Connection(new PassThrough(), output).askAll([command('a'), command('b')]);
    output.write(`$${MiB}\r\n`);
    output.write(Buffer.alloc(MiB, 1));
    output.write('\r\n:7\r\n');
    expect(((await answers.next()).value as Buffer).equals(Buffer.alloc(MiB, 1))).toBe(true);
    expect((await answers.next()).value).toBe(7);
    expect((await answers.next()).done).toBe(true);
    const lines = new PassThrough();
    const reader = lineReader(lines);
    lines.write('one\r\ntw');
    expect(await reader.next()).toBe('one');
    lines.write('o\n');
    expect(await reader.next()).toBe('two');
  });
});

describe('keys', () => {
  // From the specification of Redis Cluster, and CLUSTER KEYSLOT of Redis 7.0.15.
  test.each([
    ['123456789', 0x31c3],
    ['foo', 12_182],
    ['{user1000}.following', hashSlot(key('user1000'))],
    ['foo{}{bar}', 8363],
    ['foo{{bar}}zap', 4015],
  ])('%s has its slot', (name, slot) => {
    expect(hashSlot(key(name))).toBe(slot);
  });

  test('are told as a server says it, and the same where both say so', () => {
    expect(keyFacts('hash 3 -1')).toEqual({ type: 'hash', elements: 3, expires: -1, bytes: 0 });
    expect(keyFacts('string 5 1796044208001 64')).toMatchObject({ expires: 1_796_044_208_001, bytes: 64 });
    expect(keyFacts("NOPERM User import has no permissions to run the 'eval' command")).toBeUndefined();
    const list = { type: 'list', elements: 3, expires: 500 };
    const none = { type: 'none', elements: -1, expires: -2 };
    expect(sameKey(list, { ...list }, 0)).toBe(true);
    for (const other of [{ ...list, elements: 2 }, { ...list, expires: 501 }, { ...list, expires: -1 }, { ...list, type: 'set' }, none])
      expect(sameKey(list, other, 499)).toBe(false);
    expect(sameKey(list, none, 500)).toBe(true);
    expect(sameKey(none, list, 500)).toBe(true);
    expect(sameKey({ ...list, expires: -1 }, none, 1e15)).toBe(false);
  });

  test('are shown without what a terminal obeys, and given to redis-cli byte by byte', () => {
    expect(shownKey(Buffer.from('a\u001b[2Jb'))).toBe('a\\u001b[2Jb');
    expect(shownKey(Buffer.alloc(100, 97))).toHaveLength(63);
    expect(quoted(Buffer.from([97, 0, 255, 34, 92, 10, 32]))).toBe('"a\\x00\\xff\\x22\\x5c\\x0a\\x20"');
  });
});

describe('the cache here', () => {
  const info = (more: string) =>
    `medianest_mode:cluster\n# Memory\r\nused_memory_startup:1000\r\nmaxmemory:5000\r\n# Replication\r\nrole:master\r\n${more}`;

  test('is known by what its nodes say', () => {
    const nodes =
      'cluster_enabled:1\r\n# Keyspace\r\ndb0:keys=4,expires=1,avg_ttl=0\r\na 10.0.0.1:6379@16379 myself,master - 0 0 1 connected 0-5460 6000 [6001->-b]\nb 10.0.0.2:6379@16379 master - 0 0 2 connected 5461-5999';
    expect(leaderOf('redis-1', info(nodes))).toEqual({
      ...{ container: 'redis-1', mode: 'cluster', maxBytes: 5000, ownBytes: 1000, keys: { 0: 4 } },
      slots: [
        [0, 5460],
        [6000, 6000],
      ],
    });
    expect(leaderOf('redis-4', info('').replace('role:master', 'role:slave'))).toBeUndefined();
    expect(leaderOf('redis-5', info('cluster_enabled:1\r\na 10.0.0.1:6379@16379 myself,master - 0 0 1 connected'))).toBeUndefined();
    const single = leaderOf('cache-1', info('db2:keys=1,expires=0').replace('mode:cluster', 'mode:replicated'));
    expect(single).toMatchObject({ mode: 'sentinel', slots: [[0, 16_383]], keys: { 2: 1 } });
    expect([isWhole([]), isWhole([single as never]), isWhole([single, single] as never)]).toEqual([false, true, false]);
  });
});

describe('the judgement', () => {
  const survey = (databases: Record<number, number>, bytes = 100) => {
    const found = emptySurvey();
    for (const [database, count] of Object.entries(databases))
      for (let index = 0; index < count; index += 1)
        countKey(found, Number(database), key(`k${index}`), { type: 'string', elements: 1, expires: index === 0 ? 5 : -1, bytes });
    return found;
  };
  const leader = {
    container: 'redis',
    mode: 'single' as const,
    slots: [[0, 16_383]] as [number, number][],
    maxBytes: MiB,
    ownBytes: 0,
    keys: {},
  };
  const asked = { only: undefined, highest: 15, replace: false };
  const refusal = (...args: Parameters<typeof judgeCache>) => expect(() => judgeCache(...args));

  test('takes every database of a source to a server that has them', () => {
    expect(judgeCache(survey({ 0: 3, 2: 1 }), [leader], asked)).toEqual({
      ...{
        mapping: [
          { from: 0, to: 0 },
          { from: 2, to: 2 },
        ],
        leftOut: [],
        keys: 4,
        bytes: 400,
      },
    });
    expect(databaseText(survey({ 0: 3 }).databases[0])).toBe('3 keys (300 B): 3 string; 1 end by themselves');
    expect(judgeCache(survey({}), [leader], asked)).toMatchObject({ keys: 0, mapping: [] });
  });

  test('refuses databases that are not here, and takes one of them', () => {
    const cluster = { ...leader, mode: 'cluster' as const };
    refusal(survey({ 0: 1, 3: 1 }), [cluster], { ...asked, highest: 0 }).toThrow(
      /2 databases \(0, 3\), and a cluster has database 0 alone; nothing was changed/,
    );
    refusal(survey({ 5: 1 }), [leader], { ...asked, highest: 3 }).toThrow(/database 5, which the cache here does not have/);
    refusal(survey({ 5: 1 }), [leader], { ...asked, only: 1 }).toThrow(/no keys in database 1/);
    const found = survey({ 0: 1, 3: 2 });
    found.libraries = ['lib'];
    expect(judgeCache(found, [cluster], { ...asked, highest: 0, only: 3 })).toMatchObject({
      ...{ mapping: [{ from: 3, to: 0 }], keys: 2 },
      leftOut: [expect.stringContaining('database 0: 1 key'), expect.stringContaining('library lib')],
    });
  });

  test('refuses a cache with keys, a huge key, and data that do not fit into one of its nodes', () => {
    refusal(survey({ 0: 1 }), [{ ...leader, keys: { 0: 2 } }], asked).toThrow(/the cache has 2 keys already/);
    expect(judgeCache(survey({ 0: 1 }), [{ ...leader, keys: { 0: 2 } }], { ...asked, replace: true }).keys).toBe(1);
    expect(keysOf([{ ...leader, keys: { 0: 2, 1: 3 } }])).toBe(5);
    refusal(survey({ 0: 1 }, 513 * MiB), [{ ...leader, maxBytes: 0 }], asked).toThrow(/takes a value of/);
    refusal(survey({ 0: 11 }, 100_000), [leader], asked).toThrow(/would go to redis/);
    const halves = [
      { ...leader, container: 'a', slots: [[0, 8191]] as [number, number][] },
      { ...leader, container: 'b', slots: [[8192, 16_383]] as [number, number][] },
    ];
    expect(judgeCache(survey({ 0: 11 }, 100_000), halves, asked).keys).toBe(11);
  });

  test('says why a file was not read', () => {
    expect(unreadable(["1:M 30 Nov 2026 11:46:34.000 # Can't handle RDB format version 80"], 1, MiB).message).toMatch(/newer Redis.* 80/);
    expect(unreadable(["The RDB file contains module data I can't load: no matching module type 'ReJSON-RL'"], 1, MiB).message).toContain(
      'ReJSON-RL',
    );
    expect(unreadable(['Killed'], 137, MiB).message).toMatch(/more than/);
    expect(
      unreadable(['1:M 30 Nov 2026 11:46:34.000 # Short read or OOM loading DB. Unrecoverable error, aborting now.'], 1, MiB).message,
    ).toMatch(/to its end: Short read/);
  });
});

test('an import that was killed is told until it has come to its end', () => {
  const cache = { at: 'then', source: 'dump.rdb', stoppedSource: ['old-web'], stoppedApp: ['app-1'], writing: true };
  expect(interruptedCacheChecks(undefined)).toEqual([]);
  const [check] = interruptedCacheChecks(cache);
  expect(check).toMatchObject({ id: 'import.cache', status: 'fail' });
  expect(check?.message).toMatch(/a part of its keys alone; app-1, old-web \(of the other project\) had been stopped/);
  expect(check?.remedy).toMatch(/run it again.*medianest up.*docker start old-web/);
  const running = stillStopped(cache, ['app-1'], ['old-web']);
  expect(interruptedCacheChecks(running)[0]?.status).toBe('fail');
  expect(interruptedCacheChecks({ ...running, writing: false })[0]?.status).toBe('warn');
  expect(importNotes(undefined, [], cache)).toHaveLength(1);
});

test.each([
  ['as it was', 3, 'the cache was not changed'],
  ['a part', 0, 'the cache is empty again'],
  ['a part', 3, 'the cache is empty, its 3 keys from before are removed; `medianest restore s1 --only redis` brings back what it had'],
  ['whole', 0, 'the cache has all keys of the source'],
  [
    'whole',
    1,
    'the cache has all keys of the source, and its 1 key from before are removed; `medianest restore s1 --only redis` brings back what it had',
  ],
] as const)('a failed import says that the cache is %s where it had %i keys', (cache, replaced, text) => {
  expect(cacheText({ cache, replaced, restorePoint: 's1' })).toBe(text);
});
