import type { Capability, StepHandlers } from '../capability/capability.ts';
import { plural } from '../core/plural.ts';
import { jobs } from './commands/jobs.ts';
import { RUNNER } from './plan/timers.ts';

declare module '../capability/capability.ts' {
  interface StepKinds {
    'remove-timers': { files: string[] };
  }
}

/** What runs again and again for a project, by systemd or by a runner of ours; what there is to run is said by the capabilities that have schedules. */
export const schedule = {
  name: 'schedule',
  commands: jobs,
  groups: { jobs: { section: 'Machine', summary: 'What is run again and again: list it, run it, have it run' } },
  steps: {
    'remove-timers': {
      describe: (step) => `stop and remove ${step.files.join(', ')}`,
      perform: async (step) => (await import('./timers.ts')).removeUnits(step.files),
    },
  } satisfies Partial<StepHandlers>,
  data: {
    remains: async ({ context, project }) => {
      const { installedUnits } = await import('./timers.ts');
      const timers = (await context.capabilities()).flatMap(({ schedules = [] }) => schedules.flatMap((entry) => entry.timers));
      const files = installedUnits(project.loaded.settings.project, [...timers, RUNNER]);
      if (files.length === 0) return [];
      const cause = 'what they run is removed';
      return [
        { what: `${plural(files.length, 'unit')} of systemd`, names: files, first: true, steps: [{ kind: 'remove-timers', files, cause }] },
      ];
    },
  },
  metrics: async ({ context, project }) => {
    const { knownJobs } = await import('./records.ts');
    const { jobMetrics } = await import('./plan/job-metrics.ts');
    return jobMetrics(await knownJobs(context, project));
  },
  checks: async ({ context, project }) => {
    const { hasRunner, knownJobs } = await import('./records.ts');
    const { jobChecks } = await import('./plan/jobs.ts');
    if (!hasRunner(project.state)) return [];
    const jobs = (await knownJobs(context, project)).filter(({ ownTimer }) => !ownTimer);
    return jobChecks(jobs, context.clock.now());
  },
} satisfies Capability;
