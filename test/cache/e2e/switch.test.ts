import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { docker } from '../../support/cli.ts';
import { ask, containers, parsed, portal, ready, titles } from '../../support/stack.ts';
import { type Workspace, workspace } from '../../support/workspace.ts';

interface Plan {
  changes: { service: string; action: string; dataRisk: string }[];
}

/** The replicas behind a balancer are replaced one at a time, which is when an address used to be wanted twice. */
const COMPONENTS = { balancer: true, agent: true, 'engine-proxy': true };

describe('the cache of a running stack', () => {
  let space: Workspace;
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
    configure(false);
    expect((await space.run(['up'])).status).toBe(0);
    await ask(portal, space, 'Before the switch');
  });
  afterAll(() => space.destroy());

  test.each([
    ['a cluster', true, ['redis'], ['redis-1', 'redis-2', 'redis-3']],
    ['one server again', false, ['redis-1', 'redis-2', 'redis-3'], ['redis']],
  ])('becomes %s, and the plan says which data stays behind', async (_what, cluster, leaving, coming) => {
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
});
