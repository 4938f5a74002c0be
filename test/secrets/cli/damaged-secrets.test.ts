import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { beforeEach, expect, test, vi } from 'vitest';
import type { Run } from '../../support/cli.ts';
import { type Folder, folder } from '../../support/command.ts';

// Each command waits for a machine that may be busy.
vi.setConfig({ testTimeout: 90_000 });

const KIT = ['--kit', 'home.kit', '--passphrase-file', 'passphrase'];

let stack: Folder;
const at = (name: string) => path.join(stack.state, name);
const must = async (...args: string[]) => {
  const ended = await stack.run(args);
  expect({ args, ...ended }).toMatchObject({ status: 0 });
  return ended;
};
const refused = ({ stdout }: Run) => (JSON.parse(stdout) as { error: { code: string; message: string; hint: string } }).error;

beforeEach(async () => {
  stack = folder('profile: prod\n');
  await must('render');
  writeFileSync(path.join(stack.dir, 'passphrase'), 'five random words are enough\n');
  await must('backup', 'kit', 'home.kit', '--passphrase-file', 'passphrase');
});

test.each([
  ['cut off', (text: string) => text.slice(0, 100)],
  ['empty, as after a power cut', () => ''],
  ['no object', () => 'null\n'],
  ['without values', () => '{"fingerprintKey":"k","values":[]}\n'],
])('secrets that are %s refuse what needs one, and no more; they come back from the kit', async (_what, damage) => {
  const sound = readFileSync(at('secrets.json'), 'utf8');
  const damaged = damage(sound);
  writeFileSync(at('secrets.json'), damaged);
  const status = await must('status');
  expect(status.stdout).toMatch(/secrets\.json is damaged: .*medianest secrets recover --kit FILE/s);
  expect((await must('down')).stdout).toContain('not running');
  expect((await stack.run(['why', 'app-1'])).status).toBe(5);
  const health = JSON.parse((await stack.run(['health', '--json'])).stdout) as { checks: { id: string; message: string }[] };
  expect(health.checks).toContainEqual(expect.objectContaining({ id: 'state-files', message: expect.stringContaining('is damaged') }));
  for (const args of [
    ['plan'],
    ['up'],
    ['render'],
    ['secrets', 'list'],
    ['backup', 'kit', 'other.kit', '--passphrase-file', 'passphrase'],
  ]) {
    const ended = await stack.run([...args, '--json']);
    expect({ args, ...refused(ended) }).toMatchObject({ code: 'STATE_DAMAGED', hint: expect.stringContaining('secrets recover') });
  }
  expect(readFileSync(at('secrets.json'), 'utf8')).toBe(damaged);
  await must('secrets', 'recover', ...KIT, '--dry-run');
  expect(readFileSync(at('secrets.json'), 'utf8')).toBe(damaged);
  const recovered = JSON.parse((await must('secrets', 'recover', ...KIT, '--json')).stdout) as { kept: string };
  expect([readFileSync(at('secrets.json'), 'utf8'), statSync(at('secrets.json')).mode & 0o777]).toEqual([sound, 0o600]);
  expect([readFileSync(recovered.kept, 'utf8'), statSync(recovered.kept).mode & 0o777]).toEqual([damaged, 0o600]);
  expect((await must('status')).stdout).not.toContain('damaged');
});

test('where a quote is lost, the fault tells nothing of the secret beside it', async () => {
  const sound = readFileSync(at('secrets.json'), 'utf8');
  const damaged = sound.replace(/"value": "[^"]+/, '"value": hunter2secret');
  expect(damaged).not.toBe(sound);
  writeFileSync(at('secrets.json'), damaged);
  for (const args of [['status'], ['health', '--json'], ['plan']]) {
    const { stdout, stderr } = await stack.run(args);
    expect(stdout + stderr).toContain('secrets.json is damaged');
    expect(stdout + stderr).not.toContain('hunter2');
  }
});

