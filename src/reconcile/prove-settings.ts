import type { Context } from '../capability/capability.ts';
import { UserError } from '../core/errors.ts';
import type { DockerCli } from '../docker/compose.ts';
import { HARDENED } from '../docker/hardened.ts';
import { LABEL } from '../stack/labels.ts';
import { settingsVerdict } from './plan/settings-trials.ts';
import type { ReconcileSteps } from './plan/step.ts';

/** For what it writes to /tmp, which is memory too; the service has its data on a disk. */
const DATA_BYTES = 256 * 1024 ** 2;

/**
 * Lets a program of the image that will run judge settings, in a container without network and data that is thrown away.
 * @throws UserError CONFIG_REFUSED with what the program says, ENGINE_FAILED where it could not be asked; nothing was changed
 */
export async function proveSettings(
  { service, image, uid, memoryBytes, trial }: ReconcileSteps['prove-settings'],
  project: string,
  docker: DockerCli,
  { signal, report }: Pick<Context, 'signal' | 'report'>,
): Promise<void> {
  const [program = '', ...args] = trial.argv;
  const result = await docker.run(
    [
      ...['run', '--rm', '--init', '--interactive', '--pull', 'never', '--network', 'none', ...HARDENED, '--user', String(uid)],
      ...['--memory', String(memoryBytes + DATA_BYTES), '--shm-size', trial.sharedMemory],
      ...['--label', `${LABEL.project}=${project}`, '--label', `${LABEL.job}=prove-settings`],
      ...['--entrypoint', program, image, ...args],
    ],
    { signal, input: trial.input },
  );
  const verdict = settingsVerdict(result);
  if (verdict.kind === 'accepted') return;
  if (verdict.kind === 'absent')
    return report.note(`\`${trial.setting}\` is not checked, because ${image} has no ${program}: rebuild it from medianest’s image`);
  if (verdict.kind === 'refused')
    throw new UserError(
      'CONFIG_REFUSED',
      `${service} would not start with \`${trial.setting}\`: ${verdict.said}; nothing was changed`,
      `${trial.remedy}, and run \`medianest up\` again`,
    );
  throw new UserError(
    'ENGINE_FAILED',
    `\`${trial.setting}\` could not be checked in a container of ${image}: ${verdict.said}; nothing was changed`,
    'correct what it names (a full disk, the engine), and run the same command again',
  );
}
