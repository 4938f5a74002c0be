import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { DiskHealing } from '../../../src/healing/plan/disk.ts';
import type { Why } from '../../../src/health/plan/why.ts';
import { docker } from '../../support/cli.ts';
import { audit, containers, parsed, until } from '../../support/stack.ts';
import { type Workspace, workspace } from '../../support/workspace.ts';

let space: Workspace;
const name = (service: string) => `${space.project}-${service}-1`;
const stateOf = async (service: string) => (await containers(space.project)).find((entry) => entry.service === service)?.state;

beforeAll(async () => {
  space = await workspace('agent-killed');
  space.configure({ profile: 'dev-compose', components: { agent: true, 'engine-proxy': true } });
  const up = await space.run(['up']);
  expect([up.status, up.stderr]).toEqual([0, expect.any(String)]);
});
afterAll(() => space?.destroy());

test('an agent and a proxy that were killed are started by one command, which says so in the audit log', async () => {
  await docker(['kill', name('agent'), name('engine-proxy')]);
  await until('both have ended', async () => (await stateOf('agent')) === 'exited' && (await stateOf('engine-proxy')) === 'exited');
  const planned = parsed<{ started: string[] }>(await space.run(['agent', 'heal', '--dry-run', '--json']));
  expect(planned.started.sort()).toEqual(['agent', 'engine-proxy']);
  expect(await stateOf('agent')).toBe('exited');
  const healed = await space.run(['agent', 'heal', '--json']);
  expect([healed.status, parsed<{ started: string[] }>(healed).started.sort()]).toEqual([0, ['agent', 'engine-proxy']]);
  expect(audit(space).at(-1)).toMatchObject({ command: 'medianest agent heal', result: 'done' });
});

test('with nothing to do it changes nothing and leaves no line', async () => {
  const before = audit(space).length;
  const healed = await space.run(['agent', 'heal']);
  expect([healed.status, healed.stdout]).toEqual([0, expect.stringContaining('nothing to do')]);
  expect(audit(space)).toHaveLength(before);
});

test('an agent that was stopped on purpose stays stopped', async () => {
  await docker(['stop', name('agent')]);
  expect((await space.run(['agent', 'heal'])).stdout).toContain('nothing to do');
  expect(await stateOf('agent')).toBe('exited');
  await docker(['start', name('agent')]);
});

test('the job does it each minute: a killed agent is back, and heals again', async () => {
  // The first look notes the job, and it is due at the next minute.
  expect((await space.run(['jobs', 'run-due'])).status).toBe(0);
  await docker(['kill', name('agent')]);
  await until(
    'the job starts the agent',
    async () => {
      await space.run(['jobs', 'run-due']);
      return (await stateOf('agent')) === 'running';
    },
    100,
  );
  await docker(['kill', name('redis'), name('backup')]);
  const both = async () => (await stateOf('redis')) === 'running' && (await stateOf('backup')) === 'running';
  await until('the agent starts the cache and the repository of backups', both, 60);
  const status = parsed<{ actions: { what: string; facts: { service?: string } }[] }>(await space.run(['agent', 'status', '--json']));
  expect(status.actions).toContainEqual(expect.objectContaining({ what: 'started', facts: expect.objectContaining({ service: 'redis' }) }));
});

test('the disks of the engine and of the state folder are read, and nothing goes while there is space', async () => {
  const looked = await space.run(['agent', 'disk', '--json']);
  const { disks, removed, dispensable } = parsed<DiskHealing>(looked);
  expect([looked.status, removed, dispensable]).toEqual([0, [], []]);
  for (const { id, free } of disks) expect(free, id).toBeGreaterThan(2 * 16 * 1024 ** 2);
  expect((await space.run(['agent', 'status'])).stdout).toMatch(
    /^Disks, as of .*: the engine’s disk: .* free; the disk of the state folder: .* free/m,
  );
});

test('what the agent did stands in the audit log with its reason, once', async () => {
  for (let look = 0; look < 2; look++) expect((await space.run(['agent', 'heal'])).status).toBe(0);
  const noted = audit(space).filter(({ user, command }) => user === 'agent' && command.startsWith('redis: started'));
  expect(noted.map(({ command }) => command)).toEqual(['redis: started (it ended with status 137)']);
});

test('agent.healing: suggest says what it would do, and act does it; a change does not replace the agent', async () => {
  const agent = async () => (await docker(['inspect', '--format', '{{.Id}} {{.State.StartedAt}}', name('agent')])).stdout;
  const before = await agent();
  const actions = async () => (await space.run(['agent', 'status'])).stdout;
  expect((await space.run(['up', '--set', 'agent.healing=suggest'])).status).toBe(0);
  await until('the agent has read it', async () => (await actions()).includes('healing suggest'), 30);
  await docker(['kill', name('redis')]);
  await until('it is suggested', async () => /suggests: start it: service redis, why it ended with status 137/.test(await actions()), 30);
  const { causes } = parsed<Why>(await space.run(['why', 'redis', '--json']));
  expect(causes[0]?.evidence).toContainEqual(
    expect.objectContaining({ source: 'agent', text: 'suggests: start it (it ended with status 137)' }),
  );
  // Several rounds later nothing was done, and it was told once.
  await sleep(12_000);
  expect(await stateOf('redis')).toBe('exited');
  expect((await actions()).match(/suggests/g)).toHaveLength(1);
  // `up` repairs it by itself; what dies later is the agent's again.
  expect((await space.run(['up'])).status).toBe(0);
  await docker(['kill', name('redis')]);
  await until('it is healed', async () => (await stateOf('redis')) === 'running', 60);
  expect(await agent()).toBe(before);
});
