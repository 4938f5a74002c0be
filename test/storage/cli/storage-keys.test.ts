import {
  chownSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { medianest, PROGRAM, type Run, run } from '../../support/cli.ts';
import { type EncryptingDisk, encryptingDisk } from '../../support/engine/encrypting-disk.ts';
import { killedAtWrite } from '../../support/killed-at-write.ts';
import { PREFIX } from '../../support/workspace.ts';

const FIRST = 'correct horse battery staple';
const SECOND = 'another five words entirely here';

let disk: EncryptingDisk;
let dir: string;

// Each command waits for a machine that may be busy.
vi.setConfig({ testTimeout: 60_000 });

beforeEach(async () => {
  disk = await encryptingDisk(64);
  dir = mkdtempSync(path.join(os.tmpdir(), 'medianest-storage-'));
});
afterEach(async () => {
  await disk.remove();
  rmSync(dir, { recursive: true, force: true });
});

const at = (...names: string[]) => path.join(dir, ...names);
const configure = (more = '', encrypt = true) =>
  writeFileSync(
    at('medianest.yml'),
    `version: 1\nproject: keys\nprofile: dev\nstorage: { encrypt: ${encrypt}, path: ${disk.path}${more} }\n`,
  );
const storage = (...args: string[]): Promise<Run> => medianest(['storage', ...args], { cwd: dir });
const file = (name: string, text: string): string => {
  writeFileSync(at(name), `${text}\n`, { mode: 0o600 });
  return at(name);
};
const state = async () => JSON.parse((await storage('status', '--json')).stdout) as { state: string; opens: string[]; next: string | null };
const refused = (ended: Run) => (JSON.parse(ended.stdout) as { error: { code: string; message: string; hint: string } }).error;
const secretFile = () => path.join(disk.path, 'keys/data/volumes/secret');
const headerFile = () => path.join(disk.path, 'keys/header.json');

describe('a passphrase', () => {
  beforeEach(async () => {
    configure(', unlock: passphrase');
    const made = await storage('unlock', '--passphrase-file', file('first', FIRST));
    expect(made).toMatchObject({ status: 0 });
    writeFileSync(secretFile(), 'a marker in plain text');
  });

  test('alone reads the data: locked, and after the disk was away, neither name nor contents can be read, and nothing can be written', async () => {
    writeFileSync(path.join(disk.path, 'beside'), 'another marker, beside it');
    expect(await disk.holds('another marker, beside it')).toBe(true);
    expect(await disk.holds('a marker in plain text')).toBe(false);
    rmSync(path.join(disk.path, 'beside'));
    expect(await storage('lock')).toMatchObject({ status: 0 });
    expect(await state()).toMatchObject({ state: 'locked', next: expect.stringContaining('sudo medianest storage unlock') });
    expect(existsSync(secretFile())).toBe(false);
    expect(() => writeFileSync(path.join(disk.path, 'keys/data/new'), '')).toThrow(/-126|ENOKEY/);
    const wrong = await storage('unlock', '--json', '--passphrase-file', file('wrong', SECOND));
    expect([wrong.status, refused(wrong).message]).toEqual([2, expect.stringContaining('does not open the data')]);
    expect((await state()).state).toBe('locked');
    const unasked = await storage('unlock', '--json');
    expect([unasked.status, refused(unasked)]).toEqual([
      2,
      expect.objectContaining({ code: 'CONFIRMATION_NEEDED', hint: expect.stringContaining('--passphrase-file') }),
    ]);
    await disk.unmount();
    const away = await storage('unlock', '--json', '--passphrase-file', at('first'));
    expect([away.status, refused(away)]).toEqual([
      1,
      expect.objectContaining({ code: 'FOREIGN_STATE', hint: expect.stringContaining('mount the disk') }),
    ]);
    expect(readdirSync(disk.path)).toEqual([]);
    await disk.mount();
    expect((await state()).state).toBe('locked');
    expect(await storage('unlock', '--passphrase-file', at('first'))).toMatchObject({ status: 0 });
    expect(readFileSync(secretFile(), 'utf8')).toBe('a marker in plain text');
  });

  test('is replaced by another one, or by a key file, and the old one opens nothing then', async () => {
    const rotate = (...args: string[]) => storage('keys', 'rotate', '--passphrase-file', at('first'), ...args);
    const short = await rotate('--json', '--new-passphrase-file', file('short', 'too short'));
    expect([short.status, refused(short).message]).toEqual([2, expect.stringContaining('fewer than 12 characters')]);
    expect(await rotate('--new-passphrase-file', file('second', SECOND))).toMatchObject({ status: 0 });
    await storage('lock');
    expect((await storage('unlock', '--passphrase-file', at('first'))).status).toBe(2);
    expect((await storage('unlock', '--passphrase-file', at('second'))).status).toBe(0);
    configure();
    expect((await state()).next).toContain('keys rotate');
    expect(await storage('keys', 'rotate', '--passphrase-file', at('second'))).toMatchObject({ status: 0 });
    await storage('lock');
    expect(await storage('unlock')).toMatchObject({ status: 0 });
    expect(statSync(at('.medianest/encryption.key')).mode & 0o777).toBe(0o600);
    expect(readFileSync(secretFile(), 'utf8')).toBe('a marker in plain text');
  });

  test('opens a header that was lost by its copy in the state folder; a changed one opens nothing', async () => {
    await storage('lock');
    copyFileSync(headerFile(), at('kept'));
    rmSync(headerFile());
    expect(await storage('unlock', '--passphrase-file', at('first'))).toMatchObject({ status: 0 });
    expect(readFileSync(headerFile(), 'utf8')).toBe(readFileSync(at('kept'), 'utf8'));
    await storage('lock');
    writeFileSync(headerFile(), readFileSync(at('kept'), 'utf8').replace(/"p": 1/, '"p": 2'));
    expect((await storage('unlock', '--passphrase-file', at('first'))).status).toBe(2);
    writeFileSync(headerFile(), readFileSync(at('kept'), 'utf8').slice(0, 100));
    const damaged = await storage('unlock', '--json', '--passphrase-file', at('first'));
    expect(refused(damaged).code).toBe('STATE_DAMAGED');
  });
});

describe('a key file', () => {
  test('is rotated so that a run that is killed anywhere leaves one that opens the data', async () => {
    configure();
    await storage('unlock');
    writeFileSync(secretFile(), 'kept');
    const counted = {
      folders: [at('.medianest'), path.join(disk.path, 'keys')],
      files: ['encryption.key', 'header.json', 'encryption.json'],
    };
    let killed = 0;
    // It writes six times: the key file, the header and its copy, both again without the old secret, and the key file without it.
    for (let writes = 1; writes <= 6; writes++) {
      if (await killedAtWrite(['storage', 'keys', 'rotate'], { cwd: dir }, counted, writes)) killed++;
      await storage('lock');
      expect(await storage('unlock')).toMatchObject({ status: 0 });
      expect(readFileSync(secretFile(), 'utf8')).toBe('kept');
    }
    expect(killed).toBeGreaterThan(3);
    expect(await storage('keys', 'rotate')).toMatchObject({ status: 0 });
    expect((await state()).opens).toEqual(['file']);
  }, 120_000);

  test('is made so that a first run that is killed anywhere is ended by the next one, and leaves no data without its key', async () => {
    configure();
    const counted = {
      folders: [at('.medianest'), path.join(disk.path, 'keys')],
      files: ['encryption.key', 'header.json', 'encryption.json'],
    };
    let killed = 0;
    // It writes three times: the key file, the header, and that there is one.
    for (let writes = 1; writes <= 3; writes++) {
      rmSync(at('.medianest'), { recursive: true, force: true });
      for (const name of ['', 'keys']) mkdirSync(name ? path.join(disk.path, name) : at('.medianest'), { recursive: true });
      if (await killedAtWrite(['storage', 'unlock'], { cwd: dir }, counted, writes)) killed++;
      expect(await storage('unlock')).toMatchObject({ status: 0 });
      writeFileSync(secretFile(), 'kept');
      expect(await storage('lock')).toMatchObject({ status: 0 });
      expect(await storage('unlock')).toMatchObject({ status: 0 });
      expect(readFileSync(secretFile(), 'utf8')).toBe('kept');
      rmSync(path.join(disk.path, 'keys'), { recursive: true });
    }
    expect(killed).toBeGreaterThan(1);
  });

  test('of two projects opens the data of both, whatever one of them does', async () => {
    const shared = `, keyFile: ${at('shared.key')}`;
    const names = ['keys', 'others'];
    const run = async (name: string, ...args: string[]) =>
      expect(await storage(...args, '--project', name, '--state', at(name))).toMatchObject({ status: 0 });
    configure(shared);
    for (const name of names) await run(name, 'unlock');
    await run('others', 'keys', 'rotate');
    for (const name of names) await run(name, 'lock');
    for (const name of names) await run(name, 'unlock');
    expect(Object.keys(JSON.parse(readFileSync(at('shared.key'), 'utf8')).keys)).toHaveLength(2);
  });

  test('and its folder are recorded again where the record is gone: a disk that is away is never one to be made', async () => {
    configure();
    await storage('unlock');
    rmSync(at('.medianest/encryption.json'));
    expect(await storage('unlock')).toMatchObject({ status: 0 });
    await disk.unmount();
    expect(refused(await storage('unlock', '--json')).code).toBe('FOREIGN_STATE');
    await disk.mount();
  });

  test('that is away, another’s or unreadable opens nothing, and nothing is made in its place', async () => {
    configure(', keyFile: ./stick/encryption.key');
    await run('mkdir', [at('stick')]);
    expect(await storage('unlock')).toMatchObject({ status: 0 });
    await storage('lock');
    const key = readFileSync(at('stick/encryption.key'), 'utf8');
    renameSync(at('stick'), at('away'));
    const away = await storage('unlock', '--json');
    expect(refused(away)).toMatchObject({ code: 'FOREIGN_STATE', message: expect.stringContaining('there is no key file') });
    await run('mkdir', [at('stick')]);
    file('stick/encryption.key', key.replace(/([0-9a-f]{16}": ")..../, '$1AAAA'));
    expect(refused(await storage('unlock', '--json')).message).toContain('does not open the data');
    file('stick/encryption.key', 'no key');
    expect(refused(await storage('unlock', '--json')).code).toBe('STATE_DAMAGED');
    writeFileSync(at('stick/encryption.key'), key);
    expect(await storage('unlock')).toMatchObject({ status: 0 });
  });
});

describe('a disk', () => {
  test('without the feature is refused with what switches it on, which then works without unmounting', async () => {
    await disk.remove();
    disk = await encryptingDisk(64, []);
    configure();
    const refusal = refused(await storage('unlock', '--json'));
    expect(refusal).toMatchObject({ code: 'HOST_UNFIT', hint: expect.stringContaining('tune2fs -O encrypt') });
    expect(readdirSync(disk.path)).toEqual(['lost+found']);
    const device = (await run('findmnt', ['-no', 'SOURCE', '--target', disk.path])).stdout.trim();
    expect((await run('tune2fs', ['-O', 'encrypt', device])).status).toBe(0);
    expect(await storage('unlock')).toMatchObject({ status: 0 });
  });

  test('with plain files in the place of the data is refused, and so is a full one, which leaves nothing half made', async () => {
    configure();
    await run('mkdir', ['-p', path.join(disk.path, 'keys/data')]);
    writeFileSync(path.join(disk.path, 'keys/data/file'), '');
    expect(refused(await storage('unlock', '--json')).message).toContain('files that are not encrypted');
    rmSync(path.join(disk.path, 'keys'), { recursive: true });
    await run('sh', [
      '-c',
      `dd if=/dev/zero of=${disk.path}/filler bs=4k 2>/dev/null; dd if=/dev/zero bs=1 count=1 >>${disk.path}/filler 2>/dev/null; true`,
    ]);
    const full = await storage('unlock', '--json');
    expect(refused(full).code).toBe('STATE_UNWRITABLE');
    rmSync(path.join(disk.path, 'filler'));
    expect(await storage('unlock')).toMatchObject({ status: 0 });
    expect((await state()).state).toBe('unlocked');
  });
});

test('the owner of the state folder is told the state of the data, and that root unlocks it', async () => {
  configure();
  expect(await storage('unlock')).toMatchObject({ status: 0 });
  const owner = 65_534;
  for (const name of ['.medianest', '.medianest/state.json', 'medianest.yml', '']) chownSync(at(name), owner, owner);
  const asOwner = (...args: string[]) =>
    run('setpriv', [`--reuid=${owner}`, `--regid=${owner}`, '--clear-groups', process.execPath, PROGRAM, 'storage', ...args], { cwd: dir });
  expect(JSON.parse((await asOwner('status', '--json')).stdout)).toMatchObject({ state: 'unlocked', opens: ['file'] });
  expect(await storage('lock')).toMatchObject({ status: 0 });
  expect(JSON.parse((await asOwner('status', '--json')).stdout)).toMatchObject({ state: 'locked' });
});

test('volumes that lead to the folder prove that it was made: with its disk and the state folder away, none is made in its place', async () => {
  configure();
  expect(await storage('unlock')).toMatchObject({ status: 0 });
  const name = `${PREFIX}-keys-lost`;
  const device = path.join(disk.path, 'keys/data/volumes/database');
  const made = await run('docker', [
    'volume',
    'create',
    ...['type=none', 'o=bind', `device=${device}`].flatMap((opt) => ['--opt', opt]),
    name,
  ]);
  expect(made).toMatchObject({ status: 0 });
  try {
    renameSync(at('.medianest'), at('kept'));
    await disk.unmount();
    const lost = await storage('unlock', '--json');
    expect([refused(lost).code, refused(lost).hint]).toEqual(['FOREIGN_STATE', expect.stringContaining('mount the disk')]);
    // Without the engine that cannot be told, so nothing is made either.
    const untold = await medianest(['storage', 'unlock', '--json'], { cwd: dir, env: { DOCKER_HOST: `unix://${at('none.sock')}` } });
    expect(refused(untold).code).toBe('ENGINE_AWAY');
    expect(readdirSync(disk.path)).toEqual([]);
    await disk.mount();
    rmSync(at('.medianest'), { recursive: true, force: true });
    renameSync(at('kept'), at('.medianest'));
    expect(await storage('unlock')).toMatchObject({ status: 0 });
  } finally {
    await run('docker', ['volume', 'rm', name]);
  }
});

test('the unit for a start of the host has the settings that a flag says, and none that it would lack then', async () => {
  configure();
  const flags = ['--profile', 'dev-compose', '--project', 'keys', '--without', 'redis'];
  const { stdout } = await storage('unit', ...flags);
  const [command] = /^ExecStart=.*$/m.exec(stdout) ?? [];
  expect(command).toMatch(/"storage" "unlock"/);
  for (const [name, value] of [
    ['profile', 'dev-compose'],
    ['project', 'keys'],
    ['without', 'redis'],
    ['config', at('medianest.yml')],
  ])
    expect(command).toContain(`"--${name}=${value}"`);
  expect(stdout).toMatch(/^Before=docker\.service$/m);
  const set = await storage('unit', '--json', '--set', `storage.path=${disk.path}`);
  expect(refused(set)).toMatchObject({
    code: 'USAGE',
    message: expect.stringContaining('--set storage.path would not be set at a start of this host'),
  });
  const env = { MEDIANEST_STORAGE_PATH: disk.path };
  const variable = await medianest(['storage', 'unit', '--json'], { cwd: dir, env });
  expect(refused(variable)).toMatchObject({ code: 'USAGE', message: expect.stringContaining('MEDIANEST_STORAGE_PATH') });
  writeFileSync(at('medianest.yml'), `${readFileSync(at('medianest.yml'), 'utf8')}database: { password: "\${DATABASE}" }\n`);
  const secret = await medianest(['storage', 'unit', '--json'], { cwd: dir, env: { DATABASE: 'a password' } });
  expect(refused(secret)).toMatchObject({ code: 'USAGE', message: expect.stringContaining('at a start of this host') });
});

test('the unit waits for the TPM that opens the data, and for the disks; Docker waits for it, and systemd finds nothing wrong with it', async () => {
  const unit = async (unlock: string, env: Record<string, string> = {}) => {
    configure(`, unlock: ${unlock}`);
    const { stdout } = await medianest(['storage', 'unit'], { cwd: dir, env });
    const name = file('medianest-keys-storage.service', stdout);
    expect(await run('systemd-analyze', ['verify', '--man=no', name])).toMatchObject({ status: 0, stdout: '', stderr: '' });
    return stdout.split('\n').filter((line) => /^(?:Before|After|Wants|RequiresMountsFor)=/.test(line));
  };
  const mounts = expect.stringMatching(/^RequiresMountsFor="/);
  expect(await unit('tpm')).toEqual(['Before=docker.service', 'Wants=dev-tpmrm0.device', 'After=dev-tpmrm0.device', mounts]);
  expect(await unit('tpm', { TPM2TOOLS_TCTI: 'device:/dev/tpmrm1' })).toContain('After=dev-tpmrm1.device');
  // What is no device of this kernel, systemd would wait for in vain.
  for (const lines of [await unit('tpm', { TPM2TOOLS_TCTI: 'swtpm:path=/run/socket' }), await unit('file')])
    expect(lines).toEqual(['Before=docker.service', mounts]);
});

test('without the setting there is nothing to unlock', async () => {
  configure('', false);
  const off = await storage('unlock', '--json');
  expect(refused(off).code).toBe('INVALID_SETTINGS');
  expect(await storage('status')).toMatchObject({ status: 0, stdout: expect.stringContaining('not encrypted by medianest') });
});
