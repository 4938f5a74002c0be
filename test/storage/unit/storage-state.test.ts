import { expect, test } from 'vitest';
import { readKeyState, readPolicy, readSupport } from '../../../src/host/plan/fscrypt.ts';
import { judge, type StorageFacts } from '../../../src/storage/plan/state.ts';
import { remedyOf, storageCheck, storageNote, type VerdictFacts } from '../../../src/storage/plan/verdict.ts';

const A = 'a'.repeat(32);
const B = 'b'.repeat(32);
const FOLDER = '/srv/home';
const recorded = { folder: FOLDER, key: A };
const FRESH: StorageFacts = {
  folder: FOLDER,
  recorded: undefined,
  there: false,
  empty: false,
  policy: undefined,
  header: undefined,
  kernel: undefined,
};
const MADE: StorageFacts = { folder: FOLDER, recorded, there: true, empty: false, policy: A, header: A, kernel: 'present' };

test.each<[string, StorageFacts, string]>([
  ['nothing is there', FRESH, 'new'],
  ['a killed run has left an empty folder', { ...FRESH, there: true, empty: true, header: A }, 'new'],
  ['plain files are there', { ...FRESH, there: true }, 'astray'],
  ['its disk is not mounted', { ...FRESH, recorded }, 'astray'],
  [
    'its disk is not mounted, and a killed run of another state folder has left an empty one',
    { ...FRESH, recorded, there: true, empty: true },
    'astray',
  ],
  ['the kernel has the key', MADE, 'unlocked'],
  ['the kernel has no key', { ...MADE, kernel: 'absent' }, 'locked'],
  ['files are open without a key', { ...MADE, kernel: 'busy' }, 'busy'],
  ['the state folder is new', { ...MADE, recorded: undefined, kernel: 'absent' }, 'locked'],
  ['another disk is mounted', { ...MADE, policy: B, header: B }, 'astray'],
  ['the header is of another folder', { ...MADE, recorded: undefined, header: B }, 'astray'],
  ['the header is lost', { ...MADE, header: undefined }, 'unlocked'],
  ['the setting names another place', { ...MADE, folder: '/mnt/home' }, 'astray'],
])('where %s, the folder is judged', (_what, facts, is) => {
  expect(judge(facts).is).toBe(is);
});

const WELL: VerdictFacts = {
  folder: FOLDER,
  encrypt: true,
  unlock: 'file',
  state: { is: 'unlocked' },
  headerThere: true,
  slots: ['file'],
  move: undefined,
};

const SEALED = { unlock: 'tpm', slots: ['tpm'], kitOpens: true, boundToOthers: false } as const;

test.each<[string, Partial<VerdictFacts>, string, RegExp | undefined]>([
  ['all is well', {}, 'ok', undefined],
  ['it is locked', { state: { is: 'locked' } }, 'fail', /^sudo medianest storage unlock/],
  ['its disk is away', { state: { is: 'astray', why: 'gone', remedy: 'mount it' } }, 'fail', /^mount it$/],
  ['a move was interrupted', { move: { to: 'plain', folders: {}, copied: [] } }, 'fail', /^sudo medianest storage decrypt continues it$/],
  ['the header is gone', { headerThere: false }, 'fail', /keys rotate/],
  ['the setting asks for another secret', { unlock: 'passphrase' }, 'warn', /keys rotate/],
  ['the setting is off', { encrypt: false }, 'warn', /storage decrypt/],
  ['who asks may not read the header', { slots: undefined }, 'ok', undefined],
  ['the TPM opens it, and so does the kit', { ...SEALED, tpm: { opens: true } }, 'ok', undefined],
  ['the kit does not open it', { ...SEALED, kitOpens: false }, 'warn', /^sudo medianest backup kit FILE/],
  ['it is sealed to other registers', { ...SEALED, boundToOthers: true }, 'warn', /keys rotate/],
  ['the TPM opens it no more', { ...SEALED, tpm: { opens: false, why: 'it is away', remedy: 'use the kit' } }, 'fail', /^use the kit$/],
  [
    'whether the TPM opens it cannot be told',
    { ...SEALED, tpm: { opens: null, why: 'it is slow', remedy: 'ask again' } },
    'warn',
    /^ask again$/,
  ],
  ['only root may ask the TPM', { ...SEALED, tpm: { opens: null, why: 'only root is told', remedy: undefined } }, 'ok', undefined],
  [
    'it is locked, and only root may ask the TPM',
    { ...SEALED, state: { is: 'locked' }, tpm: { opens: null, why: 'x', remedy: undefined } },
    'fail',
    /^sudo medianest storage unlock/,
  ],
  [
    'a key file stays until a kit opens it',
    { ...SEALED, slots: ['file', 'tpm'], kitOpens: false },
    'warn',
    /^sudo medianest backup kit FILE, and then sudo medianest storage keys rotate$/,
  ],
  [
    'it is locked, and the TPM is away',
    { ...SEALED, state: { is: 'locked' }, tpm: { opens: false, why: 'x', remedy: 'y' } },
    'fail',
    /^y$/,
  ],
])('where %s, health and status say so', (_what, facts, status, remedy) => {
  const all = { ...WELL, ...facts };
  expect(storageCheck(all)).toMatchObject({ id: 'storage', status });
  if (remedy) expect(remedyOf(all)).toMatch(remedy);
  else expect(remedyOf(all)).toBeUndefined();
  expect(storageNote(all)[0]).toMatch(/^Encrypted data: /);
});

test('what cannot be told of the TPM is not said to be so', () => {
  const told = (tpm: VerdictFacts['tpm']) => storageNote({ ...WELL, ...SEALED, tpm })[0];
  expect(told({ opens: null, why: 'it is slow', remedy: 'x' })).toContain('cannot be told: it is slow');
  expect(told({ opens: null, why: 'only root is told', remedy: undefined })).toContain('is unlocked; only root is told');
  expect(told({ opens: false, why: 'it is away', remedy: 'x' })).toContain('will not be after the next start of the host: it is away');
});

test('what xfs_io prints is read, and anything else is no answer', () => {
  const policy = `Encryption policy for /srv:\n\tPolicy version: 2\n\tMaster key identifier: ${A}\n\tFlags: 0x03`;
  expect(readPolicy(policy)).toEqual({ key: A });
  expect(readPolicy('/srv: failed to get encryption policy: No data available')).toEqual({ key: undefined });
  expect(readPolicy('/srv: Permission denied')).toBeUndefined();
  expect(readPolicy('')).toBeUndefined();
  expect(['Present', 'Absent', 'Incompletely removed', 'Error'].map(readKeyState)).toEqual(['present', 'absent', 'busy', undefined]);
  expect(readSupport('failed to get encryption policy: No data available').state).toBe('ready');
  expect(readSupport('failed to get encryption policy: Operation not supported')).toMatchObject({
    state: 'off',
    remedy: expect.stringContaining('tune2fs -O encrypt'),
  });
  expect(readSupport('failed: Inappropriate ioctl for device').state).toBe('unsupported');
  expect(readSupport('/srv: Input/output error').state).toBe('unknown');
});
