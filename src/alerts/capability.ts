import type { Capability } from '../capability/capability.ts';
import { alertsCheck, alertsList, alertsTest, alerts as command } from './commands/alerts.ts';
import { silence, silenceList, silenceRemove } from './commands/silence.ts';
import { ALERT_SCHEDULE } from './plan/schedule.ts';

/** Tells people what is wrong, by the channels of the settings. */
export const alerts: Capability = {
  name: 'alerts',
  commands: [command, alertsList, alertsTest, alertsCheck, silence, silenceList, silenceRemove],
  schedules: [ALERT_SCHEDULE],
  up: {
    announce: async ({ project: { loaded }, only }) => {
      const { unheard } = await import('./plan/schedule.ts');
      return only ? [] : unheard(loaded.settings).map(({ message }) => message);
    },
    next: async ({ loaded: { settings } }) => {
      const { alertsAdvice } = await import('./plan/schedule.ts');
      return alertsAdvice(settings);
    },
  },
  clues: async (seen, about) => {
    const { alertClues } = await import('./clues.ts');
    return alertClues(seen, about);
  },
  checks: async (seen) => {
    const { alertChecks } = await import('./checks.ts');
    return alertChecks(seen);
  },
};
