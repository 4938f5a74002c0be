import { readSizes } from '../backup/metrics/sizes.ts';
import { readCatalogue } from '../backup/repository/catalogue.ts';
import type { Context, Project, Seen } from '../capability/capability.ts';
import type { HealthReport } from '../capability/check.ts';
import type { CertificateRow } from '../certificates/plan/certificate-report.ts';
import { certificateStatus } from '../certificates/status.ts';
import { systemCode, UserError } from '../core/errors.ts';
import { readReleases } from '../deploy/store/release-store.ts';
import { collectChecks, look } from '../health/collect.ts';
import { healthReport } from '../health/plan/health.ts';
import { type Ask, isKnown, type Known, type Series, spanOf } from '../metrics/plan/samples.ts';
import { askPrometheus, NOT_MEASURED, scrapeSecondsOf } from '../metrics/prometheus.ts';
import { type Panel, queryOf } from '../services/monitoring/panels/panel.ts';
import { PANELS, panelsOf } from '../services/monitoring/panels/panels.ts';
import { withRole } from '../stack/roles.ts';
import { readAudit } from '../state/audit.ts';
import { pictureOf } from '../topology/collect.ts';
import { agentActions } from './agent-actions.ts';
import { type BackupView, backupView } from './plan/backups.ts';
import { forecastAsks, forecastOf } from './plan/forecast.ts';
import { alertAsk, alertSpan, changesSince, incidentsOf, withHealing } from './plan/incidents.ts';
import { type DrawnPanel, listedReleases, type Report } from './plan/report.ts';
import { sloAsks, sloOf } from './plan/slo.ts';

const DAY = 86_400;
/** What the report draws of the metrics: the rest of the dashboard is for a person who watches. */
const IN_REPORT = ['availability', 'requests', 'errors', 'latency', 'replicas', 'db-lag', 'db-size', 'wal-age', 'cpu', 'memory', 'disk'];

/** Pictures reach back so far at least, also where measuring began a moment ago. */
const LEAST_SECONDS = 3600;

/** Reads everything that a report tells. What cannot be read says so in its place: no failure ends it but a signal. */
export async function collectReport(context: Context, project: Project, days: number): Promise<Report> {
  const { state, loaded } = project;
  const now = context.clock.now();
  const since = new Date(now.getTime() - days * DAY * 1000);
  const seen = await known(() => look(context, project));
  const changes = await known(() => changesSince(readAudit(state.at('audit.jsonl')), since));
  const [verdict, topology, certificates, healing, measured] = await Promise.all([
    verdictOf(context, seen),
    known(async () => pictureOf(context, project, isKnown(seen))),
    certificatesOf(context, project),
    follow(seen, (value) => agentActions(context, value, since)),
    measure(project, seen, now, days),
  ]);
  const given = isKnown(changes) ? changes.value : [];
  return {
    project: loaded.settings.project,
    profile: loaded.profile,
    version: context.version,
    at: now.toISOString(),
    days,
    verdict,
    topology,
    ...measured,
    certificates,
    backups: await backupsOf(project, since, now),
    releases: await known(() => listedReleases(readReleases(state), since)),
    incidents: isKnown(measured.incidents)
      ? { value: withHealing(measured.incidents.value, isKnown(healing) ? healing.value : [], given) }
      : measured.incidents,
    healing,
    changes,
  };
}

/** All checks of `health`. */
export async function verdictOf(context: Context, seen: Known<Seen>): Promise<Known<HealthReport>> {
  return follow(seen, async (value) =>
    healthReport(value.manifest, value.containers, await collectChecks(value), value.lives, context.clock.now().getTime()),
  );
}

/** As they are installed. Whether listeners serve them is among the checks, which ask each one already. */
export const certificatesOf = (context: Context, project: Project): Promise<Known<CertificateRow[]>> =>
  known(async () => (await certificateStatus(context, project, [])).certificates);

