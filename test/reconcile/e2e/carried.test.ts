import { existsSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { checkedRuns, inVolume, volumeContents } from '../../support/checked-runs.ts';
import { docker } from '../../support/cli.ts';
import { json } from '../../support/command.ts';
import { ask, containers, devPortal, titles } from '../../support/stack.ts';
import { removeProject, type Workspace, workspace } from '../../support/workspace.ts';

let space: Workspace;
let other = '';
const named = (project: string) => space.configure({ project, profile: 'dev' });
const { must, refused, killedAt } = checkedRuns(() => space);
const volumes = async (project: string) =>
  (await docker(['volume', 'ls', '--quiet', '--filter', `label=io.medianest.project=${project}`])).stdout.split('\n').filter(Boolean);
const data = (project: string) => `${project}_data`;
const note = () => path.join(space.state, 'carry.json');

beforeAll(async () => {
  space = await workspace('carried');
  other = `${space.project}-too`;
  await removeProject(other);
  named(space.project);
  await must('up');
  await ask(devPortal, space, 'Safety Last');
  await inVolume(
    data(space.project),
    'cd /v/uploads; head -c 250M /dev/urandom >big; truncate -s 1G sparse; ln -s big link; ln big hard; : >\'a name with\nodd "characters" and ünïcode\'; chmod 4711 link; chown -R 10001:10001 .',
  );
});
afterAll(async () => {
  await removeProject(other);
  await space.destroy();
});

test('a copy is refused while the old stack is there, and nothing is made', async () => {
  named(other);
  expect(await refused('up')).toMatchObject({ status: 1, code: 'FOREIGN_STATE', hint: expect.stringContaining('up --carry-data') });
  for (const args of [
    ['plan', '--carry-data'],
    ['up', '--carry-data'],
  ]) {
    const error = await refused(...args);
    expect(error).toMatchObject({ status: 1, code: 'FOREIGN_STATE', hint: expect.stringContaining(`down --project ${space.project}`) });
  }
  expect(await refused('up', '--carry-data', '--new-data')).toMatchObject({ status: 2, code: 'USAGE' });
  expect([await volumes(other), existsSync(note())]).toEqual([[], false]);
  await must('down', '--project', space.project);
});

test('the plan says what is copied', async () => {
  const plan = await space.run(['plan', '--carry-data']);
  expect(plan.status).toBe(3);
  expect(plan.stdout).toContain(`copy the volume ${data(space.project)} to ${data(other)}, and compare`);
  const { carried, leftBehind } = json((await space.run(['plan', '--carry-data', '--json'])).stdout) as unknown as Record<string, string[]>;
  expect([carried, leftBehind]).toEqual([['data'], []]);
});

test('a volume that anything else mounts is not copied', async () => {
  const name = `${space.project}-reader`;
  await docker([
    'run',
    '--detach',
    '--rm',
    '--init',
    '--name',
    name,
    '--volume',
    `${data(space.project)}:/v:ro`,
    'debian:trixie-slim',
    'sleep',
    '600',
  ]);
  try {
    expect(await refused('up', '--carry-data')).toMatchObject({ status: 1, code: 'FOREIGN_STATE', message: expect.stringContaining(name) });
  } finally {
    await docker(['rm', '--force', name]);
  }
  expect([await volumes(other), existsSync(note())]).toEqual([[], false]);
});

test('a volume under the new name that is not of this move is not written to', async () => {
  await docker(['volume', 'create', '--label', `io.medianest.project=${other}`, data(other)]);
  await inVolume(data(other), 'echo theirs >/v/theirs');
  expect(await refused('up', '--carry-data')).toMatchObject({
    status: 1,
    code: 'ALREADY_THERE',
    message: expect.stringContaining(data(other)),
  });
  expect(await inVolume(data(other), 'ls /v')).toBe('theirs\n');
  await docker(['volume', 'rm', data(other)]);
});

test('killed while it copies, it is told as unfinished; run again, all is there, and the old volume is as it was', async () => {
  const before = await volumeContents(data(space.project));
  expect((await killedAt('copy the volume', 'up', '--carry-data')).status).toBe(null);
  expect(existsSync(note())).toBe(true);
  for (const args of [['plan'], ['up'], ['up', '--new-data']])
    expect(await refused(...args)).toMatchObject({ status: 1, code: 'FOREIGN_STATE', hint: expect.stringContaining('up --carry-data') });
  const up = await must('up', '--carry-data');
  expect(up.stderr).toContain(`copy the volume ${data(space.project)}`);
  expect(await titles(devPortal, space)).toEqual(['Safety Last']);
  expect(existsSync(note())).toBe(false);
  expect(await volumeContents(data(space.project))).toBe(before);
  // The portal that runs now makes and removes files in its folder: only that one's time differs.
  const uploads = (text: string) =>
    text
      .split('\n')
      .filter((line) => line.includes('./uploads'))
      .map((line) => line.replace(/^(d \S+ \S+ \S+) \S+ /, '$1 '));
  expect(uploads(await volumeContents(data(other)))).toEqual(uploads(before));
  // A sparse file stays sparse.
  expect(Number(await inVolume(data(other), 'du -B1 /v/uploads/sparse | cut -f1'))).toBeLessThan(1_000_000);
  expect((await must('up')).stdout).toContain('Nothing to do');
  expect((await must('up', '--carry-data')).stdout).toContain('Nothing to do');
  expect((await docker(['ps', '--all', '--quiet', '--filter', 'label=io.medianest.job=carry'])).stdout).toBe('');
});

test('the old volumes go with down --volumes of the old name, and the new stack goes on', async () => {
  await must('down', '--volumes', '--no-backup', '--yes', '--project', space.project);
  expect([await volumes(space.project), await volumes(other)]).toEqual([[], [data(other)]]);
  expect((await containers(other)).map(({ state }) => state)).toEqual(['running']);
  expect(await titles(devPortal, space)).toEqual(['Safety Last']);
  expect((await must('up')).stdout).toContain('Nothing to do');
});
