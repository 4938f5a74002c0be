import { chmodSync, lchownSync, lstatSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { UserError } from '../core/errors.ts';
import { lstatOptional } from '../core/files.ts';
import { shellWord } from '../core/shell-word.ts';
import type { DockerCli } from '../docker/compose.ts';
import { bindArgs } from '../docker/mount-args.ts';
import type { Service } from '../stack/types.ts';
import { othersIn } from './ours.ts';
import { asRoot } from './owned.ts';
import { closing, isForContainers, type Mend, type MountedFolder, mendOf, mountedFolders, PRIVATE, ROOT } from './plan/mends.ts';
import type { StateFolder } from './state.ts';

const self = (): number => process.geteuid?.() ?? 0;

/** What others may read, or more, of what is the owner's alone. */
function findOpen(state: StateFolder): Mend[] {
  return PRIVATE.flatMap((name) => {
    const stats = lstatOptional(state.at(name));
    if (!stats || !(stats.isDirectory() || stats.isFile())) return [];
    return closing({ path: name, folder: stats.isDirectory(), mode: stats.mode }) ?? [];
  });
}

interface Finding {
  message: string;
  remedy: string;
}

/** What others may read, for health; undefined where it is nothing. */
export function openFinding(state: StateFolder): Finding | undefined {
  const open = findOpen(state).map(({ path: name }) => state.at(name));
  if (open.length === 0) return undefined;
  return (
    leftOpen(state) ?? {
      message: `other users may read what the state folder holds: ${open.join(', ')}`,
      remedy: 'medianest up (it sets the modes, and replaces no container for it)',
    }
  );
}

/**
 * Why the folder is left open, and what to do: it holds what is not medianest's, so others may need it (`--state /tmp`).
 * Undefined where it is closed, or `up` closes it.
 */
export function leftOpen(state: StateFolder): Finding | undefined {
  if (!findOpen(state).some(({ path: name }) => name === ROOT)) return undefined;
  const others = othersIn(state);
  if (others.length === 0) return undefined;
  const named = others.length > 3 ? `${others.slice(0, 3).join(', ')} and ${others.length - 3} more` : others.join(', ');
  return {
    message: `other users may look into the state folder ${state.root}, and \`up\` leaves it so, for it holds what is not medianest’s: ${named}`,
    remedy: `move that out of it and run \`medianest up\`, or close it: chmod 0700 ${shellWord(state.root)}`,
  };
}

/** What `up` closes to others, and sets right of what these services mount. */
export function findMends(state: StateFolder, services: readonly Service[]): Mend[] {
  const left = leftOpen(state) !== undefined;
  return [...findOpen(state).filter(({ path: name }) => !(left && name === ROOT)), ...findUnreadable(state, services)];
}

/** What these services mount of the state folder and cannot read, or others could: a plain copy of it, or a chmod, leaves it so. */
function findUnreadable(state: StateFolder, services: readonly Service[]): Mend[] {
  return mountedFolders(services).flatMap((folder) => within(state, folder, folder.path));
}

function within(state: StateFolder, folder: MountedFolder, name: string): Mend[] {
  const stats = lstatOptional(state.at(name));
  if (!stats || !(stats.isDirectory() || stats.isFile())) return [];
  const own = mendOf({ path: name, folder: stats.isDirectory(), mode: stats.mode, uid: stats.uid }, folder, self());
  const inner = stats.isDirectory() ? readdirSync(state.at(name)).filter((entry) => isForContainers(folder, entry)) : [];
  return [...(own ? [own] : []), ...inner.flatMap((entry) => within(state, folder, path.posix.join(name, entry)))];
}

/**
 * Sets owners and modes. Root does so itself; for another user a short container does what the kernel refuses.
 * @param image any image that is there
 * @throws UserError with the path and what has to be run
 */
export async function mend(state: StateFolder, mends: readonly Mend[], image: string, cli: DockerCli): Promise<void> {
  const left = self() === 0 ? [] : mends.filter(({ path: name, uid }) => uid !== undefined || lstatSync(state.at(name)).uid !== self());
  for (const entry of mends.filter((other) => !left.includes(other))) {
    const file = state.at(entry.path);
    try {
      if (entry.uid !== undefined) lchownSync(file, entry.uid, entry.uid);
      chmodSync(file, entry.mode);
    } catch (error) {
      throw unmended(state, entry, (error as Error).message, error);
    }
  }
  for (const entry of left) {
    const target = ['--', `/state/${entry.path}`];
    const owner = entry.uid === undefined ? [] : [['chown', `${entry.uid}:${entry.uid}`, ...target]];
    for (const argv of [...owner, ['chmod', octal(entry.mode), ...target]]) {
      const { exitCode, tail } = await asRoot(argv, { mount: bindArgs(state.root, '/state'), image }, cli);
      if (exitCode !== 0) throw unmended(state, entry, tail.at(-1) ?? 'no answer');
    }
  }
}

const octal = (mode: number): string => mode.toString(8).padStart(4, '0');

function unmended(state: StateFolder, { path: name, mode, uid }: Mend, why: string, cause?: unknown): UserError {
  const file = state.at(name);
  const owner = uid === undefined ? '' : `chown ${uid}:${uid} ${shellWord(file)} && `;
  const wanted = `${uid === undefined ? '' : `owner ${uid} and `}mode ${octal(mode)}`;
  return new UserError(
    'STATE_UNWRITABLE',
    `${PRIVATE.includes(name) ? `other users may read ${file}` : `a container cannot use ${file}`}: it needs ${wanted}, which could not be set (${why})`,
    `run medianest as root, or as root: ${owner}chmod ${octal(mode)} ${shellWord(file)}`,
    { path: file, cause },
  );
}
