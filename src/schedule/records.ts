import { mkdirSync } from 'node:fs';
import path from 'node:path';
import type { Context, Project, Schedule } from '../capability/capability.ts';
import { exists, removeTree, writeAtomic, writing } from '../core/files.ts';
import { isHeld } from '../state/lock.ts';
import { isRecord } from '../state/plan/record.ts';
import type { StateFolder } from '../state/state.ts';
import { type Job, type JobRecord, jobsOf } from './plan/jobs.ts';
import { installedUnits } from './timers.ts';

const FOLDER = 'jobs';
/** A name that no job can have. */
const RUNNER_SEEN = 'runner.json';

/** A job, and what is known of it. */
export interface KnownJob extends Job {
  record: JobRecord | undefined;
  /** Its command runs now. */
  running: boolean;
  /** systemd has a timer for it alone (`backup schedule install`): the runner leaves it to that. */
  ownTimer: boolean;
}

/** The file that is there while a job runs, as the lock of a state folder is. */
export const jobLock = (state: StateFolder, name: string): string => state.at(FOLDER, `${name}.lock`);

/** A runner was set up once: health expects that what is due is run. */
export const hasRunner = (state: StateFolder): boolean => exists(state.at(FOLDER, RUNNER_SEEN));

/** From now on health expects it. */
export function noteRunner(state: StateFolder): void {
  openJobs(state);
  if (!hasRunner(state)) writeAtomic(state.at(FOLDER, RUNNER_SEEN), '{}\n');
}

export const openJobs = (state: StateFolder): void =>
  writing(state.at(FOLDER), () => void mkdirSync(state.at(FOLDER), { recursive: true, mode: 0o700 }));

/** No runner is expected to run them any more. */
export const forgetJobs = (state: StateFolder): void => removeTree(state.at(FOLDER));

/** Of the one runner. */
export const runnerLock = (state: StateFolder): string => state.at(FOLDER, 'runner.lock');

const isJobRecord = (value: unknown): boolean => isRecord(value) && Number.isFinite(Date.parse((value as JobRecord).handled));

/** @throws UserError STATE_DAMAGED for a record that is none */
export const readRecord = (state: StateFolder, name: string): JobRecord | undefined =>
  state.readJson<JobRecord>(path.join(FOLDER, `${name}.json`), 'when the job ran last is forgotten', isJobRecord);

export const writeRecord = (state: StateFolder, name: string, record: JobRecord): void =>
  writeAtomic(state.at(FOLDER, `${name}.json`), `${JSON.stringify(record)}\n`);

/** The jobs of a project, in the order of the capabilities. @throws UserError INVALID_SETTINGS, STATE_DAMAGED */
export async function knownJobs(context: Context, { loaded, state }: Project): Promise<KnownJob[]> {
  const { project, jobs: settings } = loaded.settings;
  const schedules = (await context.capabilities()).flatMap((capability) => capability.schedules ?? []);
  const roles = new Set((state.manifest()?.services ?? []).flatMap(({ role }) => role ?? []));
  const hostZone = () => new Intl.DateTimeFormat().resolvedOptions().timeZone;
  const asked = (schedule: Schedule) => schedule.asked?.(loaded.settings) ?? true;
  return jobsOf(schedules, { project, settings, roles, hostZone, asked }).map((job) =>
    // Not by `...job`, which would ask for the time zone.
    Object.assign(job, {
      record: readRecord(state, job.name),
      running: isHeld(jobLock(state, job.name)),
      ownTimer: installedUnits(project, [job]).length > 0,
    }),
  );
}
