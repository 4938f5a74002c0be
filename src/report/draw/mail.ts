import type { Mail } from '../../alerts/plan/requests.ts';
import { isKnown } from '../../metrics/plan/samples.ts';
import { type Report, verdictText } from '../plan/report.ts';
import { valueText } from './format.ts';

/** The e-mail: what is not ok in words, and the page beside it. Mail programs show no pictures of a page that is their text. */
export function reportMail(report: Report, page: string, channel: { from?: string | undefined; to?: readonly string[] | undefined }): Mail {
  const { project, at, days, verdict, slo, disks } = report;
  const checks = isKnown(verdict) ? verdict.value.checks.filter(({ status }) => status !== 'ok') : [];
  const served = isKnown(slo)
    ? slo.value.sites.map(
        ({ site, availability }) => `${site}: ${valueText(availability, 'percent')} of requests succeeded in ${days} days.`,
      )
    : [slo.missing];
  const full = isKnown(disks) ? disks.value.filter(({ fullInDays }) => fullInDays !== null && fullInDays < 30) : [];
  const lines = [
    `${verdictText(verdict)}.`,
    ...(isKnown(verdict) ? [] : [verdict.missing]),
    ...checks.map(
      ({ status, message, remedy }) => `${status === 'fail' ? 'FAIL' : 'WARN'}: ${message}${remedy ? `\n  Fix: ${remedy}` : ''}`,
    ),
    ...served,
    ...full.map(
      ({ mountpoint, fullInDays }) => `${mountpoint} is full in ${Math.floor(fullInDays ?? 0)} days, if it continues to fill like this.`,
    ),
    'Everything else is in the page attached. It opens in any browser, without a network.',
  ];
  return {
    from: channel.from ?? '',
    to: channel.to ?? [],
    subject: `${project}: ${verdictText(verdict)}`,
    text: `${lines.join('\n\n')}\n`,
    attachments: [{ filename: `${project}-report-${at.slice(0, 10)}.html`, content: page, contentType: 'text/html; charset=utf-8' }],
  };
}
