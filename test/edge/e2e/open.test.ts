import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Operator, operator } from '../../support/operator.ts';
import { type JsonError, parsed } from '../../support/stack.ts';
import { PREFIX, type Workspace, workspace } from '../../support/workspace.ts';

let space: Workspace;
let owner: Operator;
const url = () => `http://127.0.0.1:${space.devPort}/`;
const seen = () => path.join(space.dir, 'home/seen');

beforeAll(async () => {
  space = await workspace('open');
  space.configure({ profile: 'dev' });
  owner = await operator(`${PREFIX}-open`, space);
  mkdirSync(path.join(space.dir, 'bin'));
});
afterAll(async () => {
  await space?.destroy();
  await owner?.remove();
});

/** `medianest open` of a person with a desktop, whose `xdg-open` is this program. */
const open = (program: string, args: readonly string[] = []) => {
  writeFileSync(path.join(space.dir, 'bin/xdg-open'), `#!/bin/sh\n${program}\n`, { mode: 0o755 });
  rmSync(seen(), { force: true });
  return owner.run(['open', ...args], { DISPLAY: ':0', PATH: `${path.join(space.dir, 'bin')}:${process.env.PATH}` });
};
const RECORDS = 'printf "%s\\n" "$@" >"$HOME/seen"';

test('opens nothing where nothing runs, and says what starts it', async () => {
  const before = await open(RECORDS, ['--json']);
  expect([before.status, parsed<JsonError>(before).error]).toEqual([
    1,
    expect.objectContaining({ code: 'NOT_RUNNING', hint: 'medianest up' }),
  ]);
  expect((await owner.run(['up'])).status).toBe(0);
  expect((await owner.run(['down'])).status).toBe(0);
  const down = await open(RECORDS, ['--json']);
  expect([down.status, parsed<JsonError>(down).error.code, existsSync(seen())]).toEqual([1, 'NOT_RUNNING', false]);
});

test('gives the address of the portal to the browser’s program, as its one argument, and prints it', async () => {
  expect((await owner.run(['up'])).status).toBe(0);
  const opened = await open(RECORDS);
  expect(opened).toMatchObject({ status: 0, stdout: `${url()}\n`, stderr: '' });
  expect(readFileSync(seen(), 'utf8')).toBe(`${url()}\n`);
  expect((await fetch(readFileSync(seen(), 'utf8').trim())).status).toBe(200);
  expect(parsed(await open(RECORDS, ['--json']))).toEqual({ url: url(), opened: true });
});

test('tells a browser that does not open, and where to go', async () => {
  const failed = await open('exit 3');
  expect([failed.status, failed.stdout]).toEqual([0, `${url()}\n`]);
  expect(failed.stderr).toContain('xdg-open did not open a browser: open the address yourself');
});

test('starts no program without a desktop, in a dry run, or as root', async () => {
  expect(parsed(await open(RECORDS, ['--json', '--dry-run']))).toEqual({ url: url(), opened: false });
  expect(parsed(await owner.run(['open', '--json'], { DISPLAY: '', WAYLAND_DISPLAY: '' }))).toEqual({ url: url(), opened: false });
  const root = await space.run(['open', '--json'], { env: { DISPLAY: ':0', PATH: `${path.join(space.dir, 'bin')}:${process.env.PATH}` } });
  expect([parsed(root), existsSync(seen())]).toEqual([{ url: url(), opened: false }, false]);
});
