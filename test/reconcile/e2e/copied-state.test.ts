import { renameSync, rmSync, statSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { run } from '../../support/cli.ts';
import { ask, identities, portal, titles } from '../../support/stack.ts';
import { type Workspace, workspace } from '../../support/workspace.ts';

let space: Workspace;
const must = async (command: string, ...args: string[]) => {
  const done = await run(command, args, { cwd: space.dir });
  expect([done.status, done.stderr]).toEqual([0, '']);
};
const secret = () => statSync(path.join(space.state, 'secrets', 'redis', 'redis-password'));

beforeAll(async () => {
  space = await workspace('copied');
  space.configure({ profile: 'dev-compose' });
  const up = await space.run(['up']);
  if (up.status !== 0) throw new Error(up.stderr);
  await ask(portal, space, 'Safety Last');
});
afterAll(() => space.destroy());

test('a state folder that was copied without its owners comes up, and its data is there', async () => {
  const { uid } = secret();
  expect(uid).not.toBe(0);
  expect((await space.run(['down'])).status).toBe(0);
  await must('cp', '-r', '.medianest', 'copy');
  rmSync(space.state, { recursive: true });
  renameSync(path.join(space.dir, 'copy'), space.state);
  expect(secret().uid).toBe(0);

  const dry = await space.run(['up', '--dry-run']);
  expect([dry.status, dry.stdout]).toEqual([expect.any(Number), expect.stringMatching(/set owner and mode of .* in the state folder/)]);
  expect(secret().uid).toBe(0);

  const up = await space.run(['up']);
  expect([up.status, up.stderr]).toEqual([0, expect.any(String)]);
  expect(secret().uid).toBe(uid);
  expect(secret().mode & 0o777).toBe(0o400);
  expect(await titles(portal, space)).toEqual(['Safety Last']);
  expect((await space.run(['plan'])).status).toBe(0);
});

test('one that was closed to all others is opened for the containers, without replacing one', async () => {
  const before = await identities(space.project);
  await must('chmod', '-R', 'go-rwx', '.medianest');
  const plan = await space.run(['plan']);
  expect([plan.status, plan.stdout]).toEqual([3, expect.stringContaining('set owner and mode of')]);
  expect((await space.run(['up'])).status).toBe(0);
  expect(await identities(space.project)).toEqual(before);
  expect((await space.run(['plan'])).status).toBe(0);
  // Each reads all that it mounts again.
  const restart = await space.run(['restart']);
  expect([restart.status, restart.stderr]).toEqual([0, expect.any(String)]);
  expect(await titles(portal, space)).toEqual(['Safety Last']);
});

test('one that others may look into is told by health and plan, and closed by up, without replacing one', async () => {
  const before = await identities(space.project);
  await must('chmod', '-R', 'go+rX', '.medianest');
  expect((await space.run(['health'])).stdout).toContain('other users may read what the state folder holds');
  const plan = await space.run(['plan']);
  expect([plan.status, plan.stdout]).toEqual([3, expect.stringContaining('set owner and mode of the folder itself')]);
  expect((await space.run(['up'])).status).toBe(0);
  expect([statSync(space.state).mode & 0o777, secret().mode & 0o777]).toEqual([0o700, 0o400]);
  expect((await space.run(['plan'])).status).toBe(0);
  expect((await space.run(['health'])).stdout).not.toContain('other users may read');
  expect(await identities(space.project)).toEqual(before);
});

test('a certificate whose key the copy has left out is issued again', async () => {
  expect((await space.run(['down'])).status).toBe(0);
  rmSync(path.join(space.state, 'certs', 'edge', 'current', 'privkey.pem'));
  expect((await space.run(['plan'])).stdout).toMatch(/issue certificate edge/);
  expect((await space.run(['up'])).status).toBe(0);
  expect(await titles(portal, space)).toEqual(['Safety Last']);
});
