import type { Context, Project } from '../capability/capability.ts';
import { withLock } from '../project/with-lock.ts';
import { databaseFolder, keyVersionOf, living } from '../services/backup/settings/key-versions.ts';
import { copyPolicies, readCopies } from './copies/copies.ts';
import { noteSizes } from './metrics/sizes.ts';
import { type ArchivedSet, archivedSets, type BackupSet, type Catalogue } from './plan/backup-sets.ts';
import { copyDecisions } from './plan/copies.ts';
import { keepsDumps } from './plan/holds.ts';
import { type Decision, retentionHere } from './plan/retention.ts';
import { openCatalogue } from './ready.ts';
import { mustRun, removeJobs } from './repository/job.ts';
import { type BackupContext, backrest, backupContext, inServer, latestSets, readDatabase, saveCatalogue } from './repository/repository.ts';
import { mustRestic } from './repository/restic.ts';
import { retireGenerations } from './repository/rotate-keys.ts';
import { lastRestore } from './restore/journal.ts';

export interface PruneOutcome {
  sets: Decision[];
  removed: number;
  /** The same of each copy elsewhere, by its own rules; its container removes them. */
  copies: Record<string, Decision[]>;
}

/** Removes what no rule keeps. A dry run says what and why. */
export async function prune(context: Context, project: Project): Promise<PruneOutcome> {
  if (context.flags.dryRun) {
    const backups = await backupContext(context, project);
    const known = (await latestSets(backups)) ?? { repository: '', sets: [] };
    return { sets: decide(backups, known), removed: 0, copies: await decideCopies(backups, known) };
  }
  return withLock(context, project.state, 'backup prune', async (lock, record) => {
    const backups = await backupContext(context, project, { lock });
    await removeJobs(backups.bench);
    const catalogue = await openCatalogue(backups);
    const decisions = decide(backups, catalogue);
    const copies = await decideCopies(backups, catalogue);
    const gone = new Set(decisions.flatMap(({ id, keep }) => (keep ? [] : [id])));
    record(['prune', ...gone]);
    const kept = catalogue.sets.filter(({ id }) => !gone.has(id));
    // First it is listed no more: what is half removed must not be restored. Killed meanwhile, the next run removes the rest.
    await saveCatalogue(backups, { ...catalogue, sets: kept });
    await removeOthers(backups, kept);
    if (!keepsDumps(backups.stack)) await retireGenerations(context, project, lock, backups, archivedSets(kept));
    await noteSizes(backups.bench, backups.settings, context.clock.now());
    return { sets: decisions, removed: gone.size, copies };
  });
}

const decide = ({ settings, stack, bench }: BackupContext, { sets }: Catalogue): Decision[] =>
  retentionHere(sets, settings.local.keep, keepsDumps(stack), lastRestore(bench.state)?.safety);

async function decideCopies({ bench, settings }: BackupContext, catalogue: Catalogue): Promise<PruneOutcome['copies']> {
  const states = await readCopies(bench.docker, bench.project, settings);
  const policies = Object.entries(copyPolicies(settings));
  return Object.fromEntries(policies.map(([name, policy]) => [name, copyDecisions(catalogue, name, policy, states)]));
}

/** The database’s parts first, those that others are made from last; then WAL that no set begins before; then the files. */
async function removeOthers(backups: BackupContext, kept: readonly BackupSet[]): Promise<void> {
  await inServer(backups, ['halt'], 'an earlier command could not be ended');
  const { generations } = backups;
  for (const generation of keepsDumps(backups.stack) ? [] : living(generations)) {
    const own = archivedSets(kept).filter(({ parts }) => keyVersionOf(parts.db) === generation);
    if (own.length > 0 || generation === generations.current) await removeLabels(backups, generation, own);
    else await removeGeneration(backups, generation);
  }
  await forget(backups, kept);
}

/** The whole of it: no set is in it any more. */
async function removeGeneration({ bench, mount }: BackupContext, generation: number): Promise<void> {
  const folder = `${mount.target}/${databaseFolder(generation)}`;
  await mustRun(bench, { name: 'remove-generation', argv: ['rm', '-rf', folder], mounts: [mount] });
}

async function removeLabels(backups: BackupContext, generation: number, kept: readonly ArchivedSet[]): Promise<void> {
  const there = new Set((await readDatabase(backups, generation)).backups.map(({ label }) => label));
  const keptLabels = new Set(kept.flatMap(({ parts }) => [parts.db.label, ...parts.db.references]));
  // What a killed backup has left, and no set names, goes too.
  const labels = [...there].filter((label) => !keptLabels.has(label)).sort((a, b) => b.length - a.length || (a < b ? 1 : -1));
  for (const label of labels)
    if ((await readDatabase(backups, generation)).backups.some((entry) => entry.label === label))
      await backrest(backups, generation, ['expire', `--set=${label}`], `${label} could not be removed`);
  const fulls = [...keptLabels].filter((label) => label.endsWith('F') && there.has(label)).length;
  if (fulls > 0)
    await backrest(backups, generation, ['expire', `--repo1-retention-full=${fulls}`], 'WAL that is no longer needed could not be removed');
}

/** Snapshots that no kept set names, and older catalogues: every command that changes the catalogue saves another one. */
async function forget(backups: BackupContext, kept: readonly BackupSet[]): Promise<void> {
  const catalogues = ['--tag', 'catalogue', '--host', backups.bench.project, '--group-by', 'tags', '--keep-last', '2'];
  await mustRestic(backups.bench, backups.local, ['forget', '--quiet', ...catalogues]);
  const { stdout } = await mustRestic(backups.bench, backups.local, ['snapshots', '--json', '--tag', 'set']);
  const known = new Set(kept.map(({ id }) => id));
  const gone = (JSON.parse(stdout) as { short_id: string; tags?: string[] }[]).filter(({ tags }) => !tags?.some((tag) => known.has(tag)));
  if (gone.length > 0)
    await mustRestic(backups.bench, backups.local, ['forget', '--quiet', '--prune', ...gone.map(({ short_id }) => short_id)]);
}
