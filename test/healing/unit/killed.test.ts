import { expect, test } from 'vitest';
import type { ContainerStory } from '../../../src/docker/types.ts';
import { agentAction, describeAgent } from '../../../src/healing/plan/agent-status.ts';
import { killed } from '../../../src/healing/plan/killed.ts';

const story = (exitCode: number): ContainerStory => ({
  running: false,
  exitCode,
  oomKilled: false,
  error: '',
  started: undefined,
  finished: undefined,
  memoryLimit: 0,
  checks: [],
});

test.each<[string, string, ContainerStory | undefined, boolean]>([
  ['killed', 'exited', story(137), true],
  ['crashed', 'dead', story(1), true],
  ['stopped on purpose', 'exited', story(143), false],
  ['ended by itself', 'exited', story(0), false],
  ['stopped by Ctrl-C', 'exited', story(130), false],
  ['running', 'running', story(137), false],
  ['being restarted by Docker', 'restarting', story(1), false],
  ['gone', 'exited', undefined, false],
])('a container that is %s', (_name, state, its, start) => {
  expect(killed([{ service: 'agent', state, story: its }]).length === 1).toBe(start);
});

test('the agent’s log is read line by line, and told with its reasons', () => {
  const line = '{"time":"2026-11-29T10:00:00.000Z","what":"started","service":"redis-2","why":"exit status 137"}';
  const action = agentAction(line);
  expect(action).toEqual({ time: '2026-11-29T10:00:00.000Z', what: 'started', facts: { service: 'redis-2', why: 'exit status 137' } });
  expect([agentAction('Debugger listening'), agentAction('{"what":1}')]).toEqual([undefined, undefined]);
  const containers = [
    { service: 'engine-proxy', state: 'running', health: 'healthy' },
    { service: 'agent', state: 'exited', health: 'none' },
  ];
  const told = describeAgent({ containers, healing: 'act', fencing: 'off', paused: true, actions: [action as never] });
  expect(told.split('\n')).toEqual([
    'engine-proxy healthy, agent exited; healing (paused while a command works), no fencing',
    'What it did last:',
    '  2026-11-29 10:00:00 UTC started: service redis-2, why exit status 137',
  ]);
});
