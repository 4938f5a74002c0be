import type { Capability } from '../capability/capability.ts';
import { dashboard } from './commands/dashboard.ts';
import { report as command } from './commands/report.ts';
import { reportSend } from './commands/report-send.ts';
import { REPORT_SCHEDULE } from './plan/schedule.ts';

/** The stack on a page: live, or to keep and to send. */
export const report: Capability = {
  name: 'report',
  commands: [dashboard, command, reportSend],
  schedules: [REPORT_SCHEDULE],
  checks: async (seen) => {
    const { forecastChecks } = await import('./disk-forecast.ts');
    return forecastChecks(seen);
  },
};
