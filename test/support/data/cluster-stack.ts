import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Cluster } from 'ioredis';
import { expect, vi } from 'vitest';
import { docker } from '../cli.ts';
import type { Workspace } from '../workspace.ts';
import { cacheOf, container, startKeeper } from './cache.ts';

const ONLY = { edge: false, app: false, postgres: false, redis: false, 'redis-cluster': true, 'engine-proxy': true, agent: true };

export const addressesIn = (subnet: string, count: number): string[] =>
  Array.from({ length: count }, (_, i) => subnet.replace(/0\/24$/, String(30 + i)));

/** A stack of the cache alone. */
export const clusterSettings = (subnet: string) => ({
  profile: 'dev-compose',
  components: ONLY,
  // The controller of this test looks after the cluster, and nothing starts what it kills.
  agent: { healing: 'off', fence: false },
  networks: { db: { subnet } },
});

/** Starts a workspace that is configured, with a controller on this host, from before the network is there: the host needs an address in it. */
export async function startCluster(space: Workspace, addresses: readonly string[]) {
  expect((await space.run(['render'])).status).toBe(0);
  writeFileSync(path.join(space.state, 'compose.override.yml'), 'networks: { db: { internal: false } }\n');
  const cache = cacheOf(space, addresses);
  const up = space.run(['up']);
  await vi.waitFor(() => readFileSync(cache.config.passwordFile), { timeout: 60_000 });
  const controller = startKeeper(cache.config);
  try {
    const done = await up;
    expect(done.status, done.stderr).toBe(0);
    await docker(['stop', container(space, 'agent')]);
    return { cache, controller };
  } catch (error) {
    await controller.stop();
    throw error;
  }
}

/** A client that has found the nodes. */
export const answers = (client: Cluster): Promise<void> =>
  vi.waitFor(async () => expect(await client.get('medianest:ping')).toBeNull(), { timeout: 10_000 });
