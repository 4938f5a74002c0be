import type { Context } from '../capability/capability.ts';
import { askGuards } from '../project/guards.ts';
import { type Project, requireManifest } from '../project/open.ts';
import { type BackupType, byAge } from './plan/backup-sets.ts';
import { cacheNodes, databaseMembers, keepsDumps } from './plan/holds.ts';
import { otherRepository, refuseNoRoom, refuseOldGeneration, refuseReadOnly, refuseUnfit } from './ready.ts';
import { jobError } from './repository/job.ts';
import { backupContext, fileSources, inServer, knownSets, readDatabase } from './repository/repository.ts';
import { RESTIC, restic } from './repository/restic.ts';

/** What `backup` would do now. */
export interface PlannedBackup {
  /** As it was asked for. */
  type: BackupType;
  result: 'planned';
  /** What it would be: a full one where there is none to build upon. */
  makes: BackupType;
  repository: { id: string | null; exists: boolean; sets: number; newest: string | null };
  /** The member that leads the database, and those of the cache that are snapshotted. */
  database: string | null;
  cache: string[];
  files: string[];
  steps: string[];
}

/**
 * Checks all that a backup checks before it changes anything, and tells what it would do with what it saw.
 * @throws UserError as the backup would
 */
export async function planBackup(context: Context, project: Project, type: BackupType): Promise<PlannedBackup> {
  await askGuards(context, project.state);
  requireManifest(project.state);
  const backups = await backupContext(context, project);
  const leaders = await refuseUnfit(context, project, backups);
  const dumps = keepsDumps(backups.stack);
  if (!dumps) await refuseOldGeneration(backups);
  await refuseReadOnly(backups);
  await refuseNoRoom(backups);
  // Without a lock: the real one removes those of killed runs, and this changes nothing.
  const found = await restic(backups.bench, backups.local, ['cat', 'config', '--no-lock', '--quiet']);
  if (found.exitCode !== 0 && found.exitCode !== RESTIC.noRepository)
    throw jobError('the repository', found, 'check that it can be reached and written');
  const known = await knownSets(backups);
  const id = (await inServer(backups, ['identity'], 'the repository')).stdout.trim();
  if (known && id !== '' && known.repository !== id) throw otherRepository(backups);
  const builds = !dumps && (await readDatabase(backups)).backups.some((entry) => entry.type === 'full');
  const makes = builds ? type : 'full';
  const led = (services: readonly { name: string }[]) => services.flatMap(({ name }) => (leaders.includes(name) ? [name] : []));
  const cache = led(cacheNodes(backups.stack));
  const servers = databaseMembers(backups.stack);
  const database = (dumps ? servers.map(({ name }) => name) : led(servers))[0] ?? null;
  const files = fileSources(project.loaded, backups).flatMap(({ target }) =>
    target.startsWith('/source/redis/') ? [] : [target.replace('/source/', '')],
  );
  const sets = [...(known?.sets ?? [])].sort(byAge);
  const exists = found.exitCode === 0;
  return {
    type,
    result: 'planned',
    makes,
    repository: { id: known?.repository ?? (id || null), exists, sets: sets.length, newest: sets.at(-1)?.id ?? null },
    database,
    cache,
    files,
    steps: [
      ...(!exists ? ['make the repository'] : []),
      dumps
        ? `dump the database (${database})`
        : `back up the database (${makes}${makes === type ? '' : ': there is no full one to build upon'})${database ? `, which ${database} leads` : ''}`,
      ...(cache.length > 0 ? [`write snapshots of the cache (${cache.join(', ')})`] : []),
      `back up ${[...files, ...(cache.length > 0 ? ['cache'] : [])].join(', ')}`,
      'note the set in the repository',
    ],
  };
}
