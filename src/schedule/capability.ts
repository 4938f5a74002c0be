import type { Capability, StepHandlers } from '../capability/capability.ts';
import { plural } from '../core/plural.ts';

declare module '../capability/capability.ts' {
  interface StepKinds {
    'remove-timers': { files: string[] };
  }
}

/** What systemd runs for a project; which timers there are is said by the capabilities that have schedules. */
export const schedule = {
  name: 'schedule',
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
      const files = installedUnits(project.loaded.settings.project, timers);
      if (files.length === 0) return [];
      const cause = 'what they run is removed';
      return [
        { what: `${plural(files.length, 'unit')} of systemd`, names: files, first: true, steps: [{ kind: 'remove-timers', files, cause }] },
      ];
    },
  },
} satisfies Capability;
