import { UserError } from '../../core/errors.ts';
import { writeAtomic } from '../../core/files.ts';
import { freeSpaceArgv, freeSpaceOf } from '../../docker/plan/free-space.ts';
import { REPOSITORY } from '../../services/backup/backup.ts';
import type { BackupSettings } from '../../services/backup/settings/backup-settings.ts';
import { copyNames } from '../../services/backup/settings/copies-settings.ts';
import type { StateFolder } from '../../state/state.ts';
import { readCopies } from '../copies/copies.ts';
import type { Workbench } from '../repository/job.ts';
import { copySize, HERE, type PlaceSizes, repositorySize, withSizes } from './plan/repository-size.ts';

const FILE = 'backup-sizes.json';

/** What was measured of the repository and of its copies. */
export const readSizes = (state: StateFolder): PlaceSizes =>
  state.readJson<PlaceSizes>(FILE, 'what backups took until now is forgotten', (value) =>
    Object.values(value ?? {}).every((sizes) => Array.isArray(sizes)),
  ) ?? {};

/** Measures the repository, and notes what the copies have measured. A failure is none of the command that has changed it. */
export async function noteSizes({ docker, server, project, state, signal }: Workbench, settings: BackupSettings, now: Date): Promise<void> {
  try {
    const inServer = (argv: readonly string[]) => docker.run(['exec', server, ...argv], { signal });
    // What is removed meanwhile is complained of, and the sums are there all the same.
    const du = await inServer(['du', '--block-size=1', '--max-depth=1', REPOSITORY]);
    const disk = await inServer(freeSpaceArgv(REPOSITORY));
    const copies = await readCopies(docker, project, settings);
    const measured = {
      [HERE]: repositorySize(du.stdout, freeSpaceOf(disk.stdout), now),
      // Where their container does not answer, what is known of them stays.
      ...Object.fromEntries(copyNames(settings.copies).map((name) => [name, undefined])),
      ...Object.fromEntries((copies ?? []).map((copy) => [copy.name, copySize(copy)])),
    };
    writeAtomic(state.at(FILE), `${JSON.stringify(withSizes(readSizes(state), measured))}\n`, 0o600);
  } catch (error) {
    if (!(error instanceof UserError) || error.code === 'INTERRUPTED') throw error;
  }
}
