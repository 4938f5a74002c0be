import type { Context, Project } from '../capability/capability.ts';
import { TEST_ALERT } from '../services/monitoring/alertmanager-view.ts';
import { ALERT_CAUSES } from '../services/shared/alert-causes.ts';
import { hasAlertmanager, requireAlertmanager } from './alertmanager.ts';
import { findingsNow } from './check-round.ts';
import { alertsOf } from './plan/alertmanager.ts';
import type { AlertView } from './plan/describe.ts';
import { rootFirst } from './plan/notification.ts';
import { asAlert } from './plan/round.ts';
import { isSilenced } from './plan/silence.ts';
import { readAlertState, readSilences } from './store.ts';

export interface AlertList {
  source: 'alertmanager' | 'checks';
  /** The root cause first. */
  alerts: AlertView[];
}

/** What fires now: by Alertmanager, or by the health checks where there is none. */
export async function listAlerts(context: Context, project: Project): Promise<AlertList> {
  if (hasAlertmanager(project)) {
    const alertmanager = await requireAlertmanager(context, project);
    const alerts = alertsOf(await alertmanager.json('GET', '/api/v2/alerts'), TEST_ALERT);
    return { source: 'alertmanager', alerts: alerts.map(({ silenced, heldBack, ...alert }) => view(alert, silenced, heldBack)) };
  }
  const known = readAlertState(project.state).alerts;
  const silences = readSilences(project.state);
  const now = context.clock.now();
  const findings = await findingsNow(context, project);
  const alerts = findings.map((finding) =>
    asAlert({ ...finding, since: known[finding.id]?.since ?? '', starts: known[finding.id]?.starts ?? [], fires: true, told: {} }),
  );
  const silent = new Set(findings.filter((finding) => isSilenced(finding, silences, now)).map(({ id }) => id));
  return { source: 'checks', alerts: rootFirst(alerts).map((alert) => view(alert, silent.has(alert.labels.alertname ?? ''), false)) };
}

function view(alert: ReturnType<typeof asAlert>, silenced: boolean, heldBack: boolean): AlertView {
  const { labels, annotations, startsAt } = alert;
  const cause = ALERT_CAUSES[labels.cause ?? ''];
  return {
    name: labels.alertname ?? '',
    severity: labels.severity ?? '',
    cause: labels.cause ?? '',
    instance: labels.instance ?? null,
    summary: annotations.summary ?? '',
    why: cause?.is ?? null,
    effect: cause?.effect ?? null,
    fix: annotations.fix ?? null,
    since: startsAt || null,
    silenced,
    heldBack,
  };
}
