import type { Capability, Seen } from '../capability/capability.ts';
import type { Check } from '../capability/check.ts';
import { exists } from '../core/files.ts';
import { containersOf, withRole } from '../stack/roles.ts';
import { backupList, backupPrune, backupVerify, backup as command } from './commands/backup.ts';
import { backupKeys } from './commands/backup-keys.ts';
import { backupCopies, backupFetch } from './commands/copies.ts';
import { drill, previewRemove } from './commands/drill.ts';
import { backupExport, backupImport } from './commands/export.ts';
import { backupKit } from './commands/kit.ts';
import { restore } from './commands/restore.ts';
import { BACKUP_SCHEDULE } from './plan/schedule.ts';
import { removalSteps } from './removal-steps.ts';
import { restoreSteps } from './restore/steps.ts';
import { restorePointStep } from './restore-point-step.ts';

/** WAL that waits for the archive, and copies that are behind. */
async function transit({ context, project, engine, manifest, containers, members }: Seen): Promise<Check[]> {
  const { archiveHealth } = await import('./repository/wal-health.ts');
  const { copyHealth } = await import('./copies/copies.ts');
  const parts = await Promise.all([
    archiveHealth(engine, manifest, containers, members),
    manifest ? copyHealth(context, project.loaded) : [],
  ]);
  return parts.flat();
}

/** Sets of backups, their copies, and the way back. */
export const backup = {
  name: 'backup',
  commands: [
    command,
    backupList,
    backupVerify,
    backupPrune,
    backupCopies,
    backupFetch,
    backupKit,
    backupKeys,
    backupExport,
    backupImport,
    restore,
    previewRemove,
    drill,
  ],
  groups: { preview: { section: 'Data', summary: 'What `restore --into` made beside the stack: remove it' } },
  schedules: [BACKUP_SCHEDULE],
  steps: { ...restoreSteps, ...removalSteps, ...restorePointStep },
  guard: async (state, { takesDown, removesAccess, keepsData }) => {
    if (takesDown || removesAccess || keepsData) return;
    const { refuseHalfRestored } = await import('./restore/journal.ts');
    refuseHalfRestored(state);
  },
  up: {
    beforeStart: async (starting, { loaded, state }, context) => {
      if (withRole(starting, 'repository').length === 0) return;
      const { checkLocalFolder } = await import('./repository/local-folder.ts');
      await checkLocalFolder(context, state, loaded);
    },
    next: async ({ loaded, state }) => {
      if (withRole(state.manifest()?.services, 'repository').length === 0) return [];
      const { isScheduled } = await import('../schedule/next-run.ts');
      const { backupAdvice } = await import('./plan/schedule.ts');
      return backupAdvice(isScheduled({ loaded, state }, BACKUP_SCHEDULE.timers), exists('/run/systemd/system'));
    },
  },
  data: {
    unprotected: async (project) => {
      const { state } = project;
      const { readCatalogue } = await import('./repository/catalogue.ts');
      const { unprotected } = await import('./plan/backup-sets.ts');
      const { repositoryAway } = await import('./remains.ts');
      const sets = readCatalogue(state)?.sets ?? [];
      return unprotected(sets, withRole(state.manifest()?.services, 'repository').length > 0) ?? repositoryAway(project);
    },
    // Without data there is nothing that a restore could have left half replaced, nor anything that was put aside.
    deleted: async (state) => (await import('./restore/journal.ts')).noteEnd(state, undefined),
    remains: async (leaving) => (await import('./remains.ts')).backupRemains(leaving),
  },
  checks: async (seen) => {
    const { backupHealth } = await import('./alert.ts');
    const { halfRestored, underWay } = await import('./restore/journal.ts');
    const { readSizes } = await import('./metrics/sizes.ts');
    const { sizeChecks } = await import('./metrics/plan/repository-size.ts');
    const interrupted = underWay(seen.project.state);
    return [
      ...(interrupted
        ? [
            {
              id: 'restore',
              status: 'fail' as const,
              message: halfRestored(interrupted),
              remedy: 'medianest restore --yes, or medianest restore --undo',
            },
          ]
        : []),
      ...(await backupHealth(seen.context, seen.project)),
      ...(await transit(seen)),
      ...(withRole(seen.manifest?.services, 'repository').length > 0 ? sizeChecks(readSizes(seen.project.state)) : []),
    ];
  },
  metrics: async ({ context, project }) => (await import('./metrics/metrics.ts')).metricsOfBackups(context, project),
  notes: async (seen) => {
    const { state } = seen.project;
    const { halfRestored, underWay } = await import('./restore/journal.ts');
    const interrupted = underWay(state);
    const first = interrupted ? [halfRestored(interrupted)] : [];
    if (containersOf(seen.containers, seen.manifest?.services, 'repository').length === 0) return first;
    const { backupHealth } = await import('./alert.ts');
    const { readCatalogue } = await import('./repository/catalogue.ts');
    const { backupNotes } = await import('./plan/backup-sets.ts');
    const { kitProblem } = await import('./restore/kit.ts');
    const open = (await transit(seen)).filter(({ status }) => status !== 'ok');
    return [
      ...first,
      ...backupNotes(readCatalogue(state)?.sets ?? [], seen.context.clock.now()),
      ...(kitProblem(state) ? [kitProblem(state) as string] : []),
      ...[...(await backupHealth(seen.context, seen.project)), ...open].map(({ message, remedy }) => `${message}: ${remedy}`),
    ];
  },
} satisfies Capability;
