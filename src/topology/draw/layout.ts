import { type Topology, type TopologyGroup, VISITORS } from '../plan/topology.ts';
import { labels } from './labels.ts';
import { type Box, type Point, type Route, routes } from './routes.ts';

export interface Placed<T> {
  box: Box;
  item: T;
}

export interface Layout {
  width: number;
  height: number;
  networks: Placed<Topology['networks'][number]>[];
  groups: Placed<TopologyGroup>[];
  outside: Placed<{ id: string; name: string; url: string }>[];
  /** Each with the middle of its word. */
  routes: (Route & { label: Point })[];
}

export const CELL = { width: 168, gap: 10, line: 16, padding: 10 };
const GROUP = { title: 26, padding: 12, gap: 44 };
const BAND = { title: 46, padding: 22, gap: 26 };
const ROW_GAP = 56;
const MARGIN = 28;
const MAX_ROW = 1240;
const MOST_PER_ROW = 3;

/** What stands under a group's title. */
export const notesOf = (group: TopologyGroup): { content: string; kind: string }[] => [
  ...group.published.map((entry) => ({ content: `▸ published ${entry}`, kind: 'published' })),
  ...(group.also.length > 0 ? [{ content: `also in ${group.also.join(', ')}`, kind: 'soft' }] : []),
];

/** A cell's height: its name, and a line for its address, its role and each detail. */
const cellLines = (group: TopologyGroup): number =>
  Math.max(...group.nodes.map((node) => 1 + (node.address ? 1 : 0) + (node.state === 'unseen' ? 0 : 1) + node.details.length));

const perRow = ({ nodes }: TopologyGroup): number => (nodes.length <= 4 ? nodes.length : MOST_PER_ROW);

const cellHeight = (group: TopologyGroup): number => cellLines(group) * CELL.line + 2 * CELL.padding - 4;

function sizeOf(group: TopologyGroup): { width: number; height: number } {
  const columns = perRow(group);
  const rows = Math.ceil(group.nodes.length / columns);
  const notes = notesOf(group);
  const text = Math.max(group.component.length * 9 + 60, ...notes.map(({ content }) => content.length * 7.8 + 28));
  return {
    width: Math.max(columns * CELL.width + (columns - 1) * CELL.gap + 2 * GROUP.padding, text),
    height: GROUP.title + notes.length * CELL.line + rows * cellHeight(group) + (rows - 1) * CELL.gap + GROUP.padding + 4,
  };
}

/** Where the cells of a group stand, within its box. */
export function cellsOf(group: TopologyGroup, box: Box): Box[] {
  const columns = perRow(group);
  const height = cellHeight(group);
  const rows = Math.ceil(group.nodes.length / columns);
  const top = box.y + box.height - GROUP.padding - rows * height - (rows - 1) * CELL.gap;
  const left = box.x + (box.width - columns * CELL.width - (columns - 1) * CELL.gap) / 2;
  return group.nodes.map((_node, index) => ({
    x: left + (index % columns) * (CELL.width + CELL.gap),
    y: top + Math.floor(index / columns) * (height + CELL.gap),
    width: CELL.width,
    height,
  }));
}

/** How many calls a group is away, at most, from those of its own network without a caller there; a cycle counts once. */
function ranks(picture: Topology): Map<string, number> {
  const home = new Map(picture.groups.map((group) => [group.id, group.home]));
  const known = new Map<string, number>();
  const depth = (name: string, below: readonly string[]): number => {
    const before = known.get(name);
    if (before !== undefined) return before;
    const callers = picture.flows
      .filter(({ from, to }) => to === name && home.get(from) === home.get(to) && !below.includes(from))
      .map(({ from }) => from);
    const value = Math.max(0, ...callers.map((caller) => 1 + depth(caller, [...below, name])));
    known.set(name, value);
    return value;
  };
  for (const { id } of picture.groups) depth(id, []);
  return known;
}

/** Rows of groups, network by network: those that call stand above those that are called. */
function rowsOf(picture: Topology): { network: string; groups: TopologyGroup[] }[] {
  const rank = ranks(picture);
  return picture.networks.flatMap(({ name }) => {
    const own = picture.groups.filter(({ home }) => home === name);
    const levels = [...new Set(own.map(({ id }) => rank.get(id) as number))].sort((a, b) => a - b);
    return levels.flatMap((level) => wrapped(own.filter(({ id }) => rank.get(id) === level)).map((groups) => ({ network: name, groups })));
  });
}

