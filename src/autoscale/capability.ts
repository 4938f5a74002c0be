import type { Capability } from '../capability/capability.ts';
import { commands } from './commands/autoscale.ts';
import { AUTOSCALE_SCHEDULE } from './plan/schedule.ts';

/** As many replicas as the load asks for. */
export const autoscale: Capability = {
  name: 'autoscale',
  commands,
  groups: { autoscale: { section: 'Change', summary: 'Replicas by the load (app.autoscale): what was changed and why, pause it, resume' } },
  schedules: [AUTOSCALE_SCHEDULE],
  up: {
    begins: async ({ context, project }, command) => {
      const { autoscaleOf, scaledTo } = await import('./plan/settings.ts');
      const replicas = scaledTo(command);
      if (replicas === undefined || !autoscaleOf(project.loaded.settings)) return;
      const { pauseScaled } = await import('./pause.ts');
      pauseScaled(context, project, replicas);
    },
    finished: async ({ context, project, command }) => {
      const { autoscaleOf, scaledTo } = await import('./plan/settings.ts');
      const replicas = scaledTo(command);
      if (replicas === undefined || !autoscaleOf(project.loaded.settings)) return;
      const { pauseScaled } = await import('./pause.ts');
      const { pausedText } = await import('./plan/decide.ts');
      context.report.note(
        `autoscaling is ${pausedText(pauseScaled(context, project, replicas))}: \`medianest autoscale resume\` ends that`,
      );
    },
    next: async ({ loaded: { settings }, state }) => {
      const { autoscaleAdvice } = await import('./plan/schedule.ts');
      const { hasRunner } = await import('../schedule/records.ts');
      return autoscaleAdvice(settings, hasRunner(state));
    },
  },
  checks: async ({ context, project, manifest }) => {
    const { autoscaleChecks } = await import('./plan/status.ts');
    const { known } = await import('./known.ts');
    return manifest ? autoscaleChecks(known(context, project)) : [];
  },
  notes: async ({ context, project, manifest }) => {
    const { autoscaleNotes } = await import('./plan/status.ts');
    const { known } = await import('./known.ts');
    return manifest ? autoscaleNotes(known(context, project)) : [];
  },
};
