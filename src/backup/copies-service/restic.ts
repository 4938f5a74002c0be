import { listRemote } from './listings.ts';
import { failure } from './plan/explain.ts';
import { copiedTags, damagedFiles } from './plan/snapshots.ts';
import { must, type Ran, type Run } from './programs.ts';

const REMOTE = 'rclone:';

/** restic in a repository. */
export const restic = (run: Run, repository: string, ...args: string[]): Promise<Ran> =>
  must(run, 'restic', ['--no-cache', ...args], { environment: { RESTIC_REPOSITORY: repository } });

/**
 * From one repository of restic’s into another: snapshots of sets, and the list of sets after them.
 * @param sets ids of those to copy; undefined copies all
 */
export async function copySnapshots(run: Run, from: string, to: string, sets?: readonly string[]): Promise<void> {
  const opened = await run('restic', ['--no-cache', 'cat', 'config'], { environment: { RESTIC_REPOSITORY: to } });
  await repairRemote(run, from);
  if (opened.status !== 0) await begin(run, from, to, opened);
  await restic(run, to, 'unlock', '--remove-all', '--quiet');
  await repairRemote(run, to);
  const copy = (...what: string[]) =>
    must(run, 'restic', ['--no-cache', 'copy', '--no-lock', '--quiet', ...what], {
      environment: { RESTIC_FROM_REPOSITORY: from, RESTIC_REPOSITORY: to },
    });
  const tags = copiedTags(sets);
  if (tags) await copy(...tags);
  await copy('--tag', 'catalogue', 'latest');
  await restic(run, to, 'forget', '--quiet', '--tag', 'catalogue', '--group-by', 'tags', '--keep-last', '2');
}

/** One that was killed while it was begun has some of what opens it, and neither opens nor can be begun again. */
async function begin(run: Run, from: string, to: string, opened: Ran): Promise<void> {
  const at = to.replace(REMOTE, '');
  if ((await listRemote(run, [`${at}/snapshots`])) !== '')
    throw new Error(`restic cannot open its part: ${failure(opened.stdout, opened.stderr)}`);
  if ((await listRemote(run, [at])) !== '') await must(run, 'rclone', ['purge', at]);
  await must(run, 'restic', ['--no-cache', 'init', '--quiet', '--copy-chunker-params'], {
    environment: { RESTIC_FROM_REPOSITORY: from, RESTIC_REPOSITORY: to },
  });
}

/** Removes what an upload was killed in. */
async function repairRemote(run: Run, repository: string): Promise<void> {
  if (!repository.startsWith(REMOTE)) return;
  const at = repository.slice(REMOTE.length);
  let damaged = false;
  for (const folder of ['index', 'snapshots']) {
    // One that is not there, or that cannot be read now, is told by what follows.
    const { stdout } = await run('rclone', ['hashsum', 'SHA-256', '--download', `${at}/${folder}`]);
    for (const name of damagedFiles(stdout)) {
      await must(run, 'rclone', ['deletefile', `${at}/${folder}/${name}`]);
      damaged = true;
    }
  }
  if (!damaged) return;
  await restic(run, repository, 'unlock', '--remove-all', '--quiet');
  await restic(run, repository, 'repair', 'index', '--quiet');
}