function wrapped(groups: readonly TopologyGroup[]): TopologyGroup[][] {
  const rows: TopologyGroup[][] = [];
  let width = Number.POSITIVE_INFINITY;
  for (const group of groups) {
    const own = sizeOf(group).width + GROUP.gap;
    if (width + own > MAX_ROW) {
      rows.push([]);
      width = 0;
    }
    rows.at(-1)?.push(group);
    width += own;
  }
  return rows;
}

/** Places everything: visitors and what is outside on top, then a band for each network. */
export function layOut(picture: Topology): Layout {
  const rows = rowsOf(picture);
  const rowWidth = (groups: readonly TopologyGroup[]) => groups.reduce((sum, group) => sum + sizeOf(group).width + GROUP.gap, -GROUP.gap);
  const inner = Math.max(520, picture.outside.length * 250 + 220, ...rows.map(({ groups }) => rowWidth(groups)));
  const width = inner + 2 * (MARGIN + BAND.padding);
  const outside = topRow(picture, width);
  const networks: Layout['networks'] = [];
  const groups: Layout['groups'] = [];
  let y = MARGIN + 52 + BAND.gap + 20;
  for (const network of picture.networks) {
    const top = y;
    y += BAND.title;
    for (const row of rows.filter((entry) => entry.network === network.name)) {
      let x = (width - rowWidth(row.groups)) / 2;
      const height = Math.max(...row.groups.map((group) => sizeOf(group).height));
      y += 18;
      for (const group of inOrder(row.groups, picture, groups)) {
        const size = sizeOf(group);
        groups.push({ item: group, box: { x, y, ...size } });
        x += size.width + GROUP.gap;
      }
      y += height + ROW_GAP - 18;
    }
    y += BAND.padding - ROW_GAP + 18;
    networks.push({ item: network, box: { x: MARGIN, y: top, width: width - 2 * MARGIN, height: y - top } });
    y += BAND.gap;
  }
  const boxes = [...groups.map(({ item, box }) => ({ id: item.id, box })), ...outside.map(({ item, box }) => ({ id: item.id, box }))];
  const ways = routes(picture, boxes);
  const places = labels(ways, [...boxes.map(({ box }) => box), ...networks.map(titleOf)]);
  return {
    width,
    height: y + 34,
    networks,
    groups,
    outside,
    routes: ways.map((way, index) => ({ ...way, label: places[index] as Point })),
  };
}

/** About where a network's name and range are written. */
const titleOf = ({ item, box }: Layout['networks'][number]): Box => ({
  x: box.x + 16,
  y: box.y + 8,
  width: 20 + item.name.length * 10 + (item.subnet.length + 24) * 6.5,
  height: 20,
});

/** From left to right as their callers stand, so that fewer ways cross. */
function inOrder(row: readonly TopologyGroup[], picture: Topology, placed: Layout['groups']): TopologyGroup[] {
  const middles = new Map(placed.map(({ item, box }) => [item.id, box.x + box.width / 2]));
  const pull = (group: TopologyGroup): number => {
    const callers = picture.flows.flatMap(({ from, to }) => (to === group.id && middles.has(from) ? [middles.get(from) as number] : []));
    return callers.length > 0 ? callers.reduce((sum, x) => sum + x, 0) / callers.length : Number.POSITIVE_INFINITY;
  };
  const pulls = new Map(row.map((group) => [group.id, pull(group)]));
  return [...row].sort((a, b) => {
    const [left, right] = [pulls.get(a.id) as number, pulls.get(b.id) as number];
    return left === right ? 0 : left - right;
  });
}

function topRow(picture: Topology, width: number): Layout['outside'] {
  const visitors = { item: { id: VISITORS, name: 'visitors', url: '' }, box: { x: width / 2 - 65, y: MARGIN, width: 130, height: 40 } };
  if (picture.outside.length === 0) return [visitors];
  visitors.box.x = MARGIN + BAND.padding;
  const first = width - MARGIN - BAND.padding - picture.outside.length * 250 + 20;
  return [
    visitors,
    ...picture.outside.map((item, index) => ({ item, box: { x: first + index * 250, y: MARGIN, width: 230, height: 52 } })),
  ];
}
