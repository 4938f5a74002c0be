import { type NodeState, type Topology, type TopologyGroup, type TopologyNode, VISITORS } from '../plan/topology.ts';
import { boxAt } from './labels.ts';
import { CELL, cellsOf, type Layout, layOut, notesOf, type Placed } from './layout.ts';
import type { Box, Route } from './routes.ts';

export const markup = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');

/** Colour is never alone: each state has a sign and a word as well. */
export const STATES: Record<NodeState, { sign: string; word: string }> = {
  unseen: { sign: '', word: '' },
  healthy: { sign: '●', word: 'healthy' },
  starting: { sign: '◐', word: 'starting' },
  unhealthy: { sign: '✕', word: 'unhealthy' },
  stopped: { sign: '■', word: 'stopped' },
  missing: { sign: '○', word: 'missing' },
};

const LIGHT =
  '--page:#ffffff;--ink:#1c2733;--soft:#55636f;--band:#f4f6f8;--line:#c3ccd4;--group:#ffffff;--cell:#eef2f5;--tls:#12703c;--plain:#8a5a00;--ok:#d9f2e1;--okline:#1a7f42;--warn:#fdf0cf;--warnline:#9a6700;--bad:#fddede;--badline:#b42318';
const DARK =
  '--page:#10161c;--ink:#e6edf3;--soft:#a3b1bd;--band:#18212a;--line:#3b4a58;--group:#1f2a35;--cell:#2a3744;--tls:#5fd08f;--plain:#e3b341;--ok:#173d28;--okline:#3fb870;--warn:#453612;--warnline:#d9a520;--bad:#4f1f1c;--badline:#f0776b';

/** The styles of the picture, for a page that has it inside, too. */
export const STYLE = `
.medianest{${LIGHT};background:var(--page);font-family:system-ui,"DejaVu Sans",sans-serif;font-size:13px}
@media(prefers-color-scheme:dark){.medianest{${DARK}}}
.medianest text{fill:var(--ink)} .medianest .soft{fill:var(--soft);font-size:12px} .medianest .title{font-weight:600}
.medianest .band{fill:var(--band);stroke:var(--line)} .medianest .group{fill:var(--group);stroke:var(--line)} .medianest .cell{fill:var(--cell);stroke:var(--line)}
.medianest .bandtitle text{paint-order:stroke;stroke:var(--band);stroke-width:5px;stroke-linejoin:round} .medianest .band.open{stroke-dasharray:6 4} .medianest .published{fill:var(--tls);font-weight:600;font-size:12px}
.medianest .healthy{fill:var(--ok);stroke:var(--okline)} .medianest .starting{fill:var(--warn);stroke:var(--warnline)}
.medianest .unhealthy,.medianest .stopped{fill:var(--bad);stroke:var(--badline)} .medianest .missing{fill:none;stroke:var(--soft)}
.medianest .stopped,.medianest .missing{stroke-dasharray:4 3}
.medianest .flow{fill:none;stroke:var(--plain);stroke-width:1.6;stroke-dasharray:5 4} .medianest .flow.tls{stroke:var(--tls);stroke-dasharray:none;stroke-width:2}
.medianest .head{fill:var(--plain)} .medianest .head.tls{fill:var(--tls)}
.medianest .pill{fill:var(--page);stroke:var(--plain)} .medianest .pill.tls{stroke:var(--tls)} .medianest .pilltext{font-size:10.5px;font-weight:600;fill:var(--plain)} .medianest .pilltext.tls{fill:var(--tls)}`;

const rect = ({ x, y, width, height }: Box, kind: string, radius: number): string =>
  `<rect class="${kind}" x="${round(x)}" y="${round(y)}" width="${round(width)}" height="${round(height)}" rx="${radius}"/>`;

const text = (x: number, y: number, content: string, kind = '', anchor = 'start'): string =>
  `<text x="${round(x)}" y="${round(y)}"${kind && ` class="${kind}"`}${anchor === 'start' ? '' : ` text-anchor="${anchor}"`}>${markup(content)}</text>`;

const round = (value: number): number => Math.round(value * 10) / 10;

/** What fits into a cell; the whole is in its tooltip. */
const short = (content: string): string => (content.length > 23 ? `${content.slice(0, 22)}…` : content);

function cell(node: TopologyNode, box: Box): string {
  const state = STATES[node.state];
  const lines = [node.address, [`${state.sign} ${state.word}`.trim(), node.role].filter(Boolean).join(' · '), ...node.details].filter(
    Boolean,
  );
  return [
    `<g class="node" data-node="${markup(node.name)}" data-state="${node.state}"><title>${markup([node.name, ...lines].join('\n'))}</title>`,
    rect(box, `cell ${node.state}`, 6),
    text(box.x + CELL.padding, box.y + 17, short(node.name), 'title'),
    ...lines.map((line, index) => text(box.x + CELL.padding, box.y + 17 + (index + 1) * CELL.line, short(line), 'soft')),
    '</g>',
  ].join('');
}

