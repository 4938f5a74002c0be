import type { Schedule } from '../../capability/capability.ts';
import type { Check } from '../../capability/check.ts';
import type { NextStep } from '../../capability/next-step.ts';
import type { AlertsSettings } from '../../services/monitoring/alerts-settings.ts';
import type { Settings } from '../../settings/schema.ts';

const JOB = 'alerts';

/** Where there is no Prometheus, the health checks are asked each minute. */
export const ALERT_SCHEDULE: Schedule = {
  group: 'alerts',
  what: 'alerts without Prometheus, each minute',
  runsAtInstall: true,
  timers: [{ name: JOB, cron: '* * * * *', jitter: 0, command: ['alerts', 'check'], longest: '5min' }],
  asked: ({ observability, components, ...settings }) =>
    (observability === 'off' || components.alertmanager === false) && sends(settings.alerts as AlertsSettings),
};

/** The settings name a channel or a dead man’s switch. */
export const sends = ({ channels, deadMan }: AlertsSettings): boolean => Object.keys(channels).length > 0 || deadMan.url !== undefined;

/** After a first start: the stack is measured, and no channel takes alerts yet. */
export function alertsAdvice({ observability, ...settings }: Settings): NextStep[] {
  if (observability === 'off' || Object.keys((settings.alerts as AlertsSettings).channels).length > 0) return [];
  return [{ command: 'medianest alerts test', why: 'once alerts.channels says who is to be told when something is wrong' }];
}

/** What cannot alert, where Prometheus runs without node-exporter: what commands measure is read by that alone. */
export function unheard({ observability, components, ...settings }: Settings): Check[] {
  const prometheus = observability !== 'off' && components.alertmanager !== false;
  if (!prometheus || components['node-exporter'] !== false || !sends(settings.alerts as AlertsSettings)) return [];
  return [
    {
      id: 'alerts.measured',
      status: 'warn',
      message:
        'no alert can tell of backups, drills, certificates inside, or the host’s disks and memory: node-exporter, which measures them, is off',
      remedy: 'components: { node-exporter: true }, then medianest up; where the engine may not mount the host, look at medianest health',
    },
  ];
}
