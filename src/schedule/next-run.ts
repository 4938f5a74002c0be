import type { Context, Project, Timer } from '../capability/capability.ts';
import { nextRunOf } from './plan/jobs.ts';
import { RUNNER } from './plan/timers.ts';
import { hasRunner, knownJobs } from './records.ts';
import { installedUnits, nextElapse } from './timers.ts';

/** Something runs these: timers of their own, or a runner that was set up. */
export const isScheduled = ({ loaded, state }: Project, timers: readonly Timer[]): boolean =>
  hasRunner(state) || installedUnits(loaded.settings.project, [...timers, RUNNER]).length > 0;

/** When the first of these runs next, by whatever runs them; undefined where nothing does, or that cannot be told. */
export async function nextRun(context: Context, project: Project, timers: readonly Timer[]): Promise<Date | undefined> {
  const bySystemd = await nextElapse(project.loaded.settings.project, timers);
  if (bySystemd || !hasRunner(project.state)) return bySystemd;
  const jobs = (await knownJobs(context, project)).filter(({ name }) => timers.some((timer) => timer.name === name));
  const times = jobs.flatMap((job) => nextRunOf(job, context.clock.now()) ?? []);
  return times.sort((a, b) => a.getTime() - b.getTime())[0];
}
