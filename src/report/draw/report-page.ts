import { markup, svg } from '../../topology/draw/svg.ts';
import { type Report, verdictText } from '../plan/report.ts';
import { momentText } from './format.ts';
import { charts, part, verdict } from './parts.ts';
import { backups, certificates, changes, disks, healing, incidents, releases, slo } from './report-parts.ts';
import { STYLE } from './style.ts';

/** By it a file is known as a report, which may be replaced by the next one. */
export const GENERATOR = '<meta name="generator" content="medianest report';

/** One page that asks for nothing from anywhere: styles and pictures are in it, and there is no script. */
export function reportPage(report: Report): string {
  const { project, profile, version, at, days } = report;
  const title = `${project}: report of ${momentText(at)}`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
${GENERATOR} ${markup(version)}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="referrer" content="no-referrer">
<title>${markup(title)}</title>
<style>${STYLE}
</style>
</head>
<body>
<header>
<h1>${markup(project)}</h1>
<p class="soft">profile ${markup(profile)} · ${momentText(at)} · ${markup(period(days))}</p>
</header>
<main>
${verdict(report.verdict)}
${part(`How well it served (${period(days)})`, report.slo, slo)}
${part('Incidents', report.incidents, (value) => incidents(value, report))}
${part('What the agent did by itself', report.healing, healing)}
${part('Backups and drills', report.backups, (value) => backups(value, report))}
${part('Certificates', report.certificates, (value) => certificates(value, at))}
${part('Disks', report.disks, disks)}
${part('Releases', report.releases, releases)}
${part('The stack', report.topology, (value) => `<div class="picture" role="region" aria-label="Picture of the stack" tabindex="0">${svg(value, true)}</div>`)}
${part('Measured', report.panels, charts)}
${part('What was changed', report.changes, changes)}
</main>
<footer>
<p>${markup(verdictText(report.verdict))}. Written by medianest ${markup(version)}. It names services, addresses and versions of this stack: keep it to those who run it.</p>
</footer>
</body>
</html>
`;
}

const period = (days: number): string => (days === 1 ? 'the last day' : `the last ${days} days`);