/** Sets and drills that are kept, and what failed since. */
export const backupsOf = async (project: Project, since: Date, now: Date): Promise<Known<BackupView>> => {
  const { state } = project;
  const view = await known(() => {
    if (withRole(state.manifest()?.services, 'repository').length === 0) return undefined;
    return backupView(
      readCatalogue(state)?.sets ?? [],
      changesSince(readAudit(state.at('audit.jsonl')), since),
      since,
      now,
      readSizes(state),
    );
  });
  if (!isKnown(view)) return view;
  return view.value ? { value: view.value } : { missing: NO_BACKUPS };
};

const NO_BACKUPS =
  'This stack makes no backups, or was not started yet. Profiles with `backup`, such as prod, staging and dev-compose, make them.';

const hasPrometheus = ({ state }: Project): boolean => withRole(state.manifest()?.services, 'monitoring').length > 0;

/** All that Prometheus knows of the days: first how well it went, then pictures of as much of the time as was measured. */
async function measure(project: Project, seen: Known<Seen>, now: Date, days: number) {
  const step = scrapeSecondsOf(project);
  const span = spanOf(now, days * DAY, step);
  const alerts = alertSpan(span);
  const first = await asked(project, seen, [...sloAsks(span), alertAsk(alerts)]);
  if (!isKnown(first)) return { slo: first, disks: first, incidents: first, panels: first };
  const slo = sloOf(first.value, span, step);
  const drawn = spanOf(now, Math.min(days * DAY, Math.max(LEAST_SECONDS, slo.since === null ? 0 : span.end - slo.since)), step);
  const panels = drawnOf(project).filter(({ id }) => IN_REPORT.includes(id));
  const trend = forecastAsks(drawn);
  const second = await asked(project, seen, [...trend, ...panels.map((panel) => askOf(panel, drawn, step))]);
  return {
    slo: { value: slo },
    incidents: { value: incidentsOf(first.value.at(-1) ?? [], alerts) },
    disks: isKnown(second) ? { value: forecastOf(second.value) } : second,
    panels: isKnown(second)
      ? { value: panels.map((panel, index): DrawnPanel => ({ panel, span: drawn, series: second.value[trend.length + index] ?? [] })) }
      : second,
  };
}

/** What the stack measures; everything where it was not started yet. */
function drawnOf({ state }: Project): readonly Panel[] {
  const services = state.manifest()?.services;
  return services ? panelsOf(new Set(services.map(({ component }) => component))) : PANELS;
}

const askOf = (panel: Panel, span: Ask['span'], scrape: number): Ask => ({ query: queryOf(panel, span.step, scrape), span });

/** Every panel over the last seconds, for the dashboard. */
export async function measurePanels(project: Project, seen: Known<Seen>, now: Date, seconds: number): Promise<Known<DrawnPanel[]>> {
  const step = scrapeSecondsOf(project);
  const span = spanOf(now, seconds, step);
  const panels = drawnOf(project);
  const answers = await asked(
    project,
    seen,
    panels.map((panel) => askOf(panel, span, step)),
  );
  return isKnown(answers) ? { value: panels.map((panel, index) => ({ panel, span, series: answers.value[index] ?? [] })) } : answers;
}

async function asked(project: Project, seen: Known<Seen>, asks: readonly Ask[]): Promise<Known<Series[][]>> {
  const there = await known(() => hasPrometheus(project));
  if (isKnown(there) && !there.value) return { missing: NOT_MEASURED };
  return follow(seen, (value) => askPrometheus(value, asks));
}

/** @returns the value, or why it cannot be told: a sentence for a person, which ends with what to do */
export async function known<T>(read: () => Promise<T> | T): Promise<Known<T>> {
  try {
    return { value: await read() };
  } catch (error) {
    if (error instanceof UserError && error.code !== 'INTERRUPTED') return { missing: `Cannot tell: ${error.message}. Fix: ${error.hint}` };
    if (!(error instanceof UserError) && systemCode(error)) return { missing: `Cannot tell: ${(error as Error).message}` };
    throw error;
  }
}

/** What follows from something that may be unknown itself. */
const follow = async <T, U>(from: Known<T>, read: (value: T) => Promise<U> | U): Promise<Known<U>> =>
  isKnown(from) ? known(() => read(from.value)) : from;
