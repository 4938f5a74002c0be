import { spawnSync } from 'node:child_process';
import { systemCode, UserError } from '../core/errors.ts';
import { startedProgram } from '../core/programs.ts';
import { type KeyState, type Policy, readKeyState, readPolicy, readSupport, type Support } from './plan/fscrypt.ts';

// The kernel's encryption of folders (Documentation/filesystems/fscrypt.rst), asked and told by xfs_io of xfsprogs: it calls the
// ioctls on any file system, and takes a key on its standard input.

/** Where xfs_io is for those whose PATH does not say: not root's, or that of a job. */
const SBIN = '/usr/sbin:/sbin:/usr/local/sbin';

/** Removing a key writes out, and forgets, all that was read with it. */
const PATIENCE_MS = 120_000;

const NO_PROGRAM = 'xfs_io is not installed, and it tells the kernel which folders to encrypt';
const INSTALL = 'sudo apt install xfsprogs (or your distribution’s package of that name)';

interface Answer {
  status: number | null;
  /** Both streams. */
  text: string;
}

/** Undefined where there is no such program. @param input a key: it is on no command line */
function tell(folder: string, command: string, input?: Buffer): Answer | undefined {
  const args = ['-r', '-c', command, folder];
  const ended = startedProgram('xfs_io', args);
  const { status, stdout, stderr, error } = spawnSync('xfs_io', args, {
    encoding: 'utf8',
    timeout: PATIENCE_MS,
    env: { ...process.env, PATH: `${process.env.PATH ?? ''}:${SBIN}`, LC_ALL: 'C' },
    input: input ?? '',
  });
  ended(status);
  if (systemCode(error) === 'ENOENT') return undefined;
  if (error) return { status: null, text: error.message };
  return { status, text: `${stdout}${stderr}`.trim() };
}

function told(folder: string, command: string, input?: Buffer): Answer {
  const answer = tell(folder, command, input);
  if (answer) return answer;
  throw new UserError('HOST_UNFIT', `${NO_PROGRAM}; nothing was changed`, INSTALL);
}

/** Whether the file system of a folder that is there can encrypt. */
export function encryptionSupport(folder: string): Support {
  const answer = tell(folder, 'get_encpolicy');
  return answer ? readSupport(answer.text) : { state: 'no-program', message: NO_PROGRAM, remedy: INSTALL };
}

/** What a folder is encrypted by. @throws UserError HOST_UNFIT where that cannot be told */
export function policyOf(folder: string): Policy {
  const { text } = told(folder, 'get_encpolicy');
  const policy = readPolicy(text);
  if (policy) return policy;
  throw new UserError(
    'HOST_UNFIT',
    `whether ${folder} is encrypted cannot be told: ${text || 'xfs_io says nothing'}; nothing was changed`,
    process.geteuid?.() === 0 ? 'see that its disk is mounted and sound: dmesg says more' : 'run the same command with sudo',
  );
}

/** Whether the kernel has a key. @param beside a folder of that file system that is not encrypted by it @throws UserError HOST_UNFIT */
export function keyState(beside: string, key: string): KeyState {
  const { text } = told(beside, `enckey_status ${key}`);
  const state = readKeyState(text);
  if (state) return state;
  throw new UserError(
    'HOST_UNFIT',
    `whether the key of ${beside} is there cannot be told: ${text || 'xfs_io says nothing'}; nothing was changed`,
    process.geteuid?.() === 0 ? 'see that its disk is mounted and sound: dmesg says more' : 'run the same command with sudo',
  );
}

/** Gives the kernel a key, until it is removed or the file system unmounted. @returns the key's identifier @throws UserError HOST_UNFIT */
export function addKey(beside: string, key: Buffer): string {
  const { text } = told(beside, 'add_enckey', key);
  const [, identifier] = /identifier ([0-9a-f]{32})/.exec(text) ?? [];
  if (identifier) return identifier;
  throw new UserError('HOST_UNFIT', `the kernel does not take the key: ${text || 'xfs_io says nothing'}`, readSupport(text).remedy);
}

/**
 * Takes a key from the kernel. What is open stays readable until it is closed.
 * @returns what the kernel has of it now @throws UserError HOST_UNFIT
 */
export function removeKey(beside: string, key: string): KeyState {
  const { text } = told(beside, `rm_enckey ${key}`);
  const state = keyState(beside, key);
  if (state !== 'present') return state;
  throw new UserError('HOST_UNFIT', `the kernel keeps the key: ${text}`, 'run the same command with sudo');
}

/** Has the kernel encrypt all that will be in an empty folder: contents by AES-256-XTS, names by AES-256-CBC-CTS. @throws UserError */
export function encryptFolder(folder: string, key: string): void {
  // Flag 3: names are padded to 32 bytes, so that their length tells less.
  const { text } = told(folder, `set_encpolicy -v 2 -c AES-256-XTS -n AES-256-CTS -f 3 ${key}`);
  if (policyOf(folder).key === key) return;
  throw new UserError('HOST_UNFIT', `${folder} cannot be encrypted: ${text || 'xfs_io says nothing'}`, readSupport(text).remedy);
}
