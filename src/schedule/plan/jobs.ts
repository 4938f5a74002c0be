import type { Check } from '../../capability/check.ts';
import type { Schedule, Timer } from '../../capability/schedule.ts';
import { UserError } from '../../core/errors.ts';
import { sha256 } from '../../core/hash.ts';
import { plural } from '../../core/plural.ts';
import { didYouMean } from '../../core/suggest.ts';
import { utcText } from '../../core/time.ts';
import type { Role } from '../../stack/types.ts';
import { lastTime, nextTime } from './times.ts';

/** The setting `jobs`. */
export interface JobSettings {
  timezone: string;
  times: Readonly<Record<string, string>>;
}

/** A command that this project runs again and again, at the times that its settings say. */
export interface Job extends Timer {
  zone: string;
  /** Of this project's own share of the jitter: the same each time, so that it can be told. */
  shiftMs: number;
}

/** What the runner knows of a job. */
export interface JobRecord {
  /** Up to this time nothing is due any more: the last run began then, or the first look at the job was then. */
  handled: string;
  started?: string;
  /** None: it runs, or its runner was killed. */
  ended?: string;
  /** The exit status of the command. */
  status?: number;
  /** The last words of one that failed. */
  message?: string;
  /** How often it was begun without coming to its end. */
  attempts?: number;
}

/** A run whose runner was killed is begun again so many times in all: one that takes the host down with it must end. */
const MOST_ATTEMPTS = 3;
/** Nothing has run what is due: the runner looks each minute. */
const OVERDUE_MS = 15 * 60_000;

/** The times that the settings say, in place of the ones a timer comes with; those that are off are left out. */
export const configured = <T extends Timer>(timers: readonly T[], { times }: JobSettings): T[] =>
  timers.flatMap((timer) => (times[timer.name] === 'off' ? [] : [{ ...timer, cron: times[timer.name] ?? timer.cron }]));

interface JobsOfProject {
  project: string;
  settings: JobSettings;
  roles: ReadonlySet<Role>;
  /** Asking for it loads the data of all time zones. */
  hostZone: () => string;
  asked?: (schedule: Schedule) => boolean;
}

/**
 * The jobs of a project.
 * @param roles that its services have: a schedule without a service to act on has no jobs
 * @param hostZone what `host` means
 * @param asked whether the settings ask for a schedule
 * @throws UserError INVALID_SETTINGS for a name in `jobs.times` that no job has
 */
export function jobsOf(schedules: readonly Schedule[], { project, settings, roles, hostZone, asked = () => true }: JobsOfProject): Job[] {
  const known = schedules.flatMap(({ timers }) => timers.map(({ name }) => name));
  for (const name of Object.keys(settings.times))
    if (!known.includes(name))
      throw new UserError(
        'INVALID_SETTINGS',
        `jobs.times.${name}: there is no such job; ${didYouMean(name, known)}`,
        'medianest jobs list',
      );
  const those = schedules
    .filter((schedule) => (schedule.role === undefined || roles.has(schedule.role)) && asked(schedule))
    .flatMap(({ timers }) => timers);
  return configured(those, settings).map((timer) => ({
    ...timer,
    get zone() {
      return settings.timezone === 'host' ? hostZone() : settings.timezone;
    },
    shiftMs: shiftOf(`${project}/${timer.name}`, timer.jitter),
  }));
}

const shiftOf = (name: string, jitter: number): number => (Number.parseInt(sha256(name).slice(0, 8), 16) % (jitter + 1)) * 1000;

const later = (time: Date | undefined, ms: number): Date | undefined => time && new Date(time.getTime() + ms);

/** When it runs next, its own share of the jitter included. */
export const nextRunOf = (job: Job, now: Date): Date | undefined =>
  later(nextTime(job, new Date(now.getTime() - job.shiftMs)), job.shiftMs);

/** When it was to run last, its own share of the jitter included. */
const lastRunOf = (job: Job, now: Date): Date | undefined => later(lastTime(job, new Date(now.getTime() - job.shiftMs)), job.shiftMs);

/**
 * The time for which a job is to be run now; undefined where there is none. Times that were missed are made up for by one run.
 * What was begun and not ended is due again: its runner was killed.
 * @param record undefined for a job that was never looked at: it begins with its next time
 */
export function dueTime(job: Job, record: JobRecord | undefined, now: Date): Date | undefined {
  if (!record) return undefined;
  const last = lastRunOf(job, now);
  if (last && last > new Date(record.handled)) return last;
  const unfinished = record.started !== undefined && record.ended === undefined && (record.attempts ?? 1) < MOST_ATTEMPTS;
  return unfinished ? new Date(record.handled) : undefined;
}

/**
 * The record that a job begins with: of one that was never looked at, or whose record is of the future because the clock was
 * put back. Undefined where it has one.
 */
export const firstRecord = (record: JobRecord | undefined, now: Date): JobRecord | undefined =>
  record && new Date(record.handled) <= now ? undefined : { ...record, handled: now.toISOString() };

/** The record of a run that begins: it makes up for every time before. */
export const begun = (record: JobRecord | undefined, now: Date): JobRecord => ({
  handled: now.toISOString(),
  started: now.toISOString(),
  attempts: record?.started !== undefined && record.ended === undefined ? (record.attempts ?? 1) + 1 : 1,
});

/**
 * For `health`: jobs that failed, and jobs that no runner has run.
 * @param jobs those that a runner is to run, with what is known of each
 */
export function jobChecks(jobs: readonly (Job & { record: JobRecord | undefined; running: boolean })[], now: Date): Check[] {
  const problems = jobs.flatMap((job): { bad: boolean; message: string }[] => {
    const { record, running } = job;
    const late = new Date(now.getTime() - OVERDUE_MS);
    const due = running ? undefined : dueTime(job, record, late);
    // One that was interrupted is due from its beginning.
    if (due && due <= late) return [{ bad: true, message: `${job.name} is overdue since ${utcText(due)}` }];
    if (record?.ended !== undefined && record.status !== 0)
      return [
        { bad: false, message: `${job.name} failed at ${utcText(new Date(record.ended))}: ${record.message ?? `status ${record.status}`}` },
      ];
    return [];
  });
  if (problems.length === 0)
    return [
      {
        id: 'jobs',
        status: 'ok',
        message: `${plural(jobs.length, 'job')} ${jobs.length === 1 ? 'runs at its time' : 'run at their times'}`,
        value: jobs.length,
      },
    ];
  const overdue = problems.some(({ bad }) => bad);
  return [
    {
      id: 'jobs',
      status: overdue ? 'fail' : 'warn',
      message: problems.map(({ message }) => message).join('; '),
      remedy: overdue ? 'no runner is at work: sudo medianest jobs install, or keep `medianest jobs watch` running' : 'medianest jobs list',
    },
  ];
}
