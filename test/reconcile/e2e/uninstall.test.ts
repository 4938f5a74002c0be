import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { docker, PROGRAM, run as runProgram, typing } from '../../support/cli.ts';
import { containers, identities, type JsonError, parsed } from '../../support/stack.ts';
import { type Workspace, workspace } from '../../support/workspace.ts';

interface Uninstalled {
  removed: { what: string; names: string[] }[];
  stays: { what: string; names: string[]; why: string }[];
  steps?: { kind: string }[];
}

let space: Workspace;
const listed = async (...args: string[]) => (await docker(args)).stdout.split('\n').filter(Boolean);
const ours = () => ['--filter', `label=io.medianest.project=${space.project}`];
const releases = () => listed('image', 'ls', '--format', '{{.Repository}}:{{.Tag}}', `medianest/${space.project}-release`);
const refusal = (stdout: string) => (JSON.parse(stdout) as JsonError).error;
/** What a person sees and does who is asked. */
const onTerminal = (answer: string) =>
  runProgram('script', ['--quiet', '--return', '--command', `'${process.execPath}' '${PROGRAM}' uninstall`, '/dev/null'], {
    cwd: space.dir,
    env: { COLUMNS: '400', TERM: 'xterm' },
    interactive: true,
    onSpawn: (child) => typing(child, [answer]),
  });

beforeAll(async () => {
  space = await workspace('uninstall');
  space.configure({ profile: 'dev-compose' });
  await space.besideAnother();
  // As the profile prod has it: a volume that outlives the Compose project.
  await docker(['volume', 'create', '--label', `io.medianest.project=${space.project}`, `${space.project}_backups`]);
  expect((await space.run(['up'])).status).toBe(0);
});
afterAll(async () => {
  await space.destroy();
  for (const ref of await releases()) await docker(['image', 'rm', ref]);
});

test('--yes is not enough, nor is another name, and a dry run changes nothing', async () => {
  const before = await identities(space.project);
  for (const args of [['--yes'], ['--confirm', 'other'], []])
    expect(refusal((await space.run(['uninstall', '--json', ...args])).stdout)).toMatchObject({ code: 'CONFIRMATION_NEEDED' });
  const dry = await space.run(['uninstall', '--dry-run']);
  expect(dry.status).toBe(0);
  for (const word of [`${space.project}_backups`, '1 image', `remove the state folder ${space.state}`]) expect(dry.stdout).toContain(word);
  expect(dry.stdout).toContain('stays: your settings');
  expect(await identities(space.project)).toEqual(before);
  expect(await releases()).toHaveLength(1);
});

test('on a terminal it lists what goes and asks for the name; another one changes nothing', async () => {
  const before = await identities(space.project);
  for (const answer of ['other', 'y', '']) {
    const { status, stdout } = await onTerminal(answer);
    expect([status, stdout]).toEqual([
      2,
      expect.stringContaining(`the removal of ${space.project} was not confirmed; nothing was changed`),
    ]);
    expect(stdout).toMatch(/will be removed: [\s\S]*_backups[\s\S]*stays: [\s\S]*Type the project’s name/);
  }
  expect(await identities(space.project)).toEqual(before);
  expect(existsSync(space.state)).toBe(true);
});

test('a stack of another state folder is refused', async () => {
  const other = path.join(space.dir, 'elsewhere');
  const before = await identities(space.project);
  const run = await space.run(['uninstall', '--json', '--confirm', space.project, '--state', other]);
  expect(refusal(run.stdout)).toMatchObject({ code: 'FOREIGN_STATE' });
  expect(await identities(space.project)).toEqual(before);
});

test('down --volumes names what it leaves', async () => {
  const down = await space.run(['down', '--volumes', '--no-backup', '--yes']);
  expect(down.status).toBe(0);
  for (const word of [`${space.project}_backups`, '1 image of releases', 'that medianest has built', space.state, 'medianest uninstall'])
    expect(down.stdout).toContain(word);
  // Without containers only the state folder says whose the rest is.
  const run = await space.run(['uninstall', '--json', '--confirm', space.project, '--state', path.join(space.dir, 'elsewhere')]);
  expect(refusal(run.stdout)).toMatchObject({ code: 'FOREIGN_STATE' });
  expect(await listed('volume', 'ls', '--quiet', ...ours())).toEqual([`${space.project}_backups`]);
});

test('all of it goes, a link in the state folder is not followed, and a second run has nothing to do', async () => {
  expect((await space.run(['up'])).status).toBe(0);
  const outside = path.join(space.dir, 'outside');
  mkdirSync(outside);
  writeFileSync(path.join(outside, 'kept'), 'x');
  mkdirSync(path.join(space.state, 'waf-rules/deep'), { recursive: true });
  symlinkSync(outside, path.join(space.state, 'waf-rules/deep/link'));
  const run = async () => space.run(['uninstall', '--json', '--confirm', space.project]);
  const outcome = await run();
  expect({ status: outcome.status, stderr: outcome.stderr }).toMatchObject({ status: 0 });
  expect(parsed<Uninstalled>(outcome).stays.map(({ why }) => why)).toEqual([expect.stringMatching(/^the project \S+ may need them/)]);
  expect(readFileSync(path.join(outside, 'kept'), 'utf8')).toBe('x');
  expect(await containers(space.project)).toEqual([]);
  expect(await listed('volume', 'ls', '--quiet', ...ours())).toEqual([]);
  expect(await listed('network', 'ls', '--quiet', ...ours())).toEqual([]);
  expect(await releases()).toEqual([]);
  expect(existsSync(space.state)).toBe(false);
  expect(existsSync(path.join(space.dir, 'medianest.yml'))).toBe(true);
  const again = await run();
  expect({ status: again.status, ...parsed<Uninstalled>(again) }).toMatchObject({ status: 0, removed: [] });
  expect(existsSync(space.state)).toBe(false);
});

test('the right name, typed on a terminal, is enough', async () => {
  expect((await space.run(['render'])).status).toBe(0);
  const { status, stdout } = await onTerminal(space.project);
  expect([status, stdout]).toEqual([0, expect.stringContaining(`${space.project} is uninstalled`)]);
  expect(existsSync(space.state)).toBe(false);
});
