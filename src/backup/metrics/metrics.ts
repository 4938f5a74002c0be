import type { Context, Project } from '../../capability/capability.ts';
import type { Metric } from '../../core/metrics-text.ts';
import { isScheduled } from '../../schedule/next-run.ts';
import { nextRunOf } from '../../schedule/plan/jobs.ts';
import { knownJobs } from '../../schedule/records.ts';
import type { BackupSettings } from '../../services/backup/settings/backup-settings.ts';
import { withRole } from '../../stack/roles.ts';
import { readFailures } from '../alert.ts';
import { BACKUP_SCHEDULE } from '../plan/schedule.ts';
import { readCatalogue } from '../repository/catalogue.ts';
import { backupMetrics } from './plan/backup-metrics.ts';
import { sizeMetrics } from './plan/repository-size.ts';
import { readSizes } from './sizes.ts';

/** What the state folder remembers of backups and drills; nothing where the stack makes none. */
export async function metricsOfBackups(context: Context, project: Project): Promise<Metric[]> {
  const { loaded, state } = project;
  if (withRole(state.manifest()?.services, 'repository').length === 0) return [];
  const jobs = isScheduled(project, BACKUP_SCHEDULE.timers) ? await knownJobs(context, project) : [];
  const next = (command: string) => (after: Date) => {
    const times = jobs.filter((job) => job.command[0] === command && !isOther(job.command)).flatMap((job) => nextRunOf(job, after) ?? []);
    return times.sort((a, b) => a.getTime() - b.getTime())[0];
  };
  const { maxAgeHours } = loaded.settings.backup as BackupSettings;
  const known = backupMetrics(readCatalogue(state) ?? { sets: [] }, readFailures(state), {
    schedule: { backup: next('backup'), drill: next('drill') },
    maxAgeHours,
  });
  return [...known, ...sizeMetrics(readSizes(state))];
}

/** `backup verify`, unlike `backup --type full`. */
const isOther = ([, word = '-']: readonly string[]): boolean => !word.startsWith('-');
