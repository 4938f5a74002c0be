import { chmodSync, mkdirSync, readdirSync, rmdirSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { systemCode, UserError } from '../core/errors.ts';
import { exists, lstatOptional, readLink, readOptional, removeTree, switchLink, writeAtomic, writeFolder, writing } from '../core/files.ts';
import { shortHash } from '../core/hash.ts';
import { acquireLock, type Lock } from '../state/lock.ts';
import { type Claims, isClaims, NO_CLAIMS } from './plan/claims.ts';

/** The front's Compose project, and its state folder. */
export interface Place {
  name: string;
  root: string;
}

/**
 * Where the front of this user is: `$XDG_STATE_HOME/medianest/front` (XDG Base Directory), of root `/var/lib/medianest/front`.
 * One folder, one front: its Compose project has a name that follows from the folder.
 */
export function frontPlace(env: NodeJS.ProcessEnv): Place {
  const base = env.XDG_STATE_HOME && path.isAbsolute(env.XDG_STATE_HOME) ? env.XDG_STATE_HOME : undefined;
  const own = process.geteuid?.() === 0 ? '/var/lib' : path.join(env.HOME ?? os.homedir(), '.local/state');
  const root = path.join(base ?? own, 'medianest/front');
  return { name: `medianest-front-${shortHash(root).slice(0, 6)}`, root };
}

const claimsFile = ({ root }: Place): string => path.join(root, 'claims.json');

/** @throws UserError STATE_UNWRITABLE where it cannot be read, STATE_DAMAGED where it is not what this program writes */
export function readClaims(place: Place): Claims {
  const text = readOptional(claimsFile(place));
  if (text === undefined) return NO_CLAIMS;
  const value = parsed(text);
  if (isClaims(value)) return value;
  throw new UserError(
    'STATE_DAMAGED',
    `${claimsFile(place)} is not what medianest has written; nothing was changed`,
    'remove the file, then run `medianest up` in each project that shares the front: each writes its part again',
    { path: claimsFile(place) },
  );
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

export const writeClaims = (place: Place, claims: Claims): void =>
  writeAtomic(claimsFile(place), `${JSON.stringify(claims, null, 2)}\n`, 0o600);

/** How long another command may have the front: it makes a container at most. */
const WAIT_SECONDS = 120;

/**
 * Changes the front while no other command does. The folder is its owner's alone (0700): what is in it is open to the users of containers.
 * @throws UserError LOCKED, STATE_UNWRITABLE
 */
export async function withFrontLock<T>(
  place: Place,
  { command, signal, onWait }: { command: string; signal: AbortSignal; onWait: (holder: { command: string; user: string }) => void },
  work: (lock: Lock) => Promise<T>,
): Promise<T> {
  const take = () => {
    writing(place.root, () => {
      mkdirSync(place.root, { recursive: true, mode: 0o700 });
      chmodSync(place.root, 0o700);
    });
    return acquireLock(path.join(place.root, 'lock'), command, WAIT_SECONDS, signal, onWait);
  };
  // The last project may have removed the folder between the two.
  const lock = await take().catch((error: unknown) => {
    if (systemCode(error) === 'ENOENT') return take();
    throw error;
  });
  try {
    return await work(lock);
  } finally {
    lock.release();
  }
}

/** The folder of a project's sockets. */
export const socketsOf = ({ root }: Place, project: string): string => path.join(root, 'sockets', project);

/** The user of the edge's container makes its sockets there, whatever number that has here: the folder above keeps others out. */
const SOCKETS_MODE = 0o777;

export const hasSockets = (place: Place, project: string): boolean =>
  ((lstatOptional(socketsOf(place, project))?.mode ?? 0) & 0o777) === SOCKETS_MODE;

export function makeSockets(place: Place, project: string): void {
  const folder = socketsOf(place, project);
  writing(folder, () => {
    mkdirSync(folder, { recursive: true });
    chmodSync(path.dirname(folder), 0o755);
    chmodSync(folder, SOCKETS_MODE);
  });
}

export const removeSockets = (place: Place, project: string): void => removeTree(socketsOf(place, project));

/** What HAProxy would read next; undefined before the first time. */
export const currentConfig = ({ root }: Place): string | undefined => readLink(path.join(root, 'config/current'));

/** Writes a configuration beside the current one, and switches to it. @returns its hash, which names its folder */
export function switchConfig(place: Place, files: Readonly<Record<string, string>>): string {
  const hash = shortHash(files);
  const config = path.join(place.root, 'config');
  const entries = Object.entries(files).map(([name, contents]) => ({ path: name, contents, mode: 0o644 }));
  writing(config, () => {
    mkdirSync(config, { recursive: true });
    chmodSync(config, 0o755);
  });
  writeFolder(path.join(config, hash), entries);
  writing(config, () => chmodSync(path.join(config, hash), 0o755));
  switchTo(place, hash);
  return hash;
}

export const switchTo = ({ root }: Place, hash: string): void => switchLink(path.join(root, 'config/current'), hash);

/** Removes configurations that nothing reads any more. */
export function removeOldConfigs({ root }: Place, kept: string): void {
  const config = path.join(root, 'config');
  for (const name of readdirSync(config)) if (name !== kept && name !== 'current') rmSync(path.join(config, name), { recursive: true });
}

export const writeCompose = ({ root }: Place, text: string): string => {
  const file = path.join(root, 'compose.yml');
  writeAtomic(file, text);
  return file;
};

export const composeFileOf = ({ root }: Place): string => path.join(root, 'compose.yml');

/** Hash of the configuration that the front was last told to read. */
export const readApplied = ({ root }: Place): string | undefined => readOptional(path.join(root, 'applied'))?.trim();

export const writeApplied = ({ root }: Place, hash: string): void => writeAtomic(path.join(root, 'applied'), `${hash}\n`);

/** Before the lock is released: all but the lock. */
export function removeFiles({ root }: Place): void {
  for (const name of ['sockets', 'config', 'compose.yml', 'applied', 'claims.json']) removeTree(path.join(root, name));
}

/** After that: the folder, unless another command has begun to use it, or something else is in it. */
export function removeFolder({ root }: Place): void {
  try {
    if (exists(root)) rmdirSync(root);
  } catch (error) {
    if (!['ENOTEMPTY', 'EEXIST', 'ENOENT'].includes(systemCode(error) ?? '')) throw error;
  }
}
