import { UserError } from '../core/errors.ts';
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

/** @throws UserError FOREIGN_PROJECT if one of these volumes is there and its user did not make it (plan/volumes.ts) */
export async function refuseForeignVolumes(engine: Pick<Engine, 'volumes'>, names: readonly string[], user: VolumeUser): Promise<void> {
  const foreign = foreignVolume(names, await engine.volumes(), user);
  if (foreign) throw volumeRefusal(foreign, user);
}
