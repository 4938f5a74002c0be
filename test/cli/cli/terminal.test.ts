import { expect, it } from 'vitest';
import { PROGRAM, run } from '../../support/cli.ts';
import { folder } from '../../support/command.ts';
import { PREFIX } from '../../support/workspace.ts';

const project = `${PREFIX}-terminal`;

it.each([
  ['does not tell its size', 'stty rows 0 columns 0', false],
  ['is 80 columns wide', 'stty rows 24 columns 80', true],
])('a terminal that %s shows progress, and the command ends', async (_what, size, spins) => {
  const own = folder();
  expect((await own.run(['render', '--project', project])).status).toBe(0);
  const line = `${size}; exec '${process.execPath}' '${PROGRAM}' uninstall --project ${project} --confirm ${project}`;
  const { status, stdout } = await run('timeout', ['20', 'script', '--quiet', '--return', '--command', line, '/dev/null'], {
    cwd: own.dir,
    // Where `CI` is set, ora takes no stream for a terminal.
    env: { TERM: 'xterm', CI: undefined },
    interactive: true,
  });
  expect([status, stdout]).toEqual([0, expect.stringContaining(`${project} is uninstalled`)]);
  expect(stdout).toContain('remove the state folder');
  expect([stdout.includes('\u001b[?25l'), stdout.length < 20_000]).toEqual([spins, true]);
});