test('secrets that are missing are told apart, come back from the kit of this project alone, and sound ones stay', async () => {
  const sound = await stack.run(['secrets', 'recover', ...KIT, '--json']);
  expect(refused(sound)).toMatchObject({ code: 'ALREADY_THERE' });
  await must('backup', 'kit', 'later.kit', '--passphrase-file', 'passphrase');
  renameSync(at('secrets.json'), at('aside'));
  expect((await must('status')).stdout).toMatch(/secrets\.json is missing, and a stack was started with it/);
  const others = await stack.run(['secrets', 'recover', ...KIT, '--json', '--project', 'another']);
  expect(refused(others)).toMatchObject({ code: 'FOREIGN_PROJECT' });
  expect(readdirSync(stack.state)).not.toContain('secrets.json');
  const recovered = await must('secrets', 'recover', ...KIT);
  expect(recovered.stderr).toContain('secrets that were replaced in between are not in it');
  expect(readFileSync(at('secrets.json'), 'utf8')).toBe(readFileSync(at('aside'), 'utf8'));
  rmSync(at('secrets.json'));
  // A folder in its place cannot be read, which is neither.
  writeFileSync(path.join(stack.dir, 'x'), '');
  const wrong = await stack.run(['secrets', 'recover', '--kit', 'x', '--passphrase-file', 'passphrase', '--json']);
  expect(refused(wrong).message).toContain('is no recovery kit');
});

test('a damaged state.json does not stop status and down: the rendered files say the name of the project', async () => {
  writeFileSync(path.join(stack.dir, 'medianest.yml'), 'version: 1\nprofile: prod\n');
  writeFileSync(at('state.json'), '{"dam');
  expect((await must('status')).stdout).toMatch(/^mt-cli .*state\.json is damaged/s);
  expect((await must('down')).stdout).toContain('mt-cli is not running');
  for (const args of [['up'], ['plan'], ['down', '--volumes', '--no-backup', '--yes']])
    expect({ args, ...refused(await stack.run([...args, '--json'])) }).toMatchObject({ code: 'STATE_DAMAGED' });
  // What neither says cannot be told: the folder's own name may be another project's.
  rmSync(at('current'));
  expect((await stack.run(['status'])).status).toBe(1);
  expect(readFileSync(at('state.json'), 'utf8')).toBe('{"dam');
});

test('a link that leads out of the state folder stops `down` also where state.json is damaged', async () => {
  writeFileSync(at('state.json'), '{"dam');
  mkdirSync(path.join(stack.dir, 'elsewhere'));
  symlinkSync(path.join(stack.dir, 'elsewhere'), at('elsewhere'));
  expect(refused(await stack.run(['down', '--json']))).toMatchObject({
    code: 'STATE_DAMAGED',
    message: expect.stringContaining('leads out'),
  });
});

test('what cannot be read is told by status and health, which work', async () => {
  mkdirSync(at('restoring.json'));
  expect((await must('status')).stdout).toContain('restoring.json cannot be read (EISDIR)');
  const health = await stack.run(['health', '--json']);
  expect(JSON.parse(health.stdout).checks).toContainEqual(
    expect.objectContaining({ id: 'state-files', message: expect.stringContaining('restoring.json') }),
  );
});

const FILES = ['orders.json', 'releases.json', 'drained.json', 'backups.json', 'restoring.json', 'carry.json', 'current/manifest.json'];

test.each([...FILES.map((name) => [name, '{"dam']), ['current/manifest.json', 'null'], ['current/manifest.json', '{}']] as [
  string,
  string,
][])('a damaged %s (%s) is told by status and health, which work', async (name, text) => {
  writeFileSync(at(name), text);
  expect((await must('status')).stdout).toContain(`${name} is damaged`);
  const health = await stack.run(['health', '--json']);
  expect(health.status).toBe(5);
  expect(JSON.parse(health.stdout).checks).toContainEqual(
    expect.objectContaining({ id: 'state-files', status: 'fail', message: expect.stringContaining(`${name} is damaged`) }),
  );
  await must('down');
  expect(readFileSync(at(name), 'utf8')).toBe(text);
});
