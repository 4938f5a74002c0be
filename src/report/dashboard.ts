import type { Context, Project, Seen } from '../capability/capability.ts';
import { look } from '../health/collect.ts';
import { isKnown, type Known } from '../metrics/plan/samples.ts';
import { NOT_MEASURED } from '../metrics/prometheus.ts';
import { open } from '../project/open.ts';
import { backupsOf, certificatesOf, known, measurePanels, verdictOf } from './collect.ts';
import type { Dashboard } from './draw/dashboard-page.ts';
import { RANGES, type Range } from './plan/requests.ts';

const DAY = 86_400;
/** Health checks run programs in most containers; a picture is one question to Prometheus, and is drawn more often. */
const CHECKS_MS = 30_000;

interface Checked extends Pick<Dashboard, 'verdict' | 'certificates' | 'checkedAt'> {
  seen: Known<Seen>;
}

/** What reads all that the dashboard shows: pictures each time, the checks of health each 30 s. */
export function dashboardReader(context: Context): (range: Range) => Promise<Dashboard> {
  let kept: { at: number; checked: Promise<Checked> } | undefined;
  const check = (project: Project): Promise<Checked> => {
    if (kept && Date.now() - kept.at < CHECKS_MS) return kept.checked;
    const own = { at: Date.now(), checked: readChecks(context, project) };
    kept = own;
    return own.checked;
  };
  const forget = () => {
    kept = undefined;
  };
  return async (range) => {
    const project = await open(context);
    const { settings, profile } = project.loaded;
    const { seen, ...checked } = await check(project).catch((error: unknown) => {
      forget();
      throw error;
    });
    const now = context.clock.now();
    const seconds = RANGES[range];
    const panels = await measurePanels(project, seen, now, seconds);
    // Its container may be another one by now.
    if (!isKnown(panels) && panels.missing !== NOT_MEASURED) forget();
    // Backups come once an hour at most: a shorter time would show none.
    const days = Math.max(7, Math.round(seconds / DAY));
    const backups = await backupsOf(project, new Date(now.getTime() - days * DAY * 1000), now);
    return {
      project: settings.project,
      profile,
      version: context.version,
      at: now.toISOString(),
      days,
      range,
      ...checked,
      panels,
      backups,
    };
  };
}

async function readChecks(context: Context, project: Project): Promise<Checked> {
  const seen = await known(() => look(context, project));
  const [verdict, certificates] = await Promise.all([verdictOf(context, seen), certificatesOf(context, project)]);
  return { seen, verdict, certificates, checkedAt: context.clock.now().toISOString() };
}
