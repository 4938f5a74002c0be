import { afterEach, expect, it } from 'vitest';
import { connectEngine } from '../../../src/docker/docker.ts';
import { labelsOf } from '../../../src/docker/new-volumes.ts';
import { COMPOSE_PROJECT, LABEL, volumeName } from '../../../src/stack/labels.ts';
import { docker } from '../../support/cli.ts';

const PROJECT = 'mt-new-volumes';
const IMAGE = 'debian:trixie-slim';
const NAMES = ['uploads', 'media'].map((name) => volumeName(PROJECT, name));
const to = { uid: 10001, gid: 10002, image: IMAGE, project: PROJECT, stateFolder: `/nonexistent/${PROJECT}` };

const words = async (...args: string[]) => (await docker(args)).stdout.split('\n').filter(Boolean);
const containers = () => words('ps', '--all', '--quiet', '--filter', `label=${COMPOSE_PROJECT}=${PROJECT}`);
/** Owner and mode of each volume, as a container sees them. */
const owners = () => {
  const mounts = NAMES.flatMap((name, index) => ['--volume', `${name}:/at/${index}`]);
  return words('run', '--rm', '--network', 'none', ...mounts, IMAGE, 'stat', '--format', '%u:%g %a', '/at/0', '/at/1');
};
async function make(): Promise<void> {
  for (const name of NAMES)
    await docker(['volume', 'create', '--label', `${LABEL.project}=${PROJECT}`, '--label', `${COMPOSE_PROJECT}=${PROJECT}`, name]);
}

afterEach(async () => {
  for (const id of await containers()) await docker(['rm', '--force', id]);
  await docker(['volume', 'rm', '--force', ...NAMES]);
});

it('new volumes belong to their user, and no container stays', async () => {
  await make();
  await connectEngine(process.env).giveNewVolumes(NAMES, to);
  expect(await containers()).toEqual([]);
  expect(await owners()).toEqual(['10001:10002 755', '10001:10002 755']);
});

it('an image that is not there is an error, and no container stays', async () => {
  await make();
  const given = connectEngine(process.env).giveNewVolumes(NAMES, { ...to, image: 'medianest/not-there:1' });
  await expect(given).rejects.toMatchObject({ code: 'ENGINE_FAILED' });
  expect([await containers(), await owners()]).toEqual([[], ['0:0 755', '0:0 755']]);
});

it('Compose takes for its own what a killed run has left, so `up` and `down` remove it', async () => {
  await make();
  const labels = Object.entries(labelsOf(to)).flatMap(([name, value]) => ['--label', `${name}=${value}`]);
  const mounts = NAMES.flatMap((name, index) => ['--volume', `${name}:/volumes/${index}`]);
  await docker(['create', '--network', 'none', ...labels, ...mounts, IMAGE, 'true']);
  expect(await containers()).toHaveLength(1);
  await docker(['compose', '--project-name', PROJECT, 'down', '--remove-orphans']);
  expect(await containers()).toEqual([]);
});
