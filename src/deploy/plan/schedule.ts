import type { Schedule } from '../../capability/capability.ts';
import type { Settings } from '../../settings/schema.ts';

/** Removes the release before once `app.keepSeconds` have passed. */
export const KEPT_SCHEDULE: Schedule = {
  group: 'deploy',
  what: 'the end of a kept release, each minute',
  runsAtInstall: false,
  role: 'balancer',
  timers: [{ name: 'kept-release', cron: '* * * * *', jitter: 0, command: ['deploy', '--confirm', '--due'], longest: '10min' }],
  asked: ({ app, components }: Settings): boolean => {
    const { strategy, keepSeconds } = (app ?? {}) as { strategy?: string; keepSeconds?: number };
    return components.balancer === true && strategy === 'blue-green' && keepSeconds !== undefined;
  },
};

/** @param until when a kept release counts as given up @param now milliseconds since 1970 */
export const isDue = (until: string | undefined, now: number): boolean => until !== undefined && Date.parse(until) <= now;
