import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { folder, json } from '../../support/command.ts';

/** No engine is reached: a bare host whose repository is away is refused before one is asked. */
const NO_ENGINE = { DOCKER_HOST: 'unix:///nowhere.sock' };

it('a bare host needs no file that the settings name for a secret: the kit has it', async () => {
  const own = folder(
    'profile: staging\nexternal: { plex: { url: "http://192.0.2.1:32400", token: "file:./plex-token" } }\nbackup: { local: { kind: folder, path: ./disk } }\n',
  );
  writeFileSync(path.join(own.dir, 'plex-token'), 'the-token\n');
  writeFileSync(path.join(own.dir, 'passphrase'), 'five random words in a row\n');
  expect((await own.run(['render'], { env: NO_ENGINE })).status).toBe(0);
  const made = await own.run(['backup', 'kit', 'home.kit', '--passphrase-file', 'passphrase'], { env: NO_ENGINE });
  expect(made.status, made.stderr).toBe(0);
  const bare = path.join(own.dir, 'bare');
  mkdirSync(bare);
  const args = ['restore', '--kit', '../home.kit', '--passphrase-file', '../passphrase', '--json'];
  const { status, stdout } = await own.run(args, { cwd: bare, env: NO_ENGINE });
  // The next thing that is missing is the disk.
  expect([status, json(stdout).error.code]).toEqual([1, 'REPOSITORY_AWAY']);
  expect(readdirSync(bare)).toEqual([]);
});

it('a kit from before sign-on is told before anything starts: visitors would not sign in', async () => {
  const own = folder('profile: prod\nbackup: { local: { kind: folder, path: ./disk } }\n');
  writeFileSync(path.join(own.dir, 'passphrase'), 'five random words in a row\n');
  const restored = async (bare: string) => {
    expect((await own.run(['backup', 'kit', 'home.kit', '--passphrase-file', 'passphrase'], { env: NO_ENGINE })).status).toBe(0);
    mkdirSync(path.join(own.dir, bare));
    const args = ['restore', '--kit', '../home.kit', '--passphrase-file', '../passphrase'];
    return own.run(args, { cwd: path.join(own.dir, bare), env: NO_ENGINE });
  };
  expect((await own.run(['render'], { env: NO_ENGINE })).status).toBe(0);
  expect((await restored('with')).stderr).not.toContain('sign in');
  const file = path.join(own.state, 'secrets.json');
  const secrets = JSON.parse(readFileSync(file, 'utf8')) as { values: Record<string, unknown> };
  secrets.values = Object.fromEntries(Object.entries(secrets.values).filter(([name]) => !name.startsWith('sign-on')));
  writeFileSync(file, JSON.stringify(secrets));
  const { status, stderr } = await restored('without');
  expect(status).toBe(1);
  expect(stderr).toMatch(/Warning: the kit is of \d{4}-\d\d-\d\d: visitors do not sign in: .*components: \{ sign-on: true \}/s);
});

it('takes the place of an older kit of the same project, and of no other file: one stick holds the kits of several projects', async () => {
  const own = folder('profile: staging\nbackup: { local: { kind: folder, path: ./disk } }\n');
  writeFileSync(path.join(own.dir, 'passphrase'), 'five random words in a row\n');
  const made = (file: string) => own.run(['backup', 'kit', file, '--passphrase-file', 'passphrase', '--json'], { env: NO_ENGINE });
  expect((await own.run(['render'], { env: NO_ENGINE })).status).toBe(0);
  expect([(await made('home.kit')).status, (await made('home.kit')).status]).toEqual([0, 0]);
  const kit = path.join(own.dir, 'home.kit');
  writeFileSync(kit, JSON.stringify({ ...JSON.parse(readFileSync(kit, 'utf8')), project: 'other' }));
  writeFileSync(path.join(own.dir, 'notes.txt'), 'mine');
  for (const [file, taken] of [
    ['home.kit', 'home.kit'],
    ['passphrase', 'passphrase'],
    ['notes', 'notes.txt'],
  ] as const) {
    const before = readFileSync(path.join(own.dir, taken), 'utf8');
    const { status, stdout } = await made(file);
    expect([status, json(stdout).error.code, json(stdout).error.message]).toEqual([1, 'ALREADY_THERE', expect.stringContaining(taken)]);
    expect(readFileSync(path.join(own.dir, taken), 'utf8')).toBe(before);
  }
});
