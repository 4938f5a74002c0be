import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { docker } from '../../support/cli.ts';
import { json } from '../../support/command.ts';
import { PREFIX, type Workspace, workspace } from '../../support/workspace.ts';

/** A name of this test alone: others use the images that medianest names. */
const OWN = `${PREFIX}-verify/redis:1`;

let space: Workspace;
const must = async (...args: string[]) => {
  const done = await space.run(args);
  expect({ args, status: done.status, stderr: done.stderr }).toMatchObject({ status: 0 });
  return done;
};
const verified = async () => {
  const { status, stdout } = await space.run(['images', 'verify', '--json']);
  const { images } = json(stdout) as unknown as { images: { ref: string; status: string }[] };
  return [status, images.map((image) => `${image.ref} ${image.status}`)];
};
const checkOf = async (wanted: string) => {
  const { checks } = json((await space.run(['health', '--json'])).stdout) as unknown as {
    checks: { id: string; status: string; message: string }[];
  };
  return checks.find(({ id }) => id === wanted);
};
const health = async () => (await checkOf('images'))?.status;
const configure = (images: Record<string, string>) =>
  space.configure({ profile: 'dev', components: { 'all-in-one': false, redis: true }, images });

beforeAll(async () => {
  space = await workspace('verify');
  configure({});
  await must('up');
  const { stdout } = await docker(['inspect', '--format', '{{.Config.Image}}', `${space.project}-redis-1`]);
  await docker(['tag', stdout.trim(), OWN]);
  configure({ redis: OWN });
  await must('up');
}, 600_000);
afterAll(async () => {
  await space.destroy();
  await docker(['image', 'rm', '--force', OWN]);
});

test('a name that stands for another image, and a container of another image, are told, and `up` mends it', async () => {
  expect([await verified(), await health()]).toEqual([[0, [`${OWN} ok`]], 'ok']);

  const { stdout } = await docker(['image', 'inspect', '--format', '{{.Id}}', OWN]);
  await docker(['tag', 'debian:trixie-slim', OWN]);
  expect([await verified(), await health()]).toEqual([[5, [`${OWN} renamed`]], 'warn']);

  const compose = ['compose', '-f', `${space.state}/current/compose.yml`, '--project-directory', space.state];
  expect((await docker([...compose, 'create', '--force-recreate', '--no-build'])).status).toBe(0);
  expect([await verified(), await health()]).toEqual([[5, [`${OWN} replaced`]], 'fail']);

  await docker(['tag', stdout.trim(), OWN]);
  await must('up');
  expect([await verified(), await health()]).toEqual([[0, [`${OWN} ok`]], 'ok']);
}, 180_000);

test('a file of the state folder that another program has changed is told until `up` takes it as it is', async () => {
  expect(await checkOf('integrity')).toMatchObject({ status: 'ok' });
  const file = path.join(space.state, 'secrets.json');
  const before = readFileSync(file, 'utf8');
  writeFileSync(file, `${before}\n`);
  writeFileSync(path.join(space.state, 'config/redis/current/more.conf'), 'maxmemory 1\n');
  const told = { status: 'fail', message: expect.stringMatching(/config\/redis\/\w+\/more\.conf: added, secrets\.json: changed$/) };
  expect(await checkOf('integrity')).toMatchObject(told);
  // A command that has written neither hides nothing.
  await must('restart', 'redis');
  expect(await checkOf('integrity')).toMatchObject(told);
  const { stderr } = await must('up');
  expect(stderr.replace(/\s+/g, ' ')).toContain('takes as it is what another program has changed');
  expect(await checkOf('integrity')).toMatchObject({ status: 'ok' });
  expect(await checkOf('audit')).toMatchObject({ status: 'ok' });
  expect((await must('audit')).stdout.replace(/\s+/g, ' ')).toContain('takes as it is what another program has changed');
}, 120_000);