function groupOf({ item: group, box }: Placed<TopologyGroup>): string {
  const notes = notesOf(group);
  const title = group.nodes.length > 1 ? `${group.component} × ${group.nodes.length}` : group.component;
  return [
    `<g data-group="${markup(group.id)}">`,
    rect(box, 'group', 10),
    text(box.x + 14, box.y + 20, title, 'title'),
    ...notes.map(({ content, kind }, index) => text(box.x + 14, box.y + 20 + (index + 1) * CELL.line, content, kind)),
    ...cellsOf(group, box).map((place, index) => cell(group.nodes[index] as TopologyNode, place)),
    '</g>',
  ].join('\n');
}

/** A smooth line: it leaves and arrives straight, and bends between. */
function path(points: Route['points']): string {
  const [first, ...rest] = points as [Route['points'][0], ...Route['points']];
  let [x, y] = first;
  return rest.reduce(
    (drawn, [nextX, nextY]) => {
      const bend = (y + nextY) / 2;
      const piece =
        nextX === x
          ? ` L${round(x)} ${round(nextY)}`
          : ` C${round(x)} ${round(bend)} ${round(nextX)} ${round(bend)} ${round(nextX)} ${round(nextY)}`;
      [x, y] = [nextX, nextY];
      return drawn + piece;
    },
    `M${round(x)} ${round(y)}`,
  );
}

function route({ from, to, tls, word, points, label }: Layout['routes'][number]): { line: string; mark: string } {
  const [x, y] = points.at(-1) as [number, number];
  const down = (points.at(-2) as [number, number])[1] < y;
  const back = down ? -9 : 9;
  const kind = tls ? ' tls' : '';
  return {
    line: `<path class="flow${kind}" data-from="${markup(from)}" data-to="${markup(to)}" d="${path([...points.slice(0, -1), [x, y + back]])}"/>`,
    mark: [
      `<path class="head${kind}" d="M${round(x)} ${round(y)} l-5 ${back} h10 z"/>`,
      rect(boxAt(label), `pill${kind}`, 7),
      text(label[0], label[1] + 4, word, `pilltext${kind}`, 'middle'),
    ].join(''),
  };
}

function outsideOf({ item, box }: Layout['outside'][number]): string {
  const lines =
    item.id === VISITORS
      ? [text(box.x + box.width / 2, box.y + 25, item.name, 'title', 'middle')]
      : [
          text(box.x + 14, box.y + 21, item.name, 'title'),
          text(box.x + 14, box.y + 39, item.url.length > 32 ? `${item.url.slice(0, 31)}…` : item.url, 'soft'),
        ];
  return [
    `<g data-outside="${markup(item.id)}"><title>${markup(`${item.name} ${item.url}`.trim())}</title>`,
    rect(box, 'group', box.height / 2),
    ...lines,
    '</g>',
  ].join('');
}

/** Above the lines that cross it, on a ground of its own. */
const bandTitle = ({ item, box }: Layout['networks'][number]): string =>
  [
    `<g class="bandtitle" data-network="${markup(item.name)}">`,
    text(box.x + 16, box.y + 22, item.name, 'title'),
    text(
      box.x + 26 + item.name.length * 10,
      box.y + 22,
      `${item.subnet} · ${item.internal ? 'internal: no way out' : 'leads outside'}`,
      'soft',
    ),
    '</g>',
  ].join('');

/** The picture itself, light or dark as the reader's system is. @param embedded without styles of its own */
export function svg(picture: Topology, embedded = false): string {
  const layout = layOut(picture);
  const { width, height } = layout;
  const routes = layout.routes.map(route);
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" class="medianest" viewBox="0 0 ${round(width)} ${round(height)}" width="${round(width)}" height="${round(height)}" role="img" aria-label="${markup(`The stack of ${picture.project} (${picture.profile})`)}">`,
    ...(embedded ? [] : [`<style>${STYLE}\n</style>`, '<rect width="100%" height="100%" style="fill:var(--page)"/>']),
    ...layout.networks.map(({ item, box }) => rect(box, `band${item.internal ? '' : ' open'}`, 14)),
    ...routes.map(({ line }) => line),
    ...layout.networks.map(bandTitle),
    ...layout.outside.map(outsideOf),
    ...layout.groups.map(groupOf),
    ...routes.map(({ mark }) => mark),
    text(
      28,
      height - 14,
      `${picture.project} (${picture.profile})${picture.live ? ', as it runs' : ', as it is rendered'} · solid: TLS · dashed: plain · socket: a file of the host, no network · ▸ published port`,
      'soft',
    ),
    '</svg>',
  ].join('\n');
}
