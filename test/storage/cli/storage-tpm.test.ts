import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { medianest, type Run } from '../../support/cli.ts';
import { type EncryptingDisk, encryptingDisk } from '../../support/engine/encrypting-disk.ts';
import { type SoftwareTpm, softwareTpm } from '../../support/engine/software-tpm.ts';
import { killedAtWrite } from '../../support/killed-at-write.ts';

const PASSPHRASE = 'five random words are enough';

let disk: EncryptingDisk;
let tpm: SoftwareTpm;
let dir: string;

// Each command waits for a machine that may be busy.
vi.setConfig({ testTimeout: 180_000 });

beforeEach(async () => {
  disk = await encryptingDisk(64);
  tpm = await softwareTpm();
  dir = mkdtempSync(path.join(os.tmpdir(), 'medianest-tpm-test-'));
  file('passphrase', PASSPHRASE);
});
afterEach(async () => {
  await tpm.remove();
  await disk.remove();
  rmSync(dir, { recursive: true, force: true });
});

const at = (...names: string[]) => path.join(dir, ...names);
const file = (name: string, text: string) => writeFileSync(at(name), `${text}\n`, { mode: 0o600 });
const configure = (unlock = 'tpm', more = '') =>
  file(
    'medianest.yml',
    `version: 1\nproject: keys\nprofile: dev\nstorage: { encrypt: true, path: ${disk.path}, unlock: ${unlock}${more} }`,
  );
const run = (args: string[], env: Record<string, string> = {}): Promise<Run> => medianest(args, { cwd: dir, env: { ...tpm.env, ...env } });
const storage = (...args: string[]): Promise<Run> => run(['storage', ...args]);
const must = async (...args: string[]) => expect(await storage(...args)).toMatchObject({ status: 0 });
const byKit = ['--kit', 'home.kit', '--passphrase-file', 'passphrase'];
const state = async () =>
  JSON.parse((await storage('status', '--json')).stdout) as {
    state: string;
    opens: string[];
    tpm: { opens: boolean; why: string | null } | null;
    next: string | null;
  };
const refused = (ended: Run) => (JSON.parse(ended.stdout) as { error: { code: string; message: string; hint: string } }).error;
const secretFile = () => path.join(disk.path, 'keys/data/volumes/secret');

/** Made, and with a secret that only the key shows. */
async function make(): Promise<void> {
  await must('unlock');
  writeFileSync(secretFile(), 'kept');
}

/** The kit of a stack that was started; its own secrets are of no matter here. */
async function exportKit(): Promise<Run> {
  file('.medianest/secrets.json', JSON.stringify({ fingerprintKey: 'k', values: {} }));
  return run(['backup', 'kit', 'home.kit', '--passphrase-file', 'passphrase']);
}

