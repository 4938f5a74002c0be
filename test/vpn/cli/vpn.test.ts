import { afterAll, beforeAll, expect, test } from 'vitest';
import { type JsonError, parsed } from '../../support/stack.ts';
import { type Workspace, workspace } from '../../support/workspace.ts';

let space: Workspace;
beforeAll(async () => {
  space = await workspace('vpn-off');
});
afterAll(() => space?.destroy());

const error = async (...args: string[]) => {
  const ended = await space.run([...args, '--json']);
  return [ended.status, parsed<JsonError>(ended).error.code];
};

test('commands say that the VPN is off, or was never started, and what is wrong with what was typed', async () => {
  for (const command of [['list'], ['add', 'phone'], ['remove', 'phone'], ['rotate']])
    expect(await error('vpn', ...command)).toEqual([1, 'NOT_RUNNING']);
  space.configure({ profile: 'dev-compose', components: { vpn: true } as Record<string, unknown> });
  expect(await error('vpn', 'list')).toEqual([1, 'NOT_RUNNING']);
  expect(await error('vpn', 'add', 'A phone')).toEqual([2, 'USAGE']);
  expect(await error('vpn', 'add', 'phone', '--role', 'root')).toEqual([2, 'USAGE']);
  expect(await error('vpn', 'add', 'phone', '--until', '2020-01-01')).toEqual([2, 'USAGE']);
  expect(await error('vpn', 'set', 'phone')).toEqual([2, 'USAGE']);
});
