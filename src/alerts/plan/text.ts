import { utcText } from '../../core/time.ts';
import { ALERT_CAUSES } from '../../services/shared/alert-causes.ts';
import type { Alert, Notification } from './notification.ts';

/** So many alerts are written out; the rest is counted. */
const MOST_TOLD = 20;
/** One SMS in characters that every network has (GSM 03.38). */
const SMS_LENGTH = 160;

const summaryOf = ({ labels, annotations }: Alert): string => annotations.summary || labels.alertname || 'an alert without a name';
const timeText = (time: string): string => (Number.isNaN(Date.parse(time)) ? '' : utcText(time));

/** How many there are beside the first one. */
const others = ({ alerts, truncated }: Notification): number => alerts.length - 1 + truncated;

const wordOf = ({ status, labels }: Alert): string => (status === 'resolved' ? 'RESOLVED' : (labels.severity ?? 'alert').toUpperCase());

/** `CRITICAL medianest: No leader elected (and 9 more)`: the root cause. */
export function titleOf(told: Notification): string {
  const [first] = told.alerts;
  if (!first) return `${told.project}: no alert`;
  const more = others(told) > 0 ? ` (and ${others(told)} more)` : '';
  return oneLine(`${wordOf(first)} ${told.project}: ${summaryOf(first)}${more}`);
}

/** What, why, what it costs, and what to do; one paragraph for each alert. Cause and effect are said once for alerts that share them. */
export function bodyOf(told: Notification): string {
  const causes = new Set<string>();
  const shown = told.alerts.slice(0, MOST_TOLD).map((alert) => {
    const { labels, annotations, startsAt, endsAt, status } = alert;
    const cause = ALERT_CAUSES[labels.cause ?? ''];
    const explained = status === 'firing' && cause && !causes.has(labels.cause ?? '');
    if (explained) causes.add(labels.cause ?? '');
    const where = [labels.alertname, labels.instance].filter(Boolean).join(', ');
    const ended = status === 'resolved' ? timeText(endsAt) : '';
    return [
      `${wordOf(alert)}: ${oneLine(summaryOf(alert))}`,
      ...(explained ? [`  Cause: ${cause.is}`, `  Effect: ${cause.effect}`] : []),
      ...(status === 'firing' && annotations.fix ? [`  Fix: ${oneLine(annotations.fix)}`] : []),
      `  Since: ${timeText(startsAt)}${ended ? `, until ${ended}` : ''}${where ? ` (${where})` : ''}`,
    ].join('\n');
  });
  const hidden = told.alerts.length - shown.length + told.truncated;
  return [...shown, ...(hidden > 0 ? [`And ${hidden} more: medianest alerts`] : [])].join('\n\n');
}

/** The same in one SMS: what and what to do. */
export function shortOf(told: Notification): string {
  const [first] = told.alerts;
  const fix = first?.status === 'firing' && first.annotations.fix ? `. Fix: ${oneLine(first.annotations.fix)}` : '';
  const title = titleOf(told);
  const room = SMS_LENGTH - fix.length;
  if (room < 40) return cut(title, SMS_LENGTH);
  return cut(title, room) + fix;
}

const cut = (text: string, length: number): string => (text.length <= length ? text : `${text.slice(0, length - 3)}...`);

/** A line break would begin another line of a message's head. */
const oneLine = (text: string): string => text.replace(/\s+/g, ' ').trim();
