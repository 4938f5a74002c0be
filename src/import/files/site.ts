import { UserError } from '../../core/errors.ts';
import type { Reporter } from '../../core/reporter.ts';
import type { DockerCli } from '../../docker/compose.ts';
import { HARDENED } from '../../docker/hardened.ts';
import { mountArgs, volumeArgs } from '../../docker/mount-args.ts';
import { LABEL } from '../../stack/labels.ts';
import { ENTRY_FORMAT, type Entry, entriesOf } from '../plan/copy-plan.ts';
import type { FileTarget } from '../plan/file-target.ts';

/** The source, read-only, and the target in a container of their own. */
export interface Site {
  docker: DockerCli;
  signal: AbortSignal;
  project: string;
  image: string;
  /** Arguments of `docker run` that mount it at /source. */
  source: string[];
  /** Below /source. */
  within: string;
  volume: string;
  target: FileTarget;
  report: Reporter;
}

/** Reads everything, writes what belongs to others, and becomes nothing else. */
const RIGHTS = ['DAC_READ_SEARCH', 'DAC_OVERRIDE', 'CHOWN', 'FOWNER'].flatMap((name) => ['--cap-add', name]);

/** A container with both folders. @param script run by bash, `$SOURCE` and `$TARGET` are set */
function inContainer(
  site: Site,
  script: string,
  options: { write: boolean; input?: string; argv?: readonly string[]; onLine?: (line: string) => void },
) {
  const { docker, project, image, source, within, volume, signal } = site;
  const args = [
    ...[
      'run',
      '--rm',
      '--init',
      '--interactive',
      '--name',
      `${project}-job-import-files`,
      '--pull',
      'never',
      '--log-driver',
      'none',
      '--network',
      'none',
    ],
    ...[
      '--label',
      `${LABEL.project}=${project}`,
      '--label',
      `${LABEL.job}=import-files`,
      ...HARDENED,
      ...RIGHTS,
      '--user',
      '0:0',
      '--pids-limit',
      '64',
    ],
    ...[
      ...source,
      ...(options.write ? volumeArgs(volume, '/target') : mountArgs(['type=volume', `source=${volume}`, 'target=/target', 'readonly'])),
    ],
    ...['--env', `SOURCE=/source${within === '' ? '' : `/${within}`}`, '--env', 'TARGET=/target', '--env', 'LC_ALL=C.UTF-8'],
    ...['--entrypoint', 'bash', image, '-euo', 'pipefail', '-c', script, 'bash', ...(options.argv ?? [])],
  ];
  return docker.run(args, {
    signal,
    input: options.input ?? '',
    streamsApart: true,
    ...(options.onLine && { onLine: options.onLine, unbuffered: true }),
  });
}

/** @param so what has become of the volume where it fails */
export async function must(
  site: Site,
  script: string,
  options: Parameters<typeof inContainer>[2],
  so = 'nothing of what was there was changed',
): Promise<string> {
  const { exitCode, stdout, tail } = await inContainer(site, script, options);
  if (exitCode === 0) return stdout;
  throw new UserError(
    'IMPORT_FAILED',
    `the files for ${site.target.name}: ${tail.slice(-3).join(' | ') || `ended with status ${exitCode}`}; ${so}`,
    'correct it, and run the same command again: it continues from here',
  );
}

const FIND = `find -P "$1" -mindepth 1 -printf '${ENTRY_FORMAT}'`;
export const listing = async (site: Site, folder: string): Promise<Entry[]> => {
  const pieces: string[] = [];
  await must(site, `if [ -d "$1" ]; then ${FIND}; fi`, { write: false, argv: [folder], onLine: (line) => pieces.push(line) });
  // Names may have line ends in them, which the lines were cut at.
  return entriesOf(pieces.join('\n'));
};
