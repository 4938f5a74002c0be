import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { shellWord } from './shell-word.ts';

const here = path.dirname(fileURLToPath(import.meta.url));

/** The package’s folder. The program is one file in its dist/. */
export const home = path.resolve(here, path.basename(here) === 'dist' ? '..' : '../..');

/** Where to get Docker from, also for those whose medianest npm has put somewhere. */
export const INSTALL_DOCKER = `${shellWord(path.join(home, 'scripts/setup-docker.sh'))} (Debian, Ubuntu), or https://docs.docker.com/engine/install/`;
