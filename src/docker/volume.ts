import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { UserError } from '../core/errors.ts';
import { removeTree, writing } from '../core/files.ts';
import { folderDriverOptions, isFolderOf } from '../stack/storage.ts';
import type { DockerCli } from './compose.ts';
import { foreignVolume, type VolumeUser, volumeRefusal } from './plan/volumes.ts';
import type { Engine } from './types.ts';

/**
 * Makes a volume; one that is there already stays as it is: first see that it is ours (`refuseForeignVolumes`).
 * @param how its driver and that one's options, if not the engine's own
 */
export async function createVolume(
  name: string,
  labels: Readonly<Record<string, string>>,
  docker: DockerCli,
  { driver, options = {} }: { driver?: string | undefined; options?: Readonly<Record<string, string>> | undefined } = {},
): Promise<void> {
  const pairs = Object.entries(labels).flatMap(([key, value]) => ['--label', `${key}=${value}`]);
  const given = Object.entries(options).flatMap(([key, value]) => ['--opt', `${key}=${value}`]);
  const { exitCode, tail } = await docker.run(['volume', 'create', ...(driver ? ['--driver', driver] : []), ...given, ...pairs, name]);
  if (exitCode === 0) return;
  throw new UserError(
    'ENGINE_FAILED',
    `the volume ${name} could not be made: ${tail.at(-1) ?? 'no answer'}; nothing was changed`,
    'see the engine’s log (journalctl -u docker)',
  );
}

/** Makes a volume for a piece of work; where the stack's are encrypted, in a folder beside theirs. @param within the folder of these */
export async function createVolumeIn(
  within: string | undefined,
  name: string,
  labels: Readonly<Record<string, string>>,
  docker: DockerCli,
): Promise<void> {
  if (within === undefined) return createVolume(name, labels, docker);
  const folder = path.join(within, name);
  const { exitCode, stdout, tail } = await docker.run(['volume', 'ls', '--quiet', '--filter', `name=^${name}$`]);
  if (exitCode !== 0)
    throw new UserError(
      'ENGINE_FAILED',
      `docker volume ls: ${tail.at(-1) ?? 'no answer'}; nothing was changed`,
      'run the same command again',
    );
  // What a killed run has left there: the new volume is to be empty.
  if (!stdout.split('\n').includes(name)) removeTree(folder);
  writing(folder, () => void mkdirSync(folder, { recursive: true, mode: 0o711 }), null);
  return createVolume(name, labels, docker, { driver: 'local', options: folderDriverOptions(folder) });
}

/** Removes volumes, and what is in the encrypted folders that `createVolumeIn` has made for them, which Docker leaves. */
export async function removeVolumes(names: readonly string[], docker: DockerCli): Promise<void> {
  if (names.length === 0) return;
  const format = '{{.Name}} {{with .Options}}{{.device}}{{end}}';
  const { stdout } = await docker.run(['volume', 'inspect', '--format', format, ...names]);
  const { exitCode } = await docker.run(['volume', 'rm', '--force', ...names]);
  const left = exitCode === 0 ? undefined : await docker.run(['volume', 'ls', '--quiet']);
  // Which are gone is not known.
  if (left && left.exitCode !== 0) return;
  const kept = left?.stdout.split('\n') ?? [];
  for (const line of stdout.split('\n')) {
    const [name = '', ...device] = line.split(' ');
    // A container may still use it.
    if (names.includes(name) && !kept.includes(name) && isFolderOf(name, device.join(' '))) removeTree(device.join(' '));
  }
}

/** @throws UserError FOREIGN_PROJECT if one of these volumes is there and its user did not make it (plan/volumes.ts) */
export async function refuseForeignVolumes(engine: Pick<Engine, 'volumes'>, names: readonly string[], user: VolumeUser): Promise<void> {
  const foreign = foreignVolume(names, await engine.volumes(), user);
  if (foreign) throw volumeRefusal(foreign, user);
}
