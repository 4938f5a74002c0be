import type { Project, Seen } from '../capability/capability.ts';
import type { Check } from '../capability/check.ts';
import { UserError } from '../core/errors.ts';
import { durationText } from '../core/time.ts';
import { dataOf } from '../metrics/plan/samples.ts';
import { getFromPrometheus } from '../metrics/prometheus.ts';
import { isScheduled } from '../schedule/next-run.ts';
import { TEST_ALERT } from '../services/monitoring/alertmanager-view.ts';
import { alertmanagerIn, hasAlertmanager } from './alertmanager.ts';
import { alertsOfProject } from './channels.ts';
import { channelFails } from './check-round.ts';
import { alertsOf, type ListedAlert, overSince, type RuleAlert } from './plan/alertmanager.ts';
import { ALERT_SCHEDULE, sends, unheard } from './plan/schedule.ts';
import { readAlertState } from './store.ts';

/** For `health`: channels whose last delivery failed, and alerts that fire. */
export async function alertChecks(seen: Seen): Promise<Check[]> {
  const { project } = seen;
  if (!seen.manifest) return [];
  if (hasAlertmanager(project)) return [...unheard(project.loaded.settings), ...(await byAlertmanager(seen))];
  return sends(alertsOfProject(project)) ? byJob(project) : [];
}

async function byAlertmanager(seen: Seen): Promise<Check[]> {
  const { engine, manifest, containers } = seen;
  const alertmanager = alertmanagerIn(engine, manifest?.services, containers);
  // That it does not run is told by the check of its container.
  if (!alertmanager) return [];
  try {
    const [body, deliveries] = await Promise.all([alertmanager.json('GET', '/api/v2/alerts'), alertmanager.deliveries()]);
    const failing = Object.entries(deliveries).flatMap(([name, { problem }]) =>
      problem === undefined ? [] : [channelFails(name, problem)],
    );
    // The rule about a channel says the same as the check of it.
    const firing = alertsOf(body, TEST_ALERT).filter(({ labels }) => labels.cause !== 'channel');
    if (firing.length === 0) return [...failing, NOTHING_FIRES];
    const rules = await ruleAlerts(seen);
    const now = seen.context.clock.now();
    return [...failing, ...firing.map((alert) => checkOf(alert, overSince(alert, rules), now))];
  } catch (error) {
    return [{ id: 'alerts', status: 'warn', message: (error as Error).message, remedy: 'medianest why alertmanager' }];
  }
}

const NOTHING_FIRES: Check = { id: 'alerts', status: 'ok', message: 'no alert fires' };

/** Where Prometheus cannot say, every alert counts as one whose fault is there. */
async function ruleAlerts(seen: Seen): Promise<RuleAlert[]> {
  try {
    const [alerts = []] = await getFromPrometheus(seen, ['/api/v1/alerts'], (body) => dataOf<{ alerts: RuleAlert[] }>(body).alerts);
    return alerts;
  } catch (error) {
    if (error instanceof UserError && error.code === 'NOT_RUNNING') return [];
    throw error;
  }
}

function checkOf({ labels, annotations, silenced, heldBack }: ListedAlert, over: string | undefined, now: Date): Check {
  const { alertname = '', instance, severity } = labels;
  const bad = severity === 'critical' && !heldBack && !over ? 'fail' : severity === 'info' ? 'ok' : 'warn';
  const ended = over && ` (ended ${durationText((now.getTime() - Date.parse(over)) / 1000)} ago; the alert clears by itself)`;
  return {
    id: ['alert', alertname, ...(instance ? [instance] : [])].join('.'),
    status: silenced ? 'ok' : bad,
    message: `${annotations.summary ?? alertname}${silenced ? ' (silenced)' : (ended ?? '')}`,
    ...(annotations.fix && { remedy: annotations.fix }),
  };
}

function byJob(project: Project): Check[] {
  const failing = Object.entries(readAlertState(project.state).failures).map(([name, { message }]) => channelFails(name, message));
  if (isScheduled(project, ALERT_SCHEDULE.timers)) return failing;
  const message = 'nothing asks the health checks each minute: no alert is sent';
  return [
    ...failing,
    { id: 'alerts', status: 'warn', message, remedy: 'sudo medianest jobs install, or keep `medianest jobs watch` running' },
  ];
}
