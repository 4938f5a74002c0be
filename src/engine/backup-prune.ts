import type { Context } from '../context.ts';
import type { BackupSet } from '../plan/backup-sets.ts';
import { type Decision, retention } from '../plan/retention.ts';
import { openCatalogue } from './backup.ts';
import { removeJobs } from './backup-job.ts';
import { type BackupRoom, backupRoom, inServer, knownSets, readDatabase, saveCatalogue, storeCatalogue } from './backup-room.ts';
import { mutate } from './mutate.ts';
import type { Opened } from './open.ts';
import { mustRestic, openRepository, type Repository } from './restic.ts';

export interface PruneOutcome {
  repositories: { name: string; sets: Decision[]; error?: string }[];
  removed: number;
}

/** Removes what no rule keeps, in each repository by its own rules. A dry run says what and why. */
export async function prune(context: Context, opened: Opened): Promise<PruneOutcome> {
  const plan = (room: BackupRoom, sets: readonly BackupSet[]) => [
    { name: 'local', sets: retention(sets, room.settings.local.keep) },
    ...room.copies.map(({ name }) => {
      const key = name as 'offsite' | 'vault';
      const there = sets.filter(({ copies }) => copies[key] && !copies[key].error);
      return { name, sets: retention(there, room.settings[key].keep) };
    }),
  ];
  const gone = (decisions: readonly Decision[]) => decisions.filter(({ keep }) => !keep).map(({ id }) => id);
  if (context.flags.dryRun) {
    const room = await backupRoom(context, opened);
    const repositories = plan(room, (await knownSets(room))?.sets ?? []);
    return { repositories, removed: 0 };
  }
  return mutate(context, opened.state, 'backup prune', async (_lock, record) => {
    const room = await backupRoom(context, opened);
    await removeJobs(room.bench);
    const catalogue = await openCatalogue(room);
    const repositories: PruneOutcome['repositories'] = plan(room, catalogue.sets);
    record(repositories.map(({ name, sets }) => [name, gone(sets)]));
    let removed = 0;
    for (const entry of repositories) {
      const ids = gone(entry.sets);
      removed += ids.length;
      const sets = catalogue.sets.filter(({ id }) => ids.includes(id));
      try {
        if (entry.name === 'local') await pruneLocal(room, catalogue.sets, sets);
        else await pruneCopy(room, room.copies.find(({ name }) => name === entry.name) as Repository, sets);
        if (entry.name !== 'local') for (const set of sets) delete set.copies[entry.name as 'offsite' | 'vault'];
      } catch (error) {
        if (entry.name === 'local') throw error;
        entry.error = (error as Error).message;
        context.report.warn(`${entry.name} could not be pruned: ${entry.error}`);
      }
    }
    const localGone = gone(repositories[0]?.sets ?? []);
    // One that is left in a copy alone stays known by that copy’s own catalogue.
    catalogue.sets = catalogue.sets.filter(({ id }) => !localGone.includes(id));
    await saveCatalogue(room, catalogue);
    return { repositories, removed };
  });
}

/** The database’s parts first, those that others are made from last; then WAL that no set begins before; then the files. */
async function pruneLocal(room: BackupRoom, all: readonly BackupSet[], removed: readonly BackupSet[]): Promise<void> {
  await inServer(room, ['halt'], 'an earlier command could not be ended');
  const there = new Set((await readDatabase(room)).backups.map(({ label }) => label));
  const kept = all.filter((set) => !removed.includes(set));
  const keptLabels = new Set(kept.flatMap(({ parts }) => [parts.db.label, ...parts.db.references]));
  // What a killed backup has left, and no set names, goes too.
  const labels = [...there].filter((label) => !keptLabels.has(label)).sort((a, b) => b.length - a.length || (a < b ? 1 : -1));
  for (const label of labels)
    if ((await readDatabase(room)).backups.some((entry) => entry.label === label))
      await inServer(room, ['pgbackrest', '--log-level-console=warn', 'expire', `--set=${label}`], `${label} could not be removed`);
  const fulls = [...keptLabels].filter((label) => label.endsWith('F') && there.has(label)).length;
  if (fulls > 0)
    await inServer(
      room,
      ['pgbackrest', '--log-level-console=warn', 'expire', `--repo1-retention-full=${fulls}`],
      'WAL that is no longer needed could not be removed',
    );
  await forget(room, room.local, kept);
}

/** Snapshots that no kept set names. */
async function forget(room: BackupRoom, repository: Repository, kept: readonly BackupSet[]): Promise<void> {
  const { stdout } = await mustRestic(room.bench, repository, ['snapshots', '--json', '--tag', 'set', '--tag', 'database']);
  const known = new Set(kept.flatMap(({ id }) => [id]));
  const gone = (JSON.parse(stdout) as { short_id: string; tags?: string[] }[]).filter(({ tags }) => !tags?.some((tag) => known.has(tag)));
  if (gone.length > 0) await mustRestic(room.bench, repository, ['forget', '--quiet', '--prune', ...gone.map(({ short_id }) => short_id)]);
}

async function pruneCopy(room: BackupRoom, copy: Repository, removed: readonly BackupSet[]): Promise<void> {
  if (removed.length === 0) return;
  await openRepository(room.bench, copy);
  const { stdout } = await mustRestic(room.bench, copy, ['snapshots', '--json']);
  const ids = new Set(removed.map(({ id }) => id));
  const snapshots = (JSON.parse(stdout) as { short_id: string; tags?: string[] }[]).filter(({ tags }) => tags?.some((tag) => ids.has(tag)));
  if (snapshots.length > 0)
    await mustRestic(room.bench, copy, ['forget', '--quiet', '--prune', ...snapshots.map(({ short_id }) => short_id)]);
  const known = await knownSets(room);
  if (known) await storeCatalogue(room, copy, { ...known, sets: known.sets.filter(({ id }) => !ids.has(id)) });
}
