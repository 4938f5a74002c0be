import { means, type Topology } from '../plan/topology.ts';

export interface Box {
  x: number;
  y: number;
  width: number;
  height: number;
}

/** A way from box to box: it leaves downwards or upwards, and goes through gaps between what stands in between. */
export interface Route {
  from: string;
  to: string;
  tls: boolean;
  word: string;
  points: Point[];
}

export type Point = [x: number, y: number];

type Named = { id: string; box: Box };

/** The ways of all calls between boxes. */
export function routes(picture: Topology, boxes: readonly Named[]): Route[] {
  const at = new Map(boxes.map(({ id, box }) => [id, box]));
  const middle = ({ x, width }: Box) => x + width / 2;
  /** Where each of several ways touches a side of a box: spread, in the order of their other ends. */
  const spread = (own: string, side: 'from' | 'to', other: string, down: boolean): number => {
    const isDown = (flow: { from: string; to: string }) => (at.get(flow.from)?.y ?? 0) < (at.get(flow.to)?.y ?? 0);
    const touching = picture.flows.flatMap((flow) => {
      const here = flow[side] === own && isDown(flow) === down ? [flow[side === 'from' ? 'to' : 'from']] : [];
      const there = flow[side === 'from' ? 'to' : 'from'] === own && isDown(flow) !== down ? [flow[side]] : [];
      return [...here, ...there];
    });
    const sorted = touching.sort((a, b) => middle(at.get(a) as Box) - middle(at.get(b) as Box));
    const box = at.get(own) as Box;
    return box.x + (box.width * (sorted.indexOf(other) + 1)) / (sorted.length + 1);
  };
  const lanes = new Map<string, number>();
  return picture.flows.flatMap((flow) => {
    const { from, to, tls } = flow;
    const [a, b] = [at.get(from), at.get(to)];
    if (!a || !b) return [];
    const down = a.y < b.y;
    const start: Point = [spread(from, 'from', to, down), down ? a.y + a.height : a.y];
    const end: Point = [spread(to, 'to', from, down), down ? b.y : b.y + b.height];
    const others = boxes.filter(({ id }) => id !== from && id !== to);
    // It leaves and arrives straight, past all that stands beside: a taller neighbour would hide a bend.
    const leaving: Point = [start[0], down ? bottomOfRow(a, boxes) + LEAVING : a.y - LEAVING];
    const landing: Point = [end[0], down ? b.y - LANDING : bottomOfRow(b, boxes) + LANDING];
    return [{ from, to, tls, word: means(flow), points: [start, leaving, ...between(leaving, landing, others, lanes), landing, end] }];
  });
}

/** Where the tallest box ends of those that stand beside this one. */
const bottomOfRow = (own: Box, boxes: readonly Named[]): number =>
  Math.max(...boxes.filter(({ box }) => box.y < own.y + own.height && own.y < box.y + box.height).map(({ box }) => box.y + box.height));

const CLEAR = 12;
const LEAVING = 8;
const LANE = 7;
const LANDING = 34;

/** Through each row in between, by the gap that is nearest to the straight way. */
function between(start: Point, end: Point, boxes: readonly Named[], lanes: Map<string, number>): Point[] {
  const [top, bottom] = start[1] < end[1] ? [start[1], end[1]] : [end[1], start[1]];
  const inside = boxes.filter(({ box }) => box.y > top && box.y + box.height < bottom);
  const levels = [...new Set(inside.map(({ box }) => box.y))].sort((a, b) => (start[1] < end[1] ? a - b : b - a));
  let x = start[0];
  return levels.flatMap((level): Point[] => {
    const row = inside.filter(({ box }) => box.y === level).map(({ box }) => box);
    const height = Math.max(...row.map((box) => box.height));
    const wanted = x + ((end[0] - x) * Math.abs(level + height / 2 - start[1])) / Math.max(1, Math.abs(end[1] - start[1]));
    const isFree = (candidate: number) => row.every((box) => candidate <= box.x - CLEAR + 1 || candidate >= box.x + box.width + CLEAR - 1);
    const sides = row.flatMap((box) => [
      { at: box.x - CLEAR, step: -LANE },
      { at: box.x + box.width + CLEAR, step: LANE },
    ]);
    const free = [{ at: wanted, step: LANE }, ...sides]
      .filter(({ at }) => isFree(at))
      .sort((a, b) => Math.abs(a.at - wanted) - Math.abs(b.at - wanted))[0];
    x = free ? laneAt(free, level, isFree, lanes) : wanted;
    const ends: Point[] = [
      [x, level - 8],
      [x, level + height + 8],
    ];
    return start[1] < end[1] ? ends : ends.reverse();
  });
}

/** Ways through one gap run beside each other, for as long as it is wide enough. */
function laneAt(gap: { at: number; step: number }, level: number, isFree: (x: number) => boolean, lanes: Map<string, number>): number {
  const key = `${level} ${Math.round(gap.at)}`;
  const used = lanes.get(key) ?? 0;
  lanes.set(key, used + 1);
  const shifted = gap.at + used * gap.step;
  return isFree(shifted) ? shifted : gap.at;
}

/** How often a bend is looked at. */
const PARTS = 16;

/** Points along a way as it is drawn: between two of its points it bends as `path` of svg.ts draws it. */
export const along = (points: readonly Point[]): Point[] =>
  points.slice(1).flatMap(([x, y], index) => {
    const [fromX, fromY] = points[index] as Point;
    return Array.from({ length: PARTS + 1 }, (_part, part): Point => {
      const t = part / PARTS;
      const [a, b, c, d] = [(1 - t) ** 3, 3 * (1 - t) ** 2 * t, 3 * (1 - t) * t ** 2, t ** 3];
      const bend = (fromY + y) / 2;
      return [(a + b) * fromX + (c + d) * x, a * fromY + (b + c) * bend + d * y];
    });
  });
