import { scaleUtc } from 'd3-scale';
import { markup } from '../../topology/draw/svg.ts';
import { tickText } from './time-axis.ts';

/** One row along time: a bar from one moment to another, or marks. Times are milliseconds since 1970. */
export interface Lane {
  name: string;
  /** Beside the name, in words: colour and place are never alone. */
  said: string;
  status: 'ok' | 'warn' | 'fail' | 'plain';
  bar?: readonly [from: number, to: number];
  marks?: readonly { at: number; status: Lane['status']; title: string }[];
}

/** Rows along one axis of time. Places are shares of the width, so that it fits any screen without smaller letters. */
export function timeline(label: string, lanes: readonly Lane[], [from, to]: readonly [number, number]): string {
  const share = scaleUtc([new Date(from), new Date(to)], [1, 99]).clamp(true);
  const at = (time: number) => Math.round(share(new Date(time)) * 100) / 100;
  const ticks = share.ticks(4);
  const grid = ticks
    .map((tick) => `<line class="grid" x1="${at(tick.getTime())}%" x2="${at(tick.getTime())}%" y1="0" y2="100%"/>`)
    .join('');
  const rows = lanes.map(({ name, said, status, bar, marks = [] }) => {
    const drawn = bar
      ? `<rect class="bar ${status}" x="${at(bar[0])}%" y="3" width="${Math.max(0.6, at(bar[1]) - at(bar[0]))}%" height="8" rx="4"/>`
      : '';
    const dots = marks.map(
      (mark) => `<circle class="mark ${mark.status}" cx="${at(mark.at)}%" cy="7" r="5"><title>${markup(mark.title)}</title></circle>`,
    );
    const picture = `<svg aria-hidden="true" width="100%" height="14">${grid}${drawn}${dots.join('')}</svg>`;
    return `<li><p><b>${markup(name)}</b> <span>${markup(said)}</span></p>${picture}</li>`;
  });
  const axis = ticks.map((tick) => {
    const place = at(tick.getTime());
    const anchor = place > 92 ? 'end' : place < 8 ? 'start' : 'middle';
    return `<text x="${place}%" y="12" text-anchor="${anchor}">${markup(tickText(tick, ticks))}</text>`;
  });
  return `<ul class="timeline" aria-label="${markup(label)}">${rows.join('')}</ul><svg class="axis" aria-hidden="true" width="100%" height="16">${axis.join('')}</svg>`;
}
