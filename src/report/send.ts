import { sendMail } from '../alerts/channels/send.ts';
import { alertsOfProject, channelOf } from '../alerts/channels.ts';
import type { Context, Project } from '../capability/capability.ts';
import { UserError } from '../core/errors.ts';
import { didYouMean } from '../core/suggest.ts';
import { collectReport } from './collect.ts';
import { reportMail } from './draw/mail.ts';
import { reportPage } from './draw/report-page.ts';
import { subscribed } from './plan/schedule.ts';

/** One channel that was sent the report. */
export interface ReportDelivery {
  channel: string;
  accepted: boolean;
  /** Why not; null where it was accepted. */
  problem: string | null;
}

/** The channels that are meant: those named, or those that the settings name. @throws UserError USAGE */
export function receiversOf(project: Project, named: readonly string[]): string[] {
  const alerts = alertsOfProject(project);
  const mails = Object.entries(alerts.channels).flatMap(([name, { kind }]) => (kind === 'email' ? [name] : []));
  const unknown = named.find((name) => !mails.includes(name));
  if (unknown !== undefined)
    throw new UserError(
      'USAGE',
      `there is no channel ${unknown} of \`kind: email\`; ${didYouMean(unknown, mails)}`,
      'medianest report send --dry-run',
    );
  const receivers = named.length > 0 ? [...named] : subscribed(alerts);
  if (receivers.length > 0) return receivers;
  throw new UserError(
    'USAGE',
    'no channel is sent the report',
    'name one: medianest report send CHANNEL; or write `report: true` in a channel of `kind: email` (docs/report.md)',
  );
}

/** Sends the report to channels; one that fails does not keep the others from theirs. */
export async function sendReport(context: Context, project: Project, names: readonly string[], days: number): Promise<ReportDelivery[]> {
  const report = await collectReport(context, project, days);
  const page = reportPage(report);
  const { channels } = alertsOfProject(project);
  return Promise.all(
    names.map(async (name): Promise<ReportDelivery> => {
      const channel = channelOf(name, channels[name] as (typeof channels)[string]);
      const problem = await sendMail(channel, reportMail(report, page, channel));
      return { channel: name, accepted: problem === undefined, problem: problem ?? null };
    }),
  );
}
