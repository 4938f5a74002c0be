import type { Check } from '../../capability/check.ts';
import type { Known } from '../../metrics/plan/samples.ts';
import { markup } from '../../topology/draw/svg.ts';
import { type DrawnPanel, type Report, verdictText } from '../plan/report.ts';
import { chart } from './chart.ts';

/** What both pages are made of. */

/** A part of the page: what is known, or a sentence that says why it is not. Nothing is left out in silence. */
export const part = <T>(title: string, known: Known<T>, draw: (value: T) => string): string =>
  section(title, 'value' in known ? draw(known.value) : missing(known.missing));

export const section = (title: string, inner: string): string => `<section><h2>${markup(title)}</h2>\n${inner}</section>`;

export const missing = (why: string): string => `<p class="missing">${withCode(why)}</p>`;

/** What stands between back quotes is a command or a setting. */
export const withCode = (text: string): string => markup(text).replaceAll(/`([^`]+)`/g, '<code>$1</code>');

/** On a phone each row is a block, and each cell is named there (style.ts). */
export function table(label: string, heads: readonly string[], rows: readonly (readonly string[])[]): string {
  const named = (cell: string, index: number) => `<td data-head="${markup(heads[index] ?? '')}">${withCode(cell)}</td>`;
  const body = rows.map((cells) => `<tr>${cells.map(named).join('')}</tr>`);
  const head = heads.map((name) => `<th scope="col">${markup(name)}</th>`).join('');
  return `<table aria-label="${markup(label)}"><thead><tr>${head}</tr></thead><tbody>${body.join('')}</tbody></table>`;
}

/** Numbers that are read first, each with what it is. */
export const figures = (entries: readonly (readonly [number: string, what: string])[]): string =>
  `<div class="figures">${entries.map(([number, what]) => `<div><b>${markup(number)}</b><span>${withCode(what)}</span></div>`).join('')}</div>`;

export const charts = (panels: readonly DrawnPanel[]): string =>
  `<div class="charts">${panels.map(({ panel, span, series }) => chart({ title: panel.title, unit: panel.unit, by: panel.by, upTo: panel.upTo, span, series })).join('\n')}</div>`;

const WORDS: Readonly<Record<Check['status'], string>> = { ok: 'ok', warn: 'warning', fail: 'fails' };

/** The answer to “is all well?”, and what is not, each with its fix. */
export function verdict(given: Report['verdict']): string {
  const status = 'value' in given ? given.value.status : 'unknown';
  const head = `<div class="verdict ${status}"><p class="word">${markup(verdictText(given))}</p>`;
  if ('missing' in given) return `${head}<p>${withCode(given.missing)}</p></div>`;
  const { checks } = given.value;
  const bad = [...checks.filter((check) => check.status === 'fail'), ...checks.filter((check) => check.status === 'warn')];
  const lines = bad.map(
    ({ status: own, message, remedy }) =>
      `<li><span class="state ${own}">${WORDS[own]}</span> ${withCode(message)}${remedy ? `<br><span class="soft">Fix: ${withCode(remedy)}</span>` : ''}</li>`,
  );
  const good = checks.length - bad.length;
  const list = lines.length > 0 ? `<ul class="checks">${lines.join('')}</ul>` : '';
  return `${head}<p>${good} of ${checks.length} checks are ok.</p></div>${list}`;
}
