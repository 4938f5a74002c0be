import type { Schedule } from '../../capability/capability.ts';
import type { NextStep } from '../../capability/next-step.ts';
import type { Settings } from '../../settings/schema.ts';
import { autoscaleOf, isBalanced } from './settings.ts';

/** A run that looks for this long, and then makes way for the next: settings are read at its start. */
export const RUN_SECONDS = 50;

const asked = (settings: Settings): boolean => autoscaleOf(settings) !== undefined && isBalanced(settings);

export const AUTOSCALE_SCHEDULE: Schedule = {
  group: 'autoscale',
  what: 'autoscaling of the application, each minute',
  runsAtInstall: false,
  role: 'balancer',
  timers: [{ name: 'autoscale', cron: '* * * * *', jitter: 0, command: ['autoscale', 'run'], longest: '1h' }],
  asked,
};

/** After a first start: it is a job, which something has to run. */
export const autoscaleAdvice = (settings: Settings, hasRunner: boolean): NextStep[] =>
  asked(settings) && !hasRunner ? [{ command: 'sudo medianest jobs install', why: 'so that app.autoscale is acted upon' }] : [];
