import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { docker } from '../../support/cli.ts';
import { type EncryptingDisk, encryptingDisk } from '../../support/engine/encrypting-disk.ts';
import { type SoftwareTpm, softwareTpm } from '../../support/engine/software-tpm.ts';
import { ask, containers, type JsonError, portal, titles } from '../../support/stack.ts';
import { type Workspace, workspace } from '../../support/workspace.ts';

/** Long and odd enough to be nowhere else; the database would compress a longer one. */
const PLAIN = 'Marker-of-plain-7f3e1c';
const SECRET = 'Marker-of-secret-9a2b4d';

let space: Workspace;
let disk: EncryptingDisk;
let tpm: SoftwareTpm;

const configure = (encrypt: boolean, unlock = 'file') =>
  space.configure({ profile: 'dev-compose', storage: { encrypt, path: disk.path, unlock } });
const must = async (...args: string[]) => {
  const ended = await space.run(args, { env: tpm.env });
  expect({ status: ended.status, stderr: ended.stderr }).toMatchObject({ status: 0 });
  return ended;
};
const error = (stdout: string) => (JSON.parse(stdout) as JsonError).error;
const sql = async (statement: string) => {
  const psql = ['psql', '-XqAt', '-h', '/run/postgresql', '-U', 'postgres', '-d', 'medianest', '-c', statement];
  expect(await docker(['exec', `${space.project}-postgres-1`, ...psql])).toMatchObject({ status: 0 });
};
const mountpoint = async (volume: string) =>
  (await docker(['volume', 'inspect', '--format', '{{.Mountpoint}}', `${space.project}_${volume}`])).stdout.trim();

// Stacks come up and go down in each of them, on a machine that may be busy.
vi.setConfig({ testTimeout: 480_000 });

beforeAll(async () => {
  disk = await encryptingDisk(1200);
  tpm = await softwareTpm();
  space = await workspace('encrypt');
});
afterAll(async () => {
  await space.destroy();
  await disk.remove();
  await tpm.remove();
});

test('a stack with data is refused until its data is moved, and nothing of it is on the disk then', async () => {
  configure(false);
  await must('up');
  await ask(portal, space, PLAIN);
  configure(true);
  const refused = await space.run(['up', '--json']);
  expect(error(refused.stdout)).toMatchObject({ code: 'FOREIGN_STATE', hint: expect.stringContaining('storage encrypt') });
  expect(await titles(portal, space)).toEqual([PLAIN]);
  const running = await space.run(['storage', 'encrypt', '--json']);
  expect(error(running.stdout)).toMatchObject({ code: 'FOREIGN_STATE', hint: expect.stringContaining('medianest down') });
  await must('down');
  const source = await mountpoint('postgres-data');
  await must('storage', 'encrypt');
  expect(existsSync(path.join(source, '17'))).toBe(false);
  await must('up');
  expect(await titles(portal, space)).toEqual([PLAIN]);
  expect((await must('storage', 'encrypt')).stdout).toContain('nothing has to be moved');
  expect((await must('up')).stdout).toContain('Nothing to do');
  await ask(portal, space, SECRET);
  await sql('CHECKPOINT');
  expect([await disk.holds(PLAIN), await disk.holds(SECRET)]).toEqual([false, false]);
});

test('after a reboot without the key no container with data starts, and nothing is written; the TPM unlocks it, and all is there', async () => {
  configure(true, 'tpm');
  await must('storage', 'keys', 'rotate', '--without-kit');
  expect((await must('up')).stdout).toContain('Nothing to do');
  const before = (await containers(space.project)).map(({ name }) => name);
  const ids = (await containers(space.project)).map(({ id }) => id);
  expect((await docker(['stop', ...ids])).status).toBe(0);
  await must('storage', 'lock');
  const sealed = readdirSync(path.join(disk.path, space.project, 'data'));
  // As the engine does when it starts: each by itself, whatever becomes of the others.
  for (const id of ids) await docker(['start', id]);
  const started = await containers(space.project);
  const up = started.filter(({ state }) => state === 'running').map(({ service }) => service);
  expect(up.filter((service) => ['app-1', 'postgres', 'redis'].includes(service))).toEqual([]);
  expect(readdirSync(path.join(disk.path, space.project, 'data'))).toEqual(sealed);
  const health = await space.run(['health', '--json'], { env: tpm.env });
  expect(JSON.parse(health.stdout).checks).toContainEqual(
    expect.objectContaining({ id: 'storage', status: 'fail', remedy: expect.stringContaining('sudo medianest storage unlock') }),
  );
  expect((await space.run(['status'])).stdout).toContain('is locked');
  const restart = await space.run(['restart', '--json', 'postgres']);
  expect(error(restart.stdout)).toMatchObject({ code: 'NOT_RUNNING', hint: expect.stringContaining('storage unlock') });
  await must('up');
  expect((await containers(space.project)).map(({ name }) => name)).toEqual(before);
  expect((await titles(portal, space)).sort()).toEqual([PLAIN, SECRET]);
});

test('backups are made and restored as before', async () => {
  await must('backup');
  await sql('DELETE FROM requests');
  expect(await titles(portal, space)).toEqual([]);
  await must('restore', 'latest', '--yes');
  expect((await titles(portal, space)).sort()).toEqual([PLAIN, SECRET]);
  expect([await disk.holds(PLAIN), await disk.holds(SECRET)]).toEqual([false, false]);
});

test('moved out again, the data is all there, and neither the folder nor its key is left', async () => {
  configure(false);
  expect(error((await space.run(['up', '--json'])).stdout)).toMatchObject({
    code: 'FOREIGN_STATE',
    hint: expect.stringContaining('storage decrypt'),
  });
  await must('down');
  await must('storage', 'decrypt');
  expect(readdirSync(disk.path)).toEqual(['lost+found']);
  await must('up');
  expect((await titles(portal, space)).sort()).toEqual([PLAIN, SECRET]);
  await must('down', '--volumes', '--no-backup', '--yes');
  expect(readFileSync(path.join(space.state, 'state.json'), 'utf8')).toContain(space.project);
  expect(existsSync(path.join(space.state, 'encryption.key'))).toBe(false);
});