test('the TPM alone opens the data, after a reboot too, and in lockout; the key is in no argument, log or file', async () => {
  configure();
  mkdirSync(at('bin'));
  for (const name of ['createprimary', 'create', 'load', 'unseal', 'flushcontext']) {
    writeFileSync(at('bin', `tpm2_${name}`), `#!/bin/sh\necho "$0 $*" >>${at('argv')}\nexec /usr/bin/tpm2_${name} "$@"\n`);
    chmodSync(at('bin', `tpm2_${name}`), 0o755);
  }
  const before = readdirSync(os.tmpdir()).filter((name) => /^medianest-tpm-\w{6}$/.test(name));
  const PATH = `${at('bin')}:${process.env.PATH}`;
  const traced = { PATH, TSS2_LOG: 'all+trace', MEDIANEST_TRACE: '1' };
  expect(await run(['storage', 'unlock'], traced)).toMatchObject({ status: 0 });
  writeFileSync(secretFile(), 'kept');
  await must('lock');
  await tpm.stop();
  await tpm.start();
  expect(await state()).toMatchObject({ state: 'locked', opens: ['tpm'], tpm: { opens: true } });
  // Wrong passwords for what another program has put there, until the TPM takes none.
  await tpm.tell('tpm2_dictionarylockout', '-s', '-n', '1', '-t', '1000', '-l', '1000');
  file('others', 'secret');
  await tpm.tell('tpm2_createprimary', '-Q', '-C', 'o', '-c', 'p');
  await tpm.tell('tpm2_create', '-Q', '-C', 'p', '-p', 'right', '-i', at('others'), '-u', 'u', '-r', 'r');
  await tpm.tell('tpm2_load', '-Q', '-C', 'p', '-u', 'u', '-r', 'r', '-c', 'loaded');
  await tpm.tell('tpm2_unseal', '-c', 'loaded', '-p', 'wrong');
  expect((await tpm.tell('tpm2_unseal', '-c', 'loaded', '-p', 'right')).stderr).toContain('lockout');
  expect(await run(['storage', 'unlock'], traced)).toMatchObject({ status: 0 });
  expect(readFileSync(secretFile(), 'utf8')).toBe('kept');
  const secret = await sealedSecret();
  const told = readFileSync(at('argv'), 'utf8') + readFileSync(at('.medianest/audit.jsonl'), 'utf8');
  expect(told).toContain('tpm2_unseal -c sealed');
  for (const form of [secret.toString('hex'), secret.toString('base64'), secret.toString('latin1')]) expect(told).not.toContain(form);
  expect(readdirSync(os.tmpdir()).filter((name) => /^medianest-tpm-\w{6}$/.test(name))).toEqual(before);
  expect(existsSync(at('.medianest/encryption.key'))).toBe(false);
  expect((await storage('unit')).stdout).toContain(`Environment="TPM2TOOLS_TCTI=${tpm.env.TPM2TOOLS_TCTI}"`);
});

/** What was sealed, by the programs themselves. */
async function sealedSecret(): Promise<Buffer> {
  const { slots } = JSON.parse(readFileSync(path.join(disk.path, 'keys/header.json'), 'utf8')) as {
    slots: { tpm: { public: string; private: string } }[];
  };
  const [slot] = slots;
  for (const name of ['public', 'private'] as const) writeFileSync(at(name), Buffer.from(slot?.tpm[name] ?? '', 'base64'));
  const attributes = 'restricted|decrypt|fixedtpm|fixedparent|sensitivedataorigin|userwithauth|noda';
  const told = async (program: string, ...args: string[]) => expect(await tpm.tell(program, ...args)).toMatchObject({ status: 0 });
  await told('tpm2_createprimary', '-Q', '-C', 'o', '-g', 'sha256', '-G', 'ecc', '-a', attributes, '-c', 'p');
  await told('tpm2_load', '-Q', '-C', 'p', '-u', at('public'), '-r', at('private'), '-c', 'loaded');
  await told('tpm2_unseal', '-c', 'loaded', '-o', at('opened'));
  const secret = readFileSync(at('opened'));
  expect(secret).toHaveLength(32);
  return secret;
}

test('where the TPM is away, cleared or another, that is said, and the kit opens the data and seals it to the one that is there', async () => {
  configure();
  await make();
  expect(await state()).toMatchObject({ state: 'unlocked', next: expect.stringContaining('backup kit') });
  expect(await exportKit()).toMatchObject({ status: 0 });
  expect(await state()).toMatchObject({ state: 'unlocked', next: null });
  const key = readFileSync(at('home.kit'), 'utf8');
  expect(key).not.toContain('storage');
  await must('lock');
  await tpm.stop();
  expect(await state()).toMatchObject({ tpm: { opens: null }, next: expect.stringContaining('--kit FILE') });
  expect(refused(await storage('unlock', '--json'))).toMatchObject({
    code: 'HOST_UNFIT',
    message: expect.stringContaining('the TPM cannot be spoken to'),
  });
  // A kit that would not open the data is no kit: the one of before stays.
  expect((await exportKit()).status).toBe(1);
  expect(readFileSync(at('home.kit'), 'utf8')).toBe(key);
  await tpm.exchange();
  expect(refused(await storage('unlock', '--json')).message).toContain('another one, or was cleared');
  await must('unlock', ...byKit);
  expect(readFileSync(secretFile(), 'utf8')).toBe('kept');
  expect(await state()).toMatchObject({ state: 'unlocked', tpm: { opens: false }, next: expect.stringContaining('keys rotate --kit') });
  expect((await storage('keys', 'rotate')).status).toBe(1);
  await must('keys', 'rotate', ...byKit);
  await must('lock');
  await must('unlock');
  // The key of the data is the same, so the kit still opens it.
  expect(await state()).toMatchObject({ state: 'unlocked', opens: ['tpm'], tpm: { opens: true }, next: null });
  await must('lock');
  await tpm.tell('tpm2_clear');
  expect((await state()).tpm).toMatchObject({ opens: false, why: expect.stringContaining('was cleared') });
  await tpm.tell('tpm2_changeauth', '-c', 'o', 'password');
  expect((await state()).tpm).toMatchObject({ opens: false, why: expect.stringContaining('has a password') });
});

