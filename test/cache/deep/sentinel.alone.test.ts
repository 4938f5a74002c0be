import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { begin, cutOff, inside, killContainer, pause, unpause, withoutData } from '../../support/data/faults.ts';
import { leading, members, NODES, SENTINELS, type Written, wholeCache, writing } from '../../support/data/plain-writer.ts';
import { inspect } from '../../support/load/load-stack.ts';
import { portal, ready, until } from '../../support/stack.ts';
import { type Workspace, workspace } from '../../support/workspace.ts';

/** A dying leader acknowledges before its follower has it: what its last milliseconds may cost. */
const LAST_MOMENT = 20;

let space: Workspace;

beforeAll(async () => {
  space = await workspace('sentinels');
  space.configure({
    profile: 'dev-compose',
    components: { agent: true, 'engine-proxy': true },
    cache: { mode: 'sentinel', memory: '64m' },
  });
  const up = await space.run(['up']);
  if (up.status !== 0) throw new Error(up.stderr);
  await ready(portal, space);
});
afterAll(() => space.destroy());
beforeEach(() => wholeCache(space, 90));

/** Writes for so long, and does something meanwhile. Figures are told. */
async function under(what: string, seconds: number, wait: boolean, fault: () => Promise<void>): Promise<Written> {
  const figures = await writing(space, seconds, wait, fault);
  process.stderr.write(`cache beside sentinels: ${what}: ${JSON.stringify(figures)}\n`);
  await wholeCache(space, 90);
  return figures;
}

const other = (node: string): string => NODES.find((name) => name !== node) as string;
const leads = (node: string) => until(`${node} leads`, async () => (await leading(space).catch(() => '')) === node, 40);
const addressOf = (service: string) => inspect(space, service, '{{range .NetworkSettings.Networks}}{{.IPAddress}} {{end}}');
/** What a node says to the application's user, past the router. */
const said = async (node: string, command: string) => {
  const call = `REDISCLI_AUTH=$(</run/secrets/redis-password-a) redis-cli --tls --cacert /run/trust/internal-ca.pem --user medianest ${command} 2>&1`;
  return (await inside(space, node, call)).stdout.trim();
};
const written = (node: string) => said(node, 'set medianest:past 1');

describe('a leader of the cache', () => {
  test.each([
    ['a write counts once it is acknowledged', false],
    ['a write counts once the follower has it', true],
  ])('that is killed is replaced: %s', async (what, wait) => {
    const leader = await leading(space);
    const { lost, longestGapMs } = await under(`leader killed, ${what}`, 16, wait, async () => {
      await killContainer(space, leader);
      await leads(other(leader));
    });
    expect(lost).toBeLessThan(wait ? 1 : LAST_MOMENT);
    expect(longestGapMs).toBeLessThan(15_000);
    expect((await members(space))[leader]).toMatchObject({ role: 'replica' });
  });

  test('that hangs is replaced, follows when it wakes up, and refuses writes then', async () => {
    const leader = await leading(space);
    const { lost } = await under('leader paused', 20, false, async () => {
      await pause(space, leader);
      await leads(other(leader));
      await unpause(space, leader);
    });
    expect(lost).toBeLessThan(LAST_MOMENT);
    expect(await written(leader)).toMatch(/^READONLY/);
  });

  test('that is cut off from all others is replaced, and loses nothing that both nodes had', async () => {
    const leader = await leading(space);
    const others = await Promise.all([other(leader), ...SENTINELS, 'agent'].map(addressOf));
    const { lost } = await under('leader cut off from the follower, the sentinels and the agent', 24, true, async () => {
      const join = await cutOff(
        space,
        leader,
        others.flatMap((text) => text.match(/\d+\.\d+\.\d+\.\d+/g) ?? []),
      );
      try {
        await leads(other(leader));
      } finally {
        await join();
      }
    });
    expect(lost).toBe(0);
    expect(await written(leader)).toMatch(/^READONLY/);
  });

  test('that comes back without its data does not empty the other', async () => {
    const leader = await leading(space);
    const { lost } = await under('leader wiped', 24, false, () => withoutData(space, [leader]));
    expect(lost).toBeLessThan(LAST_MOMENT);
    expect(await leading(space)).toBe(other(leader));
  });
});

describe('the cache', () => {
  test('is served all the time while a sentinel comes back without its memory', async () => {
    const leader = await leading(space);
    const { lost, longestGapMs } = await under('sentinel wiped', 14, false, () => withoutData(space, ['sentinel-2']));
    expect({ lost, served: longestGapMs < 2000 }).toEqual({ lost: 0, served: true });
    expect(await leading(space)).toBe(leader);
  });

  test('has all that it had after all of its containers were killed at once', async () => {
    const leader = await leading(space);
    const { lost } = await under('all killed at once', 35, true, async () => {
      const all = [...NODES, ...SENTINELS, 'cache-router'];
      await killContainer(space, ...all);
      await begin(space, ...all.reverse());
    });
    expect(lost).toBe(0);
    expect(await leading(space)).toBe(leader);
  });

  test('comes back from a backup set, though another node leads by then', async () => {
    const leader = await leading(space);
    expect(await said(leader, 'set medianest:kept here')).toBe('OK');
    const backup = await space.run(['backup']);
    expect(backup.status, backup.stderr).toBe(0);
    expect(await said(leader, 'del medianest:kept')).toBe('1');
    const restarted = await space.run(['restart', leader]);
    expect(restarted.status, restarted.stderr).toBe(0);
    expect(await leading(space)).toBe(other(leader));
    const restored = await space.run(['restore', 'latest', '--only', 'redis', '--yes']);
    expect(restored.status, restored.stderr).toBe(0);
    await wholeCache(space, 90);
    for (const node of NODES) expect(await said(node, 'get medianest:kept')).toBe('here');
  });
});
