import type { HealthReport } from '../../capability/check.ts';
import type { CertificateRow } from '../../certificates/plan/certificate-report.ts';
import { utcText } from '../../core/time.ts';
import { isKnown, type Known } from '../../metrics/plan/samples.ts';
import { SECTION_TITLES, SECTIONS, type SectionName } from '../../services/monitoring/panels/panel.ts';
import { markup } from '../../topology/draw/svg.ts';
import type { BackupView } from '../plan/backups.ts';
import type { DrawnPanel, ReportHead } from '../plan/report.ts';
import { RANGES, type Range } from '../plan/requests.ts';
import { charts, missing, verdict } from './parts.ts';
import { backups, certificates } from './report-parts.ts';
import { STYLE } from './style.ts';

/** What the dashboard shows at one moment. */
export interface Dashboard extends ReportHead {
  range: Range;
  /** When health was checked and certificates were looked at; ISO 8601. */
  checkedAt: string;
  verdict: Known<HealthReport>;
  panels: Known<DrawnPanel[]>;
  certificates: Known<CertificateRow[]>;
  backups: Known<BackupView>;
}

/** What is replaced at each refresh. */
export function dashboardPart(shown: Dashboard): string {
  const { panels } = shown;
  const sections = SECTIONS.map((name) => {
    const beside = besides(name, shown);
    const own = isKnown(panels) ? panels.value.filter(({ panel }) => panel.section === name) : [];
    const drawn = own.length > 0 ? charts(own) : '';
    return beside || drawn ? `<section id="${name}"><h2>${SECTION_TITLES[name]}</h2>\n${beside}${drawn}</section>` : '';
  });
  const unmeasured = isKnown(panels) ? '' : missing(panels.missing);
  const ranges = Object.keys(RANGES).map(
    (range) => `<a href="?for=${range}"${range === shown.range ? ' aria-current="page"' : ''}>${range}</a>`,
  );
  return [
    verdict(shown.verdict),
    `<nav aria-label="Time">${ranges.join('')}</nav>`,
    `<p class="soft">as of ${utcText(shown.at)}; health and certificates as of ${utcText(shown.checkedAt)}</p>`,
    unmeasured,
    ...sections,
  ].join('\n');
}

/** What is known without Prometheus. */
function besides(name: SectionName, shown: Dashboard): string {
  if (name === 'certificates')
    return isKnown(shown.certificates) ? certificates(shown.certificates.value, shown.at) : missing(shown.certificates.missing);
  if (name === 'backups') return isKnown(shown.backups) ? backups(shown.backups.value, shown) : missing(shown.backups.missing);
  return '';
}

/** @param nonce only what carries it runs: whatever name a container has, it is no script */
export const dashboardPolicy = (nonce: string): string =>
  [
    "default-src 'none'",
    "style-src 'unsafe-inline'",
    `script-src 'nonce-${nonce}'`,
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; ');

export function dashboardPage({
  project,
  profile,
  part,
  nonce,
}: {
  project: string;
  profile: string;
  part: string;
  nonce: string;
}): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${markup(project)}: dashboard</title>
<style>${STYLE}
</style>
</head>
<body>
<header>
<h1>${markup(project)}</h1>
<p class="soft">profile ${markup(profile)} · live</p>
<p id="stale" class="stale" role="status" hidden></p>
</header>
<main>
${part}
</main>
<script nonce="${nonce}">${SCRIPT}</script>
</body>
</html>
`;
}

/** Asks for the part again while the page is looked at; what was scrolled or focused stays so. */
const SCRIPT = `
const main = document.querySelector('main'), stale = document.querySelector('#stale');
let shown = new Date(), busy = false;
const regions = () => [...main.querySelectorAll('[tabindex]')];
async function refresh() {
  if (busy || document.hidden) return;
  busy = true;
  try {
    const answer = await fetch('part' + location.search, { signal: AbortSignal.timeout(60000) });
    if (!answer.ok) throw new Error(answer.status);
    const text = await answer.text();
    const kept = regions().map((region) => region.scrollLeft), focused = regions().indexOf(document.activeElement);
    main.innerHTML = text;
    regions().forEach((region, index) => { region.scrollLeft = kept[index] || 0; });
    if (focused >= 0) regions()[focused]?.focus({ preventScroll: true });
    shown = new Date();
    stale.hidden = true;
  } catch {
    stale.textContent = 'medianest dashboard does not answer: what you see is of ' + shown.toLocaleTimeString() + '. If it was ended, start it again.';
    stale.hidden = false;
  }
  busy = false;
}
setInterval(refresh, 10000);
document.addEventListener('visibilitychange', refresh);
`;
