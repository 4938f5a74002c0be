import { utcText } from '../../core/time.ts';
import { type Job, type JobRecord, nextRunOf } from './jobs.ts';

/** A job as `jobs list --json` prints it. */
export interface JobView {
  name: string;
  command: string;
  cron: string;
  timezone: string;
  /** Who runs it at its times: medianest's runner, or a timer of systemd for it alone. */
  runner: 'jobs' | 'systemd';
  state: 'running' | 'done' | 'failed' | 'interrupted' | 'never';
  /** Times in ISO 8601; null where there is none, or where systemd knows it. */
  lastRun: string | null;
  nextRun: string | null;
  message: string | null;
}

export function jobView(job: Job & { record: JobRecord | undefined; running: boolean; ownTimer: boolean }, now: Date): JobView {
  const { record, ownTimer } = job;
  return {
    name: job.name,
    command: `medianest ${job.command.join(' ')}`,
    cron: job.cron,
    timezone: job.zone,
    runner: ownTimer ? 'systemd' : 'jobs',
    state: stateOf(record, job.running),
    lastRun: record?.started ?? null,
    nextRun: ownTimer ? null : (nextRunOf(job, now)?.toISOString() ?? null),
    message: record?.message ?? null,
  };
}

function stateOf(record: JobRecord | undefined, running: boolean): JobView['state'] {
  if (running) return 'running';
  if (record?.started === undefined) return 'never';
  if (record.ended === undefined) return 'interrupted';
  return record.status === 0 ? 'done' : 'failed';
}

/** A row for a person: job, times, last run, next run, command. */
export function describeJob({ name, cron, timezone, state, runner, lastRun, nextRun, message, command }: JobView): string[] {
  const last =
    runner === 'systemd' ? 'see its timer' : lastRun ? `${utcText(lastRun)} (${state}${message ? `: ${message}` : ''})` : 'never';
  return [name, `${cron} (${timezone})`, last, nextRun ? utcText(nextRun) : 'by its timer', command];
}
