import { momentText } from '../../report/draw/format.ts';
import { figures, missing, section, table, withCode } from '../../report/draw/parts.ts';
import { GENERATOR } from '../../report/draw/report-page.ts';
import { STYLE } from '../../report/draw/style.ts';
import { markup } from '../../topology/draw/svg.ts';
import { names, STANDARDS, type Standard } from '../plan/point.ts';
import { type ComplianceReport, countsOf, countText, type JudgedPoint, ofStandard, unknownsOf, WORDS } from '../plan/report.ts';

/** One page that asks for nothing from anywhere, as the report is. Texts of the host are escaped: a name may be anything. */
export function compliancePage(report: ComplianceReport): string {
  const { project, profile, version, at, points, counts } = report;
  const title = `${project}: compliance on ${momentText(at)}`;
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
<h1>${markup(project)}: compliance</h1>
<p class="soft">profile ${markup(profile)} · ${momentText(at)}</p>
</header>
<main>
<div class="verdict ${counts.open > 0 ? 'warn' : counts['cannot-tell'] > 0 ? 'unknown' : 'ok'}"><p class="word">${markup(countText(counts))}</p>
<p>${markup(scopeText(report))}</p></div>
${section('How each standard fares', figures((Object.keys(STANDARDS) as Standard[]).map((id) => figureOf(points, id))))}
${section('Open', openPart(points))}
${section('Could not be told', unknownPart(points))}
${(Object.keys(STANDARDS) as Standard[]).map((id) => section(`${STANDARDS[id].title} ${STANDARDS[id].version}`, tableOf(points, id))).join('\n')}
</main>
<footer>
<p>Written by medianest ${markup(version)} from what ran on ${momentText(at)}. Titles are in its own words; the standards' texts are their makers'. It is no certificate: a person has to judge what it leaves to people, and whether the rest is enough. It names services and files of this host: keep it to those who run it.</p>
</footer>
</body>
</html>
`;
}

const scopeText = ({ containers, missing: without }: ComplianceReport): string =>
  [
    containers.length > 0 ? `Judged: the engine, this host and ${containers.length} containers.` : 'No container could be judged.',
    ...(without.length > 0 ? [`Without a container: ${names(without, 12)}.`] : []),
  ].join(' ');

function figureOf(points: readonly JudgedPoint[], id: Standard): [string, string] {
  const counts = countsOf(ofStandard(points, id));
  return [`${counts.open} open`, `${STANDARDS[id].title}: ${countText(counts)}`];
}

const fixOf = (fix: string | undefined): string => (fix ? `<br><span class="soft">Fix: ${withCode(fix)}</span>` : '');

function openPart(points: readonly JudgedPoint[]): string {
  const open = points.filter(({ verdict }) => verdict === 'open');
  if (open.length === 0) return missing('No point is open.');
  const lines = open.map(
    ({ id, title, evidence, fix }) =>
      `<li><span class="state fail">${markup(id)}</span> ${withCode(title)}<br>${withCode(evidence)}${fixOf(fix)}</li>`,
  );
  return `<ul class="checks">${lines.join('\n')}</ul>`;
}

function unknownPart(points: readonly JudgedPoint[]): string {
  const unknown = unknownsOf(points);
  if (unknown.length === 0) return missing('Every point could be told.');
  const lines = unknown.map(
    ({ why, fix, ids }) => `<li><span class="state warn">${markup(names(ids, 12))}</span> ${withCode(why)}${fixOf(fix)}</li>`,
  );
  return `<ul class="checks">${lines.join('\n')}</ul>`;
}

const tableOf = (points: readonly JudgedPoint[], id: Standard): string =>
  table(
    `Points of ${STANDARDS[id].title}`,
    ['section', 'point', 'verdict', 'seen'],
    ofStandard(points, id).map(({ section: number, title, verdict, evidence }) => [number, title, WORDS[verdict], evidence]),
  );
