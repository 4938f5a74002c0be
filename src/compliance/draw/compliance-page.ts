import { momentText } from '../../report/draw/format.ts';
import { page } from '../../report/draw/page.ts';
import { figures, missing, section, table, withCode } from '../../report/draw/parts.ts';
import { markup } from '../../topology/draw/svg.ts';
import { names, STANDARDS, type Standard } from '../plan/point.ts';
import { alike, type ComplianceReport, countsOf, countText, type JudgedPoint, ofStandard, WORDS } from '../plan/report.ts';

/** One page, as the report is. Texts of the host are escaped: a name may be anything. */
export function compliancePage(report: ComplianceReport): string {
  const { project, profile, version, at, points, counts } = report;
  return page({
    title: `${project}: compliance on ${momentText(at)}`,
    heading: `${project}: compliance`,
    about: `profile ${profile} · ${momentText(at)}`,
    version,
    main: `<div class="verdict ${counts.open > 0 ? 'warn' : counts['cannot-tell'] > 0 ? 'unknown' : 'ok'}"><p class="word">${markup(countText(counts))}</p>
<p>${markup(scopeText(report))}</p></div>
${section('How each standard fares', figures((Object.keys(STANDARDS) as Standard[]).map((id) => figureOf(points, id))))}
${section('Open', listOf(points, 'open', 'No point is open.'))}
${section('Could not be told', listOf(points, 'cannot-tell', 'Every point could be told.'))}
${(Object.keys(STANDARDS) as Standard[]).map((id) => section(`${STANDARDS[id].title} ${STANDARDS[id].version}`, tableOf(points, id))).join('\n')}`,
    footer: `Written by medianest ${markup(version)} from what ran on ${momentText(at)}. Titles are in its own words; the texts of the standards are their makers’. It is no certificate: a person has to judge what it leaves to people, and whether the rest is enough. It names services and files of this host: keep it to those who run it.`,
  });
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

function listOf(points: readonly JudgedPoint[], verdict: 'open' | 'cannot-tell', none: string): string {
  const lines = alike(points, verdict).map(({ title, evidence, fix, ids }) => {
    const head = `<span class="state ${verdict === 'open' ? 'fail' : 'warn'}">${markup(names(ids, 12))}</span>`;
    return `<li>${head} ${title ? `<b>${withCode(title)}</b><br>` : ''}${withCode(evidence)}${fixOf(fix)}</li>`;
  });
  const note = verdict === 'open' ? '<p class="soft">In bold what should be so, then what was seen.</p>' : '';
  return lines.length > 0 ? `${note}<ul class="checks">${lines.join('\n')}</ul>` : missing(none);
}

const tableOf = (points: readonly JudgedPoint[], id: Standard): string =>
  table(
    `Points of ${STANDARDS[id].title}`,
    ['section', 'point', 'verdict', 'seen'],
    ofStandard(points, id).map(({ section: number, title, verdict, evidence }) => [number, title, WORDS[verdict], evidence]),
  );
