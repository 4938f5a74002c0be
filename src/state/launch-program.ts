import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { UserError } from '../core/errors.ts';
import { lstatOptional, writeAtomic } from '../core/files.ts';
import { LAUNCH_FOLDER, LAUNCH_MOUNT } from '../services/app/environment/launch.ts';
import type { Service, Stack } from '../stack/types.ts';
import type { StateFolder } from './state.ts';

const MODE = 0o755;

/** The programs that the package has, one for each processor: name -> contents. */
function programs(home: string): [string, Buffer][] {
  const folder = path.join(home, 'templates/app/launch');
  return readdirSync(folder)
    .filter((name) => name.startsWith('launch-'))
    .map((name) => [name, readFileSync(path.join(folder, name))]);
}

/** Whether a container mounts the program, and the state folder lacks it as this version has it. @param home the package */
export function launchProgramDue(state: StateFolder, services: readonly Service[], home: string): boolean {
  if (!services.some(({ mounts }) => mounts.some(({ source }) => source === LAUNCH_MOUNT.source))) return false;
  return programs(home).some(([name, contents]) => {
    const file = state.at(LAUNCH_FOLDER, name);
    const found = lstatOptional(file);
    return !found?.isFile() || (found.mode & 0o777) !== MODE || !readFileSync(file).equals(contents);
  });
}

/** Each is switched by a rename: one that is being started is not seen half-written. */
export function placeLaunchProgram(state: StateFolder, home: string): void {
  for (const [name, contents] of programs(home)) writeAtomic(state.at(LAUNCH_FOLDER, name), contents, MODE);
}

/** @throws UserError IMAGE_MISSING where the program that an image starts with is not known, and would be needed */
export function refuseUnread({ services }: Pick<Stack, 'services'>): void {
  const service = services.find(({ unread }) => unread === 'start');
  if (!service) return;
  throw new UserError(
    'IMAGE_MISSING',
    `what ${service.image.ref} starts with is not known: the engine does not have the image, or does not answer; nothing was changed`,
    `docker pull ${service.image.ref}, then the same command again; or hand secrets as files: \`app.secrets.NAME.as: file\``,
  );
}
