import type { Context, Project } from '../../capability/capability.ts';
import { UserError } from '../../core/errors.ts';
import { shown } from '../../core/reporter.ts';
import { withLock } from '../../project/with-lock.ts';
import { COPIES } from '../../services/backup/backup.ts';
import { copyNames } from '../../services/backup/settings/copies-settings.ts';
import type { Catalogue } from '../plan/backup-sets.ts';
import { fetched } from '../plan/copies.ts';
import { readCatalogue } from '../repository/catalogue.ts';
import { lastWords, removeJobs, runJob } from '../repository/job.ts';
import { type BackupContext, backupContext, fetchCatalogue, inServer, readArchive, saveCatalogue } from '../repository/repository.ts';
import { mustRestic } from '../repository/restic.ts';

export interface FetchOutcome {
  copy: string;
  /** The sets that are here now. */
  sets: string[];
}

/** Another repository than the one that is here (`fetch-copy`). */
const OTHER = 4;

/**
 * Fetches everything in a copy into the repository here, which is empty or the same one. If it is killed, running it again
 * resumes it. @throws UserError if the copy is of another repository, or does not exist: then nothing was changed
 */
export async function fetchCopy(context: Context, project: Project, name: string): Promise<FetchOutcome> {
  return withLock(context, project.state, `backup fetch ${name}`, async (lock, record) => {
    const backups = await backupContext(context, project, { lock, fill: true });
    const { bench } = backups;
    const names: string[] = copyNames(backups.settings.copies);
    if (!names.includes(name))
      throw new UserError('USAGE', `there is no copy ${name}; nothing was changed`, `backup.copies has ${names.join(', ') || 'none'}`);
    record(['fetch', name]);
    await removeJobs(bench);
    const servers = [`${bench.project}-${COPIES}-1`, bench.server];
    // Both look into the repository; WAL waits at the database meanwhile.
    await bench.docker.run(['stop', ...servers], { signal: bench.signal });
    try {
      await shown(context.report, `fetch the contents of the copy ${name}`, async (task) => {
        const result = await runJob(
          bench,
          {
            name: 'fetch',
            argv: ['fetch-copy', name],
            mounts: [backups.mount, { source: bench.state.at('config', COPIES), target: '/etc/medianest', kind: 'bind', readOnly: true }],
            secretsOf: COPIES,
            network: `${bench.project}_mgmt`,
          },
          task,
        );
        if (result.exitCode === 0) return;
        const other = result.exitCode === OTHER;
        throw new UserError(
          other ? 'REPOSITORY_AWAY' : 'BACKUP_FAILED',
          `the copy ${name} was not brought back${other ? ', and nothing was changed' : ''}: ${lastWords(result)}`,
          other
            ? 'use the installation that it belongs to, or an empty repository'
            : 'correct that, and run the same command again: it resumes',
        );
      });
    } finally {
      await bench.docker.run(['start', ...servers.reverse()]);
    }
    const catalogue = await shown(context.report, 'note what is there now', () => takeOver(backups, name));
    return { copy: name, sets: catalogue.sets.map(({ id }) => id) };
  });
}

/** pgBackRest’s own list is made to fit what is there, and so is ours. */
async function takeOver(backups: BackupContext, name: string): Promise<Catalogue> {
  await inServer(backups, ['stanza', '120'], 'the repository host does not take the repository');
  await inServer(backups, ['pgbackrest', '--log-level-console=warn', 'expire'], 'the list of the database’s backups');
  const held = await fetchCatalogue(backups);
  if (!held) throw new UserError('NO_BACKUP', `the copy ${name} has no list of sets yet`, 'use another copy');
  const { stdout } = await mustRestic(backups.bench, backups.local, ['snapshots', '--no-lock', '--json', '--tag', 'set']);
  const snapshots = Object.fromEntries(
    (JSON.parse(stdout) as { short_id: string; tags?: string[] }[]).flatMap(({ short_id, tags }) =>
      (tags ?? []).filter((tag) => tag !== 'set').map((tag) => [tag, short_id]),
    ),
  );
  const known = readCatalogue(backups.bench.state);
  const sets = [...held.sets, ...(known?.repository === held.repository ? known.sets : [])];
  const { labels } = await readArchive(backups, []);
  const catalogue = { ...held, sets: fetched({ ...held, sets }, name, snapshots, labels) };
  await saveCatalogue(backups, catalogue);
  return catalogue;
}