test('registers that changed open nothing, and the key is sealed to what they are by `keys rotate`', async () => {
  configure('tpm', ', tpmPcrs: [16, 7]');
  await make();
  expect(await exportKit()).toMatchObject({ status: 0 });
  await must('lock');
  await must('unlock');
  const extend = () => tpm.tell('tpm2_pcrextend', `16:sha256=${'0'.repeat(63)}1`);
  await extend();
  expect(await state()).toMatchObject({ state: 'unlocked', tpm: { opens: false, why: expect.stringContaining('the TPM refuses') } });
  expect((await storage('status')).stdout).toContain('will not be after the next start of the host: the TPM refuses');
  await must('lock');
  expect(refused(await storage('unlock', '--json')).message).toContain('the TPM refuses');
  await must('unlock', ...byKit);
  await must('keys', 'rotate', ...byKit);
  await must('lock');
  await must('unlock');
  configure('tpm');
  expect(await state()).toMatchObject({ state: 'unlocked', next: expect.stringContaining('keys rotate') });
  await must('keys', 'rotate');
  await extend();
  await must('lock');
  await must('unlock');
  expect(await state()).toMatchObject({ next: null });
});

test('the key goes from a file to the TPM, to a passphrase, and back; what opened it before no longer does', async () => {
  configure('file');
  await make();
  const header = () => readFileSync(path.join(disk.path, 'keys/header.json'), 'utf8');
  configure();
  expect((await state()).next).toContain('keys rotate');
  // The board may die before there is a kit, so the key file stays until there is one.
  const rotated = await storage('keys', 'rotate');
  expect([rotated.status, rotated.stdout]).toEqual([
    4,
    expect.stringContaining('so does the key file of before, until a recovery kit does'),
  ]);
  expect((await state()).next).toMatch(/^sudo medianest backup kit FILE, and then sudo medianest storage keys rotate$/);
  await must('lock');
  await tpm.exchange();
  await must('unlock');
  expect((await storage('keys', 'rotate')).status).toBe(4);
  expect((await state()).opens).toEqual(['file', 'tpm']);
  // A key file that cannot be read does not keep the TPM from it.
  const keyFile = readFileSync(at('.medianest/encryption.key'), 'utf8');
  writeFileSync(at('.medianest/encryption.key'), '{');
  await must('lock');
  await must('unlock');
  writeFileSync(at('.medianest/encryption.key'), keyFile);
  expect(await exportKit()).toMatchObject({ status: 0 });
  await must('keys', 'rotate');
  expect([existsSync(at('.medianest/encryption.key')), (await state()).opens]).toEqual([false, ['tpm']]);
  await must('lock');
  await must('unlock');
  const sealed = header();
  configure('passphrase');
  await must('keys', 'rotate', '--new-passphrase-file', 'passphrase');
  expect((await state()).opens).toEqual(['passphrase']);
  expect(header()).not.toContain('private');
  expect((await storage('unlock', '--passphrase-file', 'passphrase')).status).toBe(0);
  configure();
  await must('keys', 'rotate', '--passphrase-file', 'passphrase');
  expect((await state()).opens).toEqual(['tpm']);
  expect(header()).not.toBe(sealed);
  await must('lock');
  // A header that another person has changed opens nothing, and the TPM is not asked for more than it holds.
  const kept = header();
  writeFileSync(path.join(disk.path, 'keys/header.json'), kept.replace(/"pcrs": \[\]/, '"pcrs": [3]'));
  expect((await storage('unlock')).status).toBe(1);
  writeFileSync(path.join(disk.path, 'keys/header.json'), kept.replace(/"pcrs": \[\]/, '"pcrs": ["3;reboot"]'));
  expect(refused(await storage('unlock', '--json')).code).toBe('STATE_DAMAGED');
  writeFileSync(path.join(disk.path, 'keys/header.json'), kept);
  await must('unlock');
  expect(readFileSync(secretFile(), 'utf8')).toBe('kept');
});

