import { UserError } from '../../../core/errors.ts';
import type { Mount } from '../../../stack/types.ts';

/** What an image says of itself that decides how its container is started. */
export interface ImageStart {
  entrypoint: string[];
  command: string[];
  /** It comes with a HEALTHCHECK. */
  checksHealth: boolean;
  /** As Docker names it: `amd64`. */
  architecture: string;
}

declare module '../../../stack/service.ts' {
  interface HostFacts {
    /** Image -> what it says; one that the engine does not have is missing. */
    imageStarts?: Readonly<Record<string, ImageStart>>;
  }
}

/** Processors that templates/app/launch has the program for. */
const BUILT_FOR = ['amd64', 'arm64'];

const TARGET = '/run/launch';

/** The program that sets variables inside, and asks for health (templates/app/launch/launch.c). */
export const LAUNCH_FOLDER = 'launch';
export const LAUNCH_MOUNT: Mount = { source: `./${LAUNCH_FOLDER}`, target: TARGET, kind: 'bind', readOnly: true };

/** @throws UserError INVALID_SETTINGS for an image of another processor */
export function launchProgram(image: string, start: ImageStart | undefined): string {
  const architecture = start?.architecture ?? 'amd64';
  if (BUILT_FOR.includes(architecture)) return `${TARGET}/launch-${architecture}`;
  throw new UserError(
    'INVALID_SETTINGS',
    `${image} is an image for ${architecture}: variables inside and app.health.get need one for ${BUILT_FOR.join(' or ')}`,
    'hand secrets as files (`app.secrets.NAME.as: file`), and use `app.health.command`',
  );
}

/**
 * Entrypoint and command that set variables inside, and then become what the container would have started.
 * @param inside variable -> file @param command the operator's; that of the image where it is empty
 */
export function launched(
  program: string,
  inside: Readonly<Record<string, string>>,
  start: ImageStart | undefined,
  command: readonly string[],
): { entrypoint: string[]; command: string[] } {
  const variables = Object.entries(inside).map(([name, file]) => `${name}=${file}`);
  return {
    entrypoint: [program, 'env', ...variables, '--', ...(start?.entrypoint ?? [])],
    // Compose takes the image's own command no more where it is given an entrypoint.
    command: command.length > 0 ? [...command] : (start?.command ?? []),
  };
}
