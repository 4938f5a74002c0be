import { UserError } from '../core/errors.ts';
import type { DockerCli } from './compose.ts';

/** Makes a volume; one that is there already stays as it is. */
export async function createVolume(name: string, labels: Readonly<Record<string, string>>, docker: DockerCli): Promise<void> {
  const pairs = Object.entries(labels).flatMap(([key, value]) => ['--label', `${key}=${value}`]);
  const { exitCode, tail } = await docker.run(['volume', 'create', ...pairs, name]);
  if (exitCode === 0) return;
  throw new UserError(
    'ENGINE_FAILED',
    `the volume ${name} could not be made: ${tail.at(-1) ?? 'no answer'}; nothing was changed`,
    'see the engine’s log (journalctl -u docker)',
  );
}
