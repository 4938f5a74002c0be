import type { spawn } from 'node:child_process';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { docker, PROGRAM, type Run, run } from '../../support/cli.ts';
import { type Workspace, workspace } from '../../support/workspace.ts';

const CLEAR = '\u001b[H\u001b[2J';
const [ENTER, LEAVE] = ['\u001b[?1049h', '\u001b[?1049l'];
let space: Workspace;
const container = () => `${space.project}-all-in-one-1`;

beforeAll(async () => {
  space = await workspace('watch');
  space.configure({ profile: 'dev' });
});
afterAll(() => space.destroy());
beforeEach(async () => {
  expect((await space.run(['up'])).status).toBe(0);
});

/** Does something once words are there, each after the one before; the words and deeds in turn. */
function reacting(child: ReturnType<typeof spawn>, reactions: readonly [words: RegExp, act: () => unknown][]): void {
  const left = [...reactions];
  let said = '';
  child.stdout?.on('data', (chunk: Buffer) => {
    said += chunk;
    if (!left[0]?.[0].test(said)) return;
    said = '';
    left.shift()?.[1]();
  });
}

/** A command on a terminal of 24 rows, with the terminal's own settings before and after it. */
const onTerminal = (command: string, reactions: (interrupt: () => unknown) => [RegExp, () => unknown][]): Promise<Run> => {
  const line = `trap : INT; stty rows 24 columns 80; stty -g; '${process.execPath}' '${PROGRAM}' ${command}; echo "ended $?"; stty -g`;
  return run('script', ['--quiet', '--return', '--command', line, '/dev/null'], {
    cwd: space.dir,
    env: { TERM: 'xterm', NO_COLOR: '1' },
    interactive: true,
    onSpawn: (child) =>
      reacting(
        child,
        reactions(() => child.stdin?.write('\u0003')),
      ),
  });
};

test.each([
  ['status --watch', /1\/1 healthy/, /\(dev\): stopped|0\/1/, 0],
  ['health --watch', /overall: ok|overall: warn/, /overall: fail/, 5],
])(
  '%s shows what changes in one place, ends at Ctrl-C as what it showed last, and leaves the terminal as it was',
  async (command, well, ill, status) => {
    const { stdout } = await onTerminal(command, (interrupt) => [
      [well, () => docker(['stop', container()])],
      [ill, interrupt],
    ]);
    expect(stdout).toContain(`ended ${status}`);
    const [before, shown = '', after = ''] = stdout.replace(LEAVE, ENTER).split(ENTER);
    const frames = shown.split(CLEAR).slice(1);
    expect(frames.length).toBeGreaterThan(1);
    expect(frames[0]).toMatch(well);
    expect(frames.at(-1)).toMatch(ill);
    for (const frame of frames) expect(frame.split('\n').length).toBeLessThanOrEqual(24);
    expect(after).toMatch(ill);
    expect(after.trim().split(/\s+/).at(-1)).toBe(before?.trim().split(/\s+/).at(-1));
  },
);

test('what does not go to a terminal stands one below the other, without a control character', async () => {
  const { stdout, status } = await space.run(['status', '--watch'], {
    onSpawn: (child) => reacting(child, [[/healthy[\s\S]*healthy/, () => child.kill('SIGINT')]]),
  });
  expect(status).toBe(0);
  expect(stdout.match(/^\d{4}-\d\d-\d\dT.*Z$/gm)?.length).toBeGreaterThan(1);
  expect(stdout).not.toContain('\u001b');
});
