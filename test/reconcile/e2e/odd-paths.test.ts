import { mkdirSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { dockerCli } from '../../../src/docker/compose.ts';
import { bindArgs } from '../../../src/docker/mount-args.ts';
import { asRoot } from '../../../src/state/owned.ts';
import { ask, portal, titles } from '../../support/stack.ts';
import { type Workspace, workspace } from '../../support/workspace.ts';

const ODD = 'films, "old": $HOME';
const IMAGE = 'debian:trixie-slim';

let space: Workspace;
beforeAll(async () => {
  space = await workspace('odd-paths');
  space.configure({ profile: 'dev-compose' });
});
afterAll(() => space.destroy());

// As a user in the docker group has it done.
test('owners are set in a folder whose name has a comma, a quote, a colon and a dollar sign', async () => {
  const folder = path.join(space.dir, 'x', ODD);
  mkdirSync(folder, { recursive: true });
  writeFileSync(path.join(folder, 'key'), '');
  const { exitCode, tail } = await asRoot(['chown', '4242:4242', '/f/key'], { mount: bindArgs(folder, '/f'), image: IMAGE }, dockerCli);
  expect([exitCode, tail]).toEqual([0, []]);
  expect(statSync(path.join(folder, 'key')).uid).toBe(4242);
});

test('a stack with its state in such a folder, and the longest domain, comes up, changes and goes', async () => {
  const state = ['--state', ODD];
  const stack = { ...space, state: path.join(space.dir, ODD) };
  const up = await space.run(['up', ...state]);
  expect([up.status, up.stderr]).toEqual([0, expect.any(String)]);
  await ask(portal, stack, 'Safety Last');
  // The edge's own program reads the new configuration, from a container that mounts it.
  const long = `media.${`${'x'.repeat(63)}.`.repeat(3)}${'x'.repeat(47)}.example`;
  const change = await space.run(['up', ...state, '--set', 'edge.bodyLimit=12m', '--set', `edge.domains=[localhost, ${long}]`]);
  expect([long.length, change.status, change.stderr]).toEqual([253, 0, expect.any(String)]);
  expect(await titles(portal, stack)).toEqual(['Safety Last']);
  expect((await space.run(['down', ...state])).status).toBe(0);
});
