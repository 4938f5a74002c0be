import { scaleLinear, scaleUtc } from 'd3-scale';
import { line } from 'd3-shape';
import { utcText } from '../../core/time.ts';
import type { Point, Series, Span } from '../../metrics/plan/samples.ts';
import type { Unit } from '../../services/monitoring/panels/panel.ts';
import { markup } from '../../topology/draw/svg.ts';
import { valueText } from './format.ts';
import { tickText } from './time-axis.ts';

/** One picture over time. */
export interface Chart {
  title: string;
  unit: Unit;
  span: Span;
  /** The label that tells its lines apart. */
  by?: string | undefined;
  /** The least that its axis reaches up to. */
  upTo?: number | undefined;
  series: readonly Series[];
  /** Each point was measured by itself, such as in a drill: it is marked, and no gap is a fault. */
  dots?: true;
}

const SIZE = { width: 340, height: 150 };
const PLOT = { left: 58, right: 8, top: 8, bottom: 22 };
/** More lines in one picture cannot be told apart; as many as style.ts has colours. */
const MOST_LINES = 8;
/** A point is missing where the next one is further away. */
const GAP = 1.5;

/** The picture with its title and, in words, what each line is and where it stands: colour is never alone. */
export function chart(drawn: Chart): string {
  const { title, by } = drawn;
  const filled = drawn.series.filter(({ points }) => points.length > 0);
  const series = [...filled].sort((a, b) => nameOf(a, by).localeCompare(nameOf(b, by), 'en', { numeric: true }));
  if (series.length === 0) return figure(title, '<p class="missing">No data in this time.</p>');
  const shown = series.slice(0, MOST_LINES);
  const keys = shown.map((entry, index) => key(entry, index, drawn));
  const hidden = series.length - shown.length;
  const more = hidden > 0 ? [`<li>and ${hidden} more</li>`] : [];
  return figure(title, `${plot(drawn, shown)}\n<ul class="key">${[...keys, ...more].join('')}</ul>`);
}

const figure = (title: string, inner: string): string => `<figure><figcaption>${markup(title)}</figcaption>${inner}</figure>`;

const nameOf = ({ labels }: Series, by: string | undefined): string => (by ? (labels[by] ?? '') : '');

/** A piece of the line, with its dashes: colour is never alone. */
const sample = (index: number): string => `<svg aria-hidden="true" width="24" height="8"><path class="line c${index}" d="M0 4H24"/></svg>`;

function key(series: Series, index: number, { unit, by, span, dots }: Chart): string {
  const values = series.points.map(([, value]) => value);
  const [time, now] = series.points.at(-1) as Point;
  // It is gone, or is not measured any more: its last value says nothing of now.
  const old = !dots && span.end - time > 2 * span.step ? ` (last at ${utcText(new Date(time * 1000))})` : '';
  const range = `${valueText(Math.min(...values), unit)} to ${valueText(Math.max(...values), unit)}`;
  const name = nameOf(series, by);
  return `<li>${sample(index)}${name ? `${markup(name)} ` : ''}<b>${markup(valueText(now, unit))}</b> <span>${markup(range + old)}</span></li>`;
}

function plot({ title, unit, span, upTo, dots }: Chart, shown: readonly Series[]): string {
  const { width, height } = SIZE;
  const values = shown.flatMap(({ points }) => points.map(([, value]) => value));
  const low = Math.min(0, ...values);
  const high = Math.max(upTo ?? 0, ...values);
  const x = scaleUtc([new Date(span.start * 1000), new Date(span.end * 1000)], [PLOT.left, width - PLOT.right]);
  const y = scaleLinear([low, high > low ? high : low + 1], [height - PLOT.bottom, PLOT.top]).nice(4);
  const draw = line<Point | undefined>()
    .defined((point) => point !== undefined)
    .x((point) => round(x(new Date((point as Point)[0] * 1000))))
    .y((point) => round(y((point as Point)[1])));
  const label = `${title}: ${shown.map(({ points }) => valueText(points.at(-1)?.[1] ?? Number.NaN, unit)).join(', ')} at the end`;
  const across = y.ticks(3).map((tick) => {
    const at = round(y(tick));
    return `<path class="grid" d="M${PLOT.left} ${at}H${width - PLOT.right}"/><text x="${PLOT.left - 5}" y="${at + 4}" text-anchor="end">${markup(valueText(tick, unit))}</text>`;
  });
  const along = x.ticks(4);
  const times = along.map((tick) => {
    const at = round(x(tick));
    const anchor = at > width - 24 ? 'end' : 'middle';
    return `<text x="${at}" y="${height - 7}" text-anchor="${anchor}">${markup(tickText(tick, along))}</text>`;
  });
  const lines = shown.map(({ points }, index) => {
    const path = draw(dots ? points : withGaps(points, span.step)) ?? '';
    const marked = dots || points.length === 1 ? points : [];
    const marks = marked.map(
      ([time, value]) => `<circle class="c${index}" cx="${round(x(new Date(time * 1000)))}" cy="${round(y(value))}" r="3"/>`,
    );
    return `<path class="line c${index}" d="${path}"/>${marks.join('')}`;
  });
  return [
    `<svg class="chart" viewBox="0 0 ${width} ${height}" role="img" aria-label="${markup(label)}">`,
    ...across,
    ...times,
    ...lines,
    '</svg>',
  ].join('');
}

/** A line that went on through a time without data would claim what was not measured. */
function withGaps(points: readonly Point[], step: number): (Point | undefined)[] {
  return points.flatMap((point, index): (Point | undefined)[] => {
    const before = points[index - 1];
    return before && point[0] - before[0] > GAP * step ? [undefined, point] : [point];
  });
}

const round = (value: number): number => Math.round(value * 10) / 10;
