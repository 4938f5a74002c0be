import { markup, svg } from '../../topology/draw/svg.ts';
import { type Report, verdictText } from '../plan/report.ts';
import { momentText } from './format.ts';
import { page } from './page.ts';
import { charts, part, verdict } from './parts.ts';
import { backups, certificates, changes, disks, healing, incidents, releases, slo } from './report-parts.ts';

/** The report of a project, as one page. */
export function reportPage(report: Report): string {
  const { project, profile, version, at, days } = report;
  return page({
    title: `${project}: report of ${momentText(at)}`,
    heading: project,
    about: `profile ${profile} · ${momentText(at)} · ${period(days)}`,
    version,
    main: `${verdict(report.verdict)}
${part(`How well it served (${period(days)})`, report.slo, slo)}
${part('Incidents', report.incidents, (value) => incidents(value, report))}
${part('What the agent did by itself', report.healing, healing)}
${part('Backups and drills', report.backups, (value) => backups(value, report))}
${part('Certificates', report.certificates, (value) => certificates(value, at))}
${part('Disks', report.disks, disks)}
${part('Releases', report.releases, releases)}
${part('The stack', report.topology, (value) => `<div class="picture" role="region" aria-label="Picture of the stack" tabindex="0">${svg(value, true)}</div>`)}
${part('Measured', report.panels, charts)}
${part('What was changed', report.changes, changes)}`,
    footer: `${markup(verdictText(report.verdict))}. Written by medianest ${markup(version)}. It names services, addresses and versions of this stack: keep it to those who run it.`,
  });
}

const period = (days: number): string => (days === 1 ? 'the last day' : `the last ${days} days`);
