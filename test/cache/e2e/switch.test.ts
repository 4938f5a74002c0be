import type { ChildProcess } from 'node:child_process';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readOptional } from '../../../src/core/files.ts';
import { docker } from '../../support/cli.ts';
import { type OldRedis, oldRedis } from '../../support/data/old-redis.ts';
import { ask, containers, parsed, portal, ready, titles, until } from '../../support/stack.ts';
import { type Workspace, workspace } from '../../support/workspace.ts';

interface Imported {
  keys: number;
}

interface Plan {
  changes: { service: string; action: string; dataRisk: string }[];
}

/** The replicas behind a balancer are replaced one at a time, which is when an address used to be wanted twice. */
const COMPONENTS = { balancer: true, agent: true, 'engine-proxy': true };

describe('the cache of a running stack', () => {
  let space: Workspace;
  let old: OldRedis;
  const configure = (cluster: boolean) =>
    space.configure({
      profile: 'dev-compose',
      components: { ...COMPONENTS, redis: !cluster, 'redis-cluster': cluster },
      app: { replicas: 2 },
      redisCluster: { replicas: 0, memory: '64m' },
    });
  const caches = async () => (await containers(space.project)).map(({ service }) => service).filter((name) => name.startsWith('redis'));
  const volumes = async () =>
    (await docker(['volume', 'ls', '--quiet', '--filter', `label=io.medianest.project=${space.project}`])).stdout
      .split('\n')
      .filter((name) => name.includes('redis'))
      .sort();

  beforeAll(async () => {
    space = await workspace('switch');
    old = oldRedis(`${space.project}-elsewhere`);
    configure(false);
    expect((await space.run(['up'])).status).toBe(0);
    await ask(portal, space, 'Before the switch');
  });
  afterAll(async () => {
    await old?.remove();
    await space.destroy();
  });

  describe.each([
    ['a cluster', true, ['redis'], ['redis-1', 'redis-2', 'redis-3']],
    ['one server again', false, ['redis-1', 'redis-2', 'redis-3'], ['redis']],
  ])('as %s', (_what, cluster, leaving, coming) => {
    test('is what the plan says, with the data that stays behind', async () => {
      configure(cluster);
      const plan = parsed<Plan>(await space.run(['plan', '--json']));
      const left = plan.changes.filter(({ action }) => action === 'remove');
      expect(left.map(({ service }) => service).sort()).toEqual(leaving);
      for (const { service, dataRisk } of left) expect(dataRisk).toContain(`${service}-data`);
      const up = await space.run(['up']);
      expect({ status: up.status, stderr: up.stderr }).toMatchObject({ status: 0 });
      expect((await caches()).sort()).toEqual(coming);
      await ready(portal, space);
      expect(await titles(portal, space)).toContain('Before the switch');
      expect((await space.run(['up'])).stdout).toContain('Nothing to do');
      // What was left behind is still there.
      for (const service of leaving) expect(await volumes()).toContain(`${space.project}_${service}-data`);
    });

    test('takes the keys of a Redis from elsewhere', async () => {
      const import_ = (...args: string[]) => space.run(['import', 'cache', `container:${old.name}`, ...args, '--yes', '--json']);
      const refused = async (...args: string[]) =>
        (JSON.parse((await import_(...args)).stdout) as { error: { message: string } }).error.message;
      await old.start(`${space.project}-${coming[0]}-1`);
      const own = cluster ? ['--database', '0', '--replace'] : ['--replace'];
      if (cluster) expect(await refused('--replace')).toContain('a cluster has database 0 alone; nothing was changed');
      const before = await old.keysHere(space, coming);
      const rehearsed = parsed<Imported>(await import_(...own, '--dry-run'));
      expect(rehearsed).toMatchObject({ result: 'planned', mode: cluster ? 'cluster' : 'single', keys: cluster ? 1006 : 1007 });
      expect(await old.keysHere(space, coming)).toBe(before);
      const done = await import_(...own);
      expect(done.status, `${done.stdout}${done.stderr}`).toBe(0);
      expect(parsed<Imported>(done)).toMatchObject({
        ...{
          result: 'imported',
          keys: rehearsed.keys,
          databases: { 0: { keys: 1006, expiring: 1000, types: { string: 1001, stream: 1, zset: 1 } } },
        },
        leftOut: cluster ? [expect.stringContaining('database 2: 1 key')] : [],
      });
      expect(await old.keysHere(space, coming)).toBeGreaterThanOrEqual(rehearsed.keys);
      expect(await refused(...own.filter((word) => word !== '--replace'))).toMatch(/the cache has \d+ keys already; nothing was changed/);
      await ready(portal, space);
      expect((await space.run(['health'])).status).toBe(0);
    });
  });

  test('says so where an import is killed while it writes, and the next one starts over', async () => {
    const journal = () => readOptional(path.join(space.state, 'imports.json')) ?? '';
    const import_ = ['import', 'cache', `container:${old.name}`, '--yes'];
    let child: ChildProcess | undefined;
    const killed = space.run([...import_, '--replace'], { onSpawn: (spawned) => (child = spawned) });
    await until('it writes', async () => journal().includes('"writing": true'), 120);
    child?.kill('SIGKILL');
    await killed;
    const { checks } = JSON.parse((await space.run(['health', '--json'])).stdout) as { checks: { id: string; status: string }[] };
    expect(checks.find(({ id }) => id === 'import.cache')).toMatchObject({ status: 'fail' });
    const again = await space.run(import_);
    expect(again.status, `${again.stdout}${again.stderr}`).toBe(0);
    expect(journal()).toBe('');
    await ready(portal, space);
    expect((await space.run(['health'])).status).toBe(0);
    expect((await docker(['ps', '--all', '--quiet', '--filter', `name=${space.project}-job`])).stdout).toBe('');
  });
});
