import type { HealthReport } from '../../capability/check.ts';
import type { CertificateRow } from '../../certificates/plan/certificate-report.ts';
import type { Release } from '../../deploy/plan/releases.ts';
import type { Known, Series, Span } from '../../metrics/plan/samples.ts';
import type { Panel } from '../../services/monitoring/panels/panel.ts';
import type { Topology } from '../../topology/plan/topology.ts';
import type { BackupView } from './backups.ts';
import type { DiskForecast } from './forecast.ts';
import type { Change, HealingAction, Incident } from './incidents.ts';
import type { Slo } from './slo.ts';

/** A panel with what was measured of it. */
export interface DrawnPanel {
  panel: Panel;
  span: Span;
  series: Series[];
}

/** What a report is about. */
export interface ReportHead {
  project: string;
  profile: string;
  /** medianest’s own. */
  version: string;
  /** ISO 8601. */
  at: string;
  days: number;
}

/** Everything that the page shows. Each part is known, or says why it is not. */
export interface Report extends ReportHead {
  verdict: Known<HealthReport>;
  topology: Known<Topology>;
  slo: Known<Slo>;
  panels: Known<DrawnPanel[]>;
  certificates: Known<CertificateRow[]>;
  backups: Known<BackupView>;
  releases: Known<ListedRelease[]>;
  incidents: Known<Incident[]>;
  healing: Known<HealingAction[]>;
  changes: Known<Change[]>;
  disks: Known<DiskForecast[]>;
}

/** A release without its settings, which may name secrets. */
export type ListedRelease = Pick<Release, 'id' | 'image' | 'time' | 'user' | 'result' | 'seconds' | 'error'>;

export const listedReleases = (releases: readonly Release[], since: Date): ListedRelease[] =>
  releases
    .filter((release, index) => Date.parse(release.time) >= since.getTime() || index === releases.length - 1)
    .map(({ id, image, time, user, result, seconds, error }) => ({ id, image, time, user, result, seconds, ...(error && { error }) }));

/** What `report --json` prints: without pictures, which are `topology` and `dashboard`. */
export const reportJson = ({ topology: _topology, panels: _panels, ...rest }: Report) => rest;

/** `All is well`, `2 checks fail`, ...: the first line of the page, of the e-mail and of its subject. */
export function verdictText(verdict: Report['verdict']): string {
  if ('missing' in verdict) return 'Cannot tell whether all is well';
  const count = (status: string) => verdict.value.checks.filter((check) => check.status === status).length;
  const [fail, warn] = [count('fail'), count('warn')];
  const checks = (number: number) => (number === 1 ? '1 check' : `${number} checks`);
  if (fail > 0) return `${checks(fail)} ${fail === 1 ? 'fails' : 'fail'}${warn > 0 ? `, ${warn} ${warn === 1 ? 'warns' : 'warn'}` : ''}`;
  return warn > 0 ? `${checks(warn)} ${warn === 1 ? 'warns' : 'warn'}` : 'All is well';
}
