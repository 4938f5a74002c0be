import type { Schedule } from '../../capability/capability.ts';
import type { AlertsSettings } from '../../services/monitoring/alerts-settings.ts';

/** Channels that are sent the report each week. */
export const subscribed = ({ channels }: AlertsSettings): string[] =>
  Object.entries(channels).flatMap(([name, { report }]) => (report ? [name] : []));

export const REPORT_SCHEDULE: Schedule = {
  group: 'report',
  what: 'the report by e-mail, each week',
  runsAtInstall: false,
  timers: [{ name: 'report', cron: '0 7 * * 1', jitter: 600, command: ['report', 'send'], longest: '15min' }],
  asked: (settings) => subscribed(settings.alerts as AlertsSettings).length > 0,
};