test('a run that seals the key and is killed anywhere leaves what opens the data', async () => {
  configure('file');
  await make();
  configure();
  const counted = {
    folders: [at('.medianest'), path.join(disk.path, 'keys')],
    files: ['header.json', 'encryption.json', 'encryption.key'],
  };
  let killed = 0;
  // It writes four times, and removes the key file.
  for (let writes = 1; writes <= 5; writes++) {
    if (await killedAtWrite(['storage', 'keys', 'rotate', '--without-kit'], { cwd: dir, env: tpm.env }, counted, writes)) killed++;
    await tpm.tell('tpm2_getcap', 'handles-transient');
    await must('lock');
    await must('unlock');
    expect(readFileSync(secretFile(), 'utf8')).toBe('kept');
  }
  expect(killed).toBeGreaterThan(2);
  await must('keys', 'rotate', '--without-kit');
  expect((await state()).opens).toEqual(['tpm']);
}, 180_000);

test.each(['tpm', 'file'])(
  'where the header and its copy are lost, the kit opens the data, and %s opens it from then on',
  async (unlock) => {
    configure();
    await make();
    expect(await exportKit()).toMatchObject({ status: 0 });
    await must('lock');
    const header = path.join(disk.path, 'keys/header.json');
    // Damaged, it is not written over; moved away, the copy serves.
    const sound = readFileSync(header, 'utf8');
    writeFileSync(header, sound.slice(0, 40));
    expect(refused(await storage('unlock', ...byKit, '--json'))).toMatchObject({
      code: 'STATE_DAMAGED',
      hint: expect.stringContaining('move it away'),
    });
    rmSync(header);
    await must('unlock');
    expect(readFileSync(header, 'utf8')).toBe(sound);
    await must('lock');
    rmSync(header);
    rmSync(at('.medianest/encryption.json'));
    configure(unlock);
    expect(refused(await storage('unlock', '--json'))).toMatchObject({
      code: 'STATE_DAMAGED',
      hint: expect.stringContaining('--kit FILE'),
    });
    expect(existsSync(header)).toBe(false);
    await must('unlock', ...byKit);
    expect(readFileSync(secretFile(), 'utf8')).toBe('kept');
    await must('lock');
    await must('unlock');
    expect(await state()).toMatchObject({ state: 'unlocked', opens: [unlock], next: null });
  },
);

test('without a TPM, or its programs, nothing is made', async () => {
  configure();
  await tpm.stop();
  expect(refused(await storage('unlock', '--json'))).toMatchObject({
    code: 'HOST_UNFIT',
    message: expect.stringContaining('the TPM cannot be spoken to'),
    hint: expect.stringContaining('storage: { unlock: passphrase }'),
  });
  mkdirSync(at('bin'));
  const bare = await run(['storage', 'unlock', '--json'], { PATH: at('bin') });
  expect(refused(bare)).toMatchObject({ code: 'HOST_UNFIT', hint: expect.stringContaining('apt install') });
  expect(readdirSync(disk.path)).toEqual(['lost+found']);
});
