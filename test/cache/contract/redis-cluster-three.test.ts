import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { cacheCommands } from '../../../src/agent/cache/commands.ts';
import { docker } from '../../support/cli.ts';
import { container, keyIn, onVolume } from '../../support/data/cache.ts';
import { addressesIn, answers, clusterSettings, startCluster } from '../../support/data/cluster-stack.ts';
import { freeRange, type Workspace, workspace } from '../../support/workspace.ts';

describe('three masters without replicas', () => {
  let small: Workspace;
  let three: Awaited<ReturnType<typeof startCluster>>['cache'];
  let loop: Awaited<ReturnType<typeof startCluster>>['controller'];

  beforeAll(async () => {
    small = await workspace('cluster3');
    const subnet = await freeRange();
    small.configure({ ...clusterSettings(subnet), redisCluster: { replicas: 0, memory: '64m' } });
    ({ cache: three, controller: loop } = await startCluster(small, addressesIn(subnet, 3)));
    await loop.whole();
  });

  afterAll(async () => {
    await loop?.stop();
    await small?.destroy();
  });

  it('serve on after one has lost its data: the controller says what is lost, and gives its slots out anew', async () => {
    const client = three.client();
    await answers(client);
    const keys = [0, 1, 2].map((third) => keyIn(third, 'three'));
    for (const key of keys) await client.set(key, 'x');
    const told: string[] = [];
    await cacheCommands.handover(three.config, ['redis-2'], (line) => told.push(line));
    expect(told).toEqual(['redis-2 has no replica (redisCluster.replicas: 0): slots 5461-10922 are away while it is stopped']);
    await docker(['kill', container(small, 'redis-2')]);
    await onVolume(small, 'redis-2', 'rm -rf /var/lib/redis/*');
    await docker(['start', container(small, 'redis-2')]);
    await vi.waitFor(() => expect(loop.log.join('\n')).toMatch(/the data of slots 5461-10922 is lost: redis-2 came back empty/), {
      timeout: 20_000,
    });
    await loop.whole();
    await vi.waitFor(async () => expect(await Promise.all(keys.map((key) => client.get(key)))).toEqual(['x', null, 'x']), {
      timeout: 10_000,
    });
    expect(await client.set(keys[1] as string, 'y')).toBe('OK');
    client.disconnect();
  });

  it('leave a damaged file alone, and say what can be done', async () => {
    await docker(['kill', container(small, 'redis-1')]);
    const file = '$(ls -t /var/lib/redis/appendonlydir/*.incr.aof | head -1)';
    const before = await onVolume(
      small,
      'redis-1',
      `printf garbage | dd of=${file} bs=1 seek=20 conv=notrunc status=none; sha256sum ${file}`,
    );
    await docker(['start', container(small, 'redis-1')]);
    const words = /redis: the append-only file .* is damaged.* \(nothing was changed\)\. Restore a backup, or give up/;
    await vi.waitFor(async () => expect((await docker(['logs', container(small, 'redis-1')])).stderr).toMatch(words), { timeout: 10_000 });
    await docker(['kill', container(small, 'redis-1')]);
    expect(await onVolume(small, 'redis-1', `sha256sum ${file}`)).toBe(before);
  });
});
