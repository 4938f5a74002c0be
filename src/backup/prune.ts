import type { Context, Project } from '../capability/capability.ts';
import { withLock } from '../project/with-lock.ts';
import { databaseFolder, keyVersionOf, living } from '../services/backup/settings/key-versions.ts';
import { openCatalogue } from './backup.ts';
import { copyPolicies, readCopies } from './copies/copies.ts';
import type { BackupSet, Catalogue } from './plan/backup-sets.ts';
import { copyDecisions } from './plan/copies.ts';
import { type Decision, retention } from './plan/retention.ts';
import { mustRun, removeJobs } from './repository/job.ts';
import { type BackupContext, backrest, backupContext, inServer, knownSets, readDatabase, saveCatalogue } from './repository/repository.ts';
import { mustRestic } from './repository/restic.ts';
import { retireGenerations } from './repository/rotate-keys.ts';

export interface PruneOutcome {
  sets: Decision[];
  removed: number;
  /** The same of each copy elsewhere, by its own rules; its container removes them. */
  copies: Record<string, Decision[]>;
}

/** Removes what no rule keeps. A dry run says what and why. */
export async function prune(context: Context, opened: Project): Promise<PruneOutcome> {
  if (context.flags.dryRun) {
    const room = await backupContext(context, opened);
    const known = (await knownSets(room)) ?? { repository: '', sets: [] };
    return { sets: retention(known.sets, room.settings.local.keep), removed: 0, copies: await decideCopies(room, known) };
  }
  return withLock(context, opened.state, 'backup prune', async (lock, record) => {
    const room = await backupContext(context, opened, { lock });
    await removeJobs(room.bench);
    const catalogue = await openCatalogue(room);
    const decisions = retention(catalogue.sets, room.settings.local.keep);
    const copies = await decideCopies(room, catalogue);
    const gone = new Set(decisions.flatMap(({ id, keep }) => (keep ? [] : [id])));
    record(['prune', ...gone]);
    const kept = catalogue.sets.filter(({ id }) => !gone.has(id));
    // First it is listed no more: what is half removed must not be restored. Killed meanwhile, the next run removes the rest.
    await saveCatalogue(room, { ...catalogue, sets: kept });
    await removeOthers(room, kept);
    await retireGenerations(context, opened, lock, room, kept);
    return { sets: decisions, removed: gone.size, copies };
  });
}

async function decideCopies({ bench, settings }: BackupContext, catalogue: Catalogue): Promise<PruneOutcome['copies']> {
  const states = await readCopies(bench.docker, bench.project, settings);
  const policies = Object.entries(copyPolicies(settings));
  return Object.fromEntries(policies.map(([name, policy]) => [name, copyDecisions(catalogue, name, policy, states)]));
}

/** The database’s parts first, those that others are made from last; then WAL that no set begins before; then the files. */
async function removeOthers(room: BackupContext, kept: readonly BackupSet[]): Promise<void> {
  await inServer(room, ['halt'], 'an earlier command could not be ended');
  const { generations } = room;
  for (const generation of living(generations)) {
    const own = kept.filter(({ parts }) => keyVersionOf(parts.db) === generation);
    if (own.length > 0 || generation === generations.current) await removeLabels(room, generation, own);
    else await removeGeneration(room, generation);
  }
  await forget(room, kept);
}

/** The whole of it: no set is in it any more. */
async function removeGeneration({ bench, mount }: BackupContext, generation: number): Promise<void> {
  const folder = `${mount.target}/${databaseFolder(generation)}`;
  await mustRun(bench, { name: 'remove-generation', argv: ['rm', '-rf', folder], mounts: [mount] });
}

async function removeLabels(room: BackupContext, generation: number, kept: readonly BackupSet[]): Promise<void> {
  const there = new Set((await readDatabase(room, generation)).backups.map(({ label }) => label));
  const keptLabels = new Set(kept.flatMap(({ parts }) => [parts.db.label, ...parts.db.references]));
  // What a killed backup has left, and no set names, goes too.
  const labels = [...there].filter((label) => !keptLabels.has(label)).sort((a, b) => b.length - a.length || (a < b ? 1 : -1));
  for (const label of labels)
    if ((await readDatabase(room, generation)).backups.some((entry) => entry.label === label))
      await backrest(room, generation, ['expire', `--set=${label}`], `${label} could not be removed`);
  const fulls = [...keptLabels].filter((label) => label.endsWith('F') && there.has(label)).length;
  if (fulls > 0)
    await backrest(room, generation, ['expire', `--repo1-retention-full=${fulls}`], 'WAL that is no longer needed could not be removed');
}

/** Snapshots that no kept set names, and older catalogues: every command that changes the catalogue saves another one. */
async function forget(room: BackupContext, kept: readonly BackupSet[]): Promise<void> {
  const catalogues = ['--tag', 'catalogue', '--host', room.bench.project, '--group-by', 'tags', '--keep-last', '2'];
  await mustRestic(room.bench, room.local, ['forget', '--quiet', ...catalogues]);
  const { stdout } = await mustRestic(room.bench, room.local, ['snapshots', '--json', '--tag', 'set']);
  const known = new Set(kept.map(({ id }) => id));
  const gone = (JSON.parse(stdout) as { short_id: string; tags?: string[] }[]).filter(({ tags }) => !tags?.some((tag) => known.has(tag)));
  if (gone.length > 0) await mustRestic(room.bench, room.local, ['forget', '--quiet', '--prune', ...gone.map(({ short_id }) => short_id)]);
}
