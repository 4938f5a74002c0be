import { mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { docker } from '../../support/cli.ts';
import { json } from '../../support/command.ts';
import { portal, ready } from '../../support/stack.ts';
import { PREFIX, type Workspace, workspace } from '../../support/workspace.ts';

const OWN = `${PREFIX}-uploads-owner/app:1`;

let space: Workspace;
const name = () => `${space.project}-app-1-1`;
const configure = (app: Record<string, unknown> = {}) => space.configure({ profile: 'dev-compose', app });
const must = async (...args: string[]) => {
  const done = await space.run(args);
  expect({ status: done.status, stderr: done.stderr }).toMatchObject({ status: 0 });
  return done;
};
const upload = async () => {
  await ready(portal, space);
  const body = Buffer.from('--b\r\ncontent-disposition: form-data; name="file"; filename="a.txt"\r\n\r\ntext\r\n--b--\r\n');
  const headers = { 'content-type': 'multipart/form-data; boundary=b', 'content-length': body.length, connection: 'close' };
  return (await portal(space, '/api/uploads', { method: 'POST', headers, body })).status;
};
/** Who has the folder, as the application sees it. */
const owner = async () => (await docker(['exec', name(), 'stat', '--format', '%u:%g', '/srv/uploads'])).stdout.trim();
const volume = (...argv: string[]) =>
  docker(['run', '--rm', '--network', 'none', '--volume', `${space.project}_uploads:/v`, 'debian:trixie-slim', ...argv]);
const unwritable = async () => {
  const { checks } = json((await space.run(['health', '--json'])).stdout) as unknown as { checks: { id: string; status: string }[] };
  return checks.filter(({ id }) => id.startsWith('volume-'));
};

beforeAll(async () => {
  space = await workspace('uploads-owner');
  configure();
  await must('up');
});
afterAll(async () => {
  await space.destroy();
  await docker(['image', 'rm', '--force', OWN]);
});

test('a fresh volume belongs to the application, and Compose takes it for its own', async () => {
  expect([await owner(), await upload(), await unwritable()]).toEqual(['10001:10001', 201, []]);
  const again = await must('up');
  expect(again.stdout).toContain('Nothing to do');
  expect((await space.run(['plan'])).status).toBe(0);
  const { stdout } = await docker([
    'compose',
    '-f',
    `${space.state}/current/compose.yml`,
    '--project-directory',
    space.state,
    'up',
    '--dry-run',
    '--no-build',
  ]);
  expect(stdout).not.toContain('not created by Docker Compose');
});

test('is given to another user before the application starts as that, and the plan says so', async () => {
  configure({ user: '20000:20001' });
  const plan = await space.run(['plan']);
  expect([plan.status, plan.stdout]).toEqual([
    3,
    expect.stringMatching(/give the volumes? (\w+, )*uploads(, \w+)* to user 20000:20001 \(app ran as 10001:10001 before/),
  ]);
  await must('up');
  expect([await owner(), await upload(), await unwritable()]).toEqual(['20000:20001', 201, []]);
  expect((await space.run(['plan'])).status).toBe(0);
});

test('is given to the user of an image that has no such folder, also where the volume is empty', async () => {
  await must('down', '--volumes', '--yes', '--no-backup');
  const { stdout: ref } = await docker(['images', '--format', '{{.Repository}}:{{.Tag}}', 'medianest/app']);
  const text = `FROM ${ref.split('\n')[0]}\nUSER root\nRUN rm -rf /srv/uploads\nUSER 10001:10001\n`;
  const dockerfile = space.write('Dockerfile', text);
  expect((await docker(['build', '--tag', OWN, '--file', dockerfile, space.dir])).status).toBe(0);
  configure({ image: OWN });
  await must('up');
  expect([await owner(), await upload(), await unwritable()]).toEqual(['10001:10001', 201, []]);
});

test('that cannot be written is noticed by health, and a restart sets its owner', async () => {
  expect((await volume('chown', '-R', '0:0', '/v')).status).toBe(0);
  expect(await unwritable()).toEqual([expect.objectContaining({ id: 'volume-uploads', status: 'fail' })]);
  expect((await space.run(['health'])).status).toBe(5);
  await must('restart', 'app');
  expect([await owner(), await upload(), await unwritable()]).toEqual(['10001:10001', 201, []]);
});

test('on a disk that the override gives it is on that disk', async () => {
  await must('down', '--volumes', '--yes', '--no-backup');
  const disk = path.join(space.dir, 'disk');
  mkdirSync(disk);
  const options = { type: 'none', o: 'bind', device: disk };
  writeFileSync(path.join(space.state, 'compose.override.yml'), JSON.stringify({ volumes: { uploads: { driver_opts: options } } }));
  await must('up');
  const { stdout } = await docker(['volume', 'inspect', '--format', '{{json .Options}}', `${space.project}_uploads`]);
  expect(JSON.parse(stdout)).toEqual(options);
  expect([await upload(), readdirSync(disk).length > 0, statSync(disk).uid]).toEqual([201, true, 10_001]);
});
