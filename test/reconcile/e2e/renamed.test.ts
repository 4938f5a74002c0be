import { afterAll, beforeAll, expect, test } from 'vitest';
import { docker } from '../../support/cli.ts';
import { json } from '../../support/command.ts';
import { ask, devPortal, titles } from '../../support/stack.ts';
import { removeProject, type Workspace, workspace } from '../../support/workspace.ts';

let space: Workspace;
let other = '';
const named = (project: string, profile = 'dev') => space.configure({ project, profile });
const volumes = async (project: string) =>
  (await docker(['volume', 'ls', '--quiet', '--filter', `label=io.medianest.project=${project}`])).stdout.split('\n').filter(Boolean);
const must = async (...args: string[]) => {
  const done = await space.run(args);
  expect({ status: done.status, stderr: done.stderr }).toMatchObject({ status: 0 });
  return done;
};

beforeAll(async () => {
  space = await workspace('renamed');
  other = `${space.project}-too`;
  await removeProject(other);
  named(space.project);
  await must('up');
  await ask(devPortal, space, 'Safety Last');
  await must('down');
});
afterAll(async () => {
  await removeProject(other);
  await space.destroy();
});

test('under another name, the project does not begin empty without a word', async () => {
  named(other);
  // It writes files alone, and asks no engine: what it writes is no proof that the data may be left.
  await must('render');
  for (const args of [['plan'], ['up', '--dry-run'], ['up'], ['plan', '--project', other]]) {
    const { status, stdout } = await space.run([...args, '--json']);
    const { error } = json(stdout);
    expect([args, status, error.code]).toEqual([args, 1, 'FOREIGN_STATE']);
    expect(error.message).toContain(`${space.project}_data`);
    expect(error.hint).toMatch(new RegExp(`--project ${space.project};.*--new-data`));
  }
  expect(await volumes(other)).toEqual([]);
});

test('begins empty where that is said, and the old volumes stay', async () => {
  expect((await space.run(['plan', '--new-data'])).status).toBe(3);
  await must('up', '--new-data');
  expect(await titles(devPortal, space)).toEqual([]);
  expect((await must('up')).stdout).toContain('Nothing to do');
  expect(await volumes(space.project)).toEqual([`${space.project}_data`]);
  await must('down');
});

test('has its data again under the old name', async () => {
  named(space.project);
  await must('up');
  expect(await titles(devPortal, space)).toEqual(['Safety Last']);
});

test('with another store under the same name, the plan says which data does not come along', async () => {
  await must('down');
  named(space.project, 'dev-compose');
  const plan = await space.run(['plan', '--json']);
  expect([plan.status, json(plan.stdout).leftBehind]).toEqual([3, ['data']]);
  expect((await space.run(['plan'])).stdout).toContain('Data that does not come along: data.');
  const dry = await space.run(['up', '--dry-run', '--json']);
  expect(json(dry.stdout).leftBehind).toEqual(['data']);
});
