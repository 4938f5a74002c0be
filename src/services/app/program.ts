import type { JsonObject } from '../../core/json.ts';
import type { BuildInput } from '../../stack/service.ts';
import type { Mount } from '../../stack/types.ts';
import { type ImageStart, LAUNCH_MOUNT, launched, launchProgram } from './environment/launch.ts';
import { type Checked, healthCheck, imageDecides, isProbed } from './health.ts';
import type { AppSettings } from './portal.ts';

/** How the containers of an image start, and how Docker checks them. */
export interface Program {
  /** The folder of the program that is put before the image’s own. */
  mounts: Mount[];
  /** What only the image could say, and did not. */
  unread?: 'start' | 'health';
  /** What the template sees of it. @param command the operator's */
  view(command: readonly string[]): JsonObject;
}

/**
 * Decides from the settings, and from what the image says of itself if that is known.
 * @param image its reference @param inside variables that are set inside its containers, and their files
 */
export function programOf(
  own: AppSettings,
  image: string,
  inside: Readonly<Record<string, string>>,
  tls: boolean,
  input: BuildInput,
): Program {
  const says = input.host.imageStarts?.[image];
  const { healthPath, port } = own;
  const checked: Checked = { health: own.health ?? { none: false }, healthPath, port, tls, foreign: own.image !== undefined, says };
  const [launches, probes] = [Object.keys(inside).length > 0, isProbed(checked)];
  const program = launches || probes ? launchProgram(image, says) : '';
  const check = healthCheck(checked, probes ? program : undefined);
  const unread = says ? undefined : launches ? 'start' : probes || imageDecides(checked) ? 'health' : undefined;
  return {
    mounts: program ? [LAUNCH_MOUNT] : [],
    ...(unread && { unread }),
    view: (command) => programView(launches ? launched(program, inside, says, command) : { entrypoint: [], command }, check),
  };
}

const programView = (
  { entrypoint, command }: Pick<ImageStart, 'entrypoint'> & { command: readonly string[] },
  check: JsonObject | undefined,
): JsonObject => ({
  hasEntrypoint: entrypoint.length > 0,
  entrypoint,
  hasCommand: command.length > 0,
  command: [...command],
  hasHealthcheck: check !== undefined,
  healthcheck: check ?? null,
});
