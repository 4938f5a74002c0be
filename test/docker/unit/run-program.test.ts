import { expect, it } from 'vitest';
import { runProgram } from '../../../src/docker/compose.ts';

const ENDLESS = ['-c', 'while :; do echo tick; sleep 0.1; done'];

it.each([true, false])('a program that writes without end is ended by Ctrl-C (foreground: %s)', async (foreground) => {
  const controller = new AbortController();
  const lines: string[] = [];
  const onLine = (line: string) => {
    lines.push(line);
    if (lines.length === 3) controller.abort();
  };
  await expect(runProgram('sh', ENDLESS, { signal: controller.signal, unbuffered: true, foreground, onLine })).rejects.toMatchObject({
    code: 'INTERRUPTED',
    exitStatus: 130,
  });
  expect(lines.slice(0, 3)).toEqual(['tick', 'tick', 'tick']);
});
