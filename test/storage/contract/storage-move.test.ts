import {
  chownSync,
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { docker, type Run, run } from '../../support/cli.ts';
import { type EncryptingDisk, encryptingDisk } from '../../support/engine/encrypting-disk.ts';
import { softwareTpm } from '../../support/engine/software-tpm.ts';
import { type Workspace, workspace } from '../../support/workspace.ts';

// Volumes of an engine, and no container: a stack that is down.

const MARKER = 'Marker-of-a-moved-file-51c7';

let space: Workspace;
let disk: EncryptingDisk;

// Each command waits for a machine that may be busy.
vi.setConfig({ testTimeout: 120_000 });

const configure = (encrypt: boolean, unlock = 'file') =>
  space.configure({ profile: 'dev-compose', storage: { encrypt, path: disk.path, unlock } });
const storage = (...args: string[]) => space.run(['storage', ...args]);
const failed = (ended: Run) => (JSON.parse(ended.stdout) as { error: { code: string; message: string; hint: string } }).error;
const full = (name: string) => `${space.project}_${name}`;
const NAMES = ['postgres-data', 'uploads'];

async function inspected(name: string): Promise<{ folder: string; device: string | undefined }> {
  const [found] = JSON.parse((await docker(['volume', 'inspect', full(name)])).stdout) as [
    { Mountpoint: string; Options: { device?: string } | null },
  ];
  return { folder: found.Options?.device ?? found.Mountpoint, device: found.Options?.device };
}

/** What is in a folder: names, kinds, owners, modes, links and contents. */
async function listed(folder: string): Promise<string> {
  const script = `cd "$0" && find . -printf '%y %m %U %G %n %l %p\\n' | sort && find . -type f -print0 | sort -z | xargs -0 sha256sum`;
  const { status, stdout, stderr } = await run('sh', ['-c', script, folder]);
  expect(stderr).toBe('');
  expect(status).toBe(0);
  return stdout;
}

const everything = async () => Promise.all(NAMES.map(async (name) => listed((await inspected(name)).folder)));

/** The copy of a run that was killed ends by itself. */
const WAIT = '--wait-lock=60';

/** Ends a move as a power cut does, as soon as it has said this. */
const killedAt = (words: RegExp, command: string) =>
  space.run(['storage', command, WAIT], {
    onSpawn: (child) => {
      let seen = '';
      child.stderr?.on('data', (chunk: Buffer) => {
        seen += chunk;
        if (words.test(seen)) child.kill('SIGKILL');
      });
    },
  });

beforeAll(async () => {
  disk = await encryptingDisk(300);
  space = await workspace('move');
  await space.besideAnother();
  for (const name of NAMES) {
    const labels = ['--label', `io.medianest.project=${space.project}`, '--label', `com.docker.compose.project=${space.project}`];
    expect((await docker(['volume', 'create', ...labels, full(name)])).status).toBe(0);
    const { folder } = await inspected(name);
    mkdirSync(path.join(folder, '17'), { mode: 0o700 });
    chownSync(path.join(folder, '17'), 10002, 10002);
    writeFileSync(path.join(folder, '17/first'), `${MARKER}\n`);
    chownSync(path.join(folder, '17/first'), 10002, 10003);
    linkSync(path.join(folder, '17/first'), path.join(folder, '17/second'));
    symlinkSync('first', path.join(folder, '17/link'));
    writeFileSync(path.join(folder, "a name with 'quotes' $HOME\nand a line"), '');
    writeFileSync(path.join(folder, 'sparse'), 'begins');
    truncateSync(path.join(folder, 'sparse'), 24 * 1024 ** 2);
    for (let file = 0; file < 200; file++) writeFileSync(path.join(folder, `17/${file}`), `${name} ${file}`);
  }
});
afterAll(async () => {
  await space.destroy();
  await disk.remove();
});

test('plain data is not moved into a folder that a TPM alone opens, before a kit does', async () => {
  const tpm = await softwareTpm();
  try {
    const run = (...args: string[]) => space.run(args, { env: tpm.env });
    configure(true, 'tpm');
    const before = await everything();
    for (const made of [false, true]) {
      if (made) expect((await run('storage', 'unlock')).status).toBe(0);
      expect(failed(await run('storage', 'encrypt', '--json'))).toMatchObject({
        code: 'CONFIRMATION_NEEDED',
        hint: expect.stringContaining('sudo medianest backup kit FILE'),
      });
    }
    expect(await everything()).toEqual(before);
    for (const name of NAMES) expect((await inspected(name)).device).toBeUndefined();
    writeFileSync(path.join(space.state, 'secrets.json'), JSON.stringify({ fingerprintKey: 'k', values: {} }), { mode: 0o600 });
    writeFileSync(path.join(space.dir, 'words'), 'five random words are enough', { mode: 0o600 });
    expect((await run('backup', 'kit', 'home.kit', '--passphrase-file', 'words')).status).toBe(0);
    expect((await run('storage', 'encrypt')).status).toBe(0);
    expect(await everything()).toEqual(before);
    configure(false);
    expect((await run('storage', 'decrypt')).status).toBe(0);
  } finally {
    await tpm.remove();
  }
});

test('a stack with plain volumes is moved, whatever kills the move on its way, and nothing of it can be read on the disk', async () => {
  configure(true);
  const before = await everything();
  const plan = await space.run(['plan', '--json']);
  expect(failed(plan)).toMatchObject({ code: 'FOREIGN_STATE', hint: expect.stringContaining('sudo medianest storage encrypt') });
  for (const words of [/copy /, /done[\s\S]*copy /, /remove the originals/]) {
    await killedAt(words, 'encrypt');
    const other = await space.run(['render', '--json', WAIT]);
    if (existsSync(path.join(space.state, 'encryption-move.json')))
      expect(failed(other)).toMatchObject({ code: 'PARTIAL', hint: 'sudo medianest storage encrypt continues it' });
  }
  const moved = await storage('encrypt', '--json', WAIT);
  expect(moved.status).toBe(0);
  for (const name of NAMES) expect((await inspected(name)).device).toBe(path.join(disk.path, space.project, 'data/volumes', name));
  expect(await everything()).toEqual(before);
  // The file takes what it holds, not what it seems to be.
  expect(statSync(path.join((await inspected('postgres-data')).folder, 'sparse')).blocks).toBeLessThan(100);
  expect(await disk.holds(MARKER)).toBe(false);
  expect(JSON.parse((await storage('encrypt', '--json')).stdout)).toMatchObject({ volumes: [], changed: false });
  expect((await space.run(['render'])).status).toBe(0);
});

test('while it is locked, neither a plan nor another command goes on, and nothing is made in place of the data', async () => {
  expect((await storage('lock')).status).toBe(0);
  const sealed = readdirSync(path.join(disk.path, space.project, 'data'));
  expect(sealed).toHaveLength(1);
  expect(failed(await space.run(['render', '--json']))).toMatchObject({
    code: 'NOT_RUNNING',
    hint: expect.stringContaining('sudo medianest storage unlock'),
  });
  const steps = JSON.parse((await space.run(['up', '--dry-run', '--json'])).stdout).steps as { kind: string }[];
  const kinds = steps.map(({ kind }) => kind);
  expect(kinds).toContain('open-storage');
  expect(kinds.indexOf('open-storage')).toBeLessThan(kinds.indexOf('own-volume'));
  expect(readdirSync(path.join(disk.path, space.project, 'data'))).toEqual(sealed);
  expect((await space.run(['status'])).stdout).toContain('is locked');
  expect((await storage('unlock')).status).toBe(0);
});

test('a disk without space is told before anything is copied, and a folder with other data is not written into', async () => {
  configure(false);
  const before = await everything();
  const refused = await space.run(['plan', '--json']);
  expect(failed(refused)).toMatchObject({ code: 'FOREIGN_STATE', hint: expect.stringContaining('sudo medianest storage decrypt') });
  for (const words of [/copy /, /done[\s\S]*copy /]) await killedAt(words, 'decrypt');
  expect((await storage('decrypt', WAIT)).status).toBe(0);
  expect(readdirSync(disk.path)).toEqual(['lost+found']);
  expect(existsSync(path.join(space.state, 'encryption.key'))).toBe(false);
  expect(await everything()).toEqual(before);
  for (const name of NAMES) expect((await inspected(name)).device).toBeUndefined();

  configure(true);
  await run('fallocate', ['-l', '180M', path.join(disk.path, 'filler')]);
  const { folder } = await inspected('postgres-data');
  await run('fallocate', ['-l', '60M', path.join(folder, 'big')]);
  expect(failed(await storage('encrypt', '--json'))).toMatchObject({ code: 'DISK_FULL' });
  expect(existsSync(path.join(space.state, 'encryption-move.json'))).toBe(false);
  expect(existsSync(path.join(disk.path, space.project))).toBe(false);
  rmSync(path.join(disk.path, 'filler'));
  rmSync(path.join(folder, 'big'));
  expect((await storage('unlock')).status).toBe(0);
  const place = path.join(disk.path, space.project, 'data/volumes/uploads');
  mkdirSync(place);
  writeFileSync(path.join(place, 'other'), 'kept');
  expect(failed(await storage('encrypt', '--json'))).toMatchObject({
    code: 'FOREIGN_STATE',
    message: expect.stringContaining('holds data already'),
  });
  expect(readFileSync(path.join(place, 'other'), 'utf8')).toBe('kept');
  rmSync(place, { recursive: true });
  expect((await storage('encrypt')).status).toBe(0);
  expect(await everything()).toEqual(before);
});

test('what is deleted with its volumes leaves neither folder nor key, locked as it is', async () => {
  expect((await storage('lock')).status).toBe(0);
  const gone = await space.run(['uninstall', '--confirm', space.project]);
  expect({ status: gone.status, stderr: gone.stderr }).toMatchObject({ status: 0 });
  expect(readdirSync(disk.path)).toEqual(['lost+found']);
  expect((await docker(['volume', 'ls', '--quiet', '--filter', `label=io.medianest.project=${space.project}`])).stdout).toBe('');
  expect(existsSync(space.state)).toBe(false);
});
