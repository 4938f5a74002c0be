import { along, type Box, type Point, type Route } from './routes.ts';

const LABEL = { width: 42, height: 15 };
/** From the arrow's head to the nearest label. */
const FROM_HEAD = 24;
/** Between places that are tried. */
const STEP = 4;

/** Where the word of each way stands: nearest to its end, but on no box and no title, and off all other ways and their words. */
export function labels(routes: readonly Route[], obstacles: readonly Box[]): Point[] {
  const ways = routes.map(({ points }) => along(points));
  const places = routes.map(({ points }) => placesOn(points));
  const taken = new Map<number, Point>();
  const isFree = (own: number, place: Point): boolean => {
    const box = boxAt(place);
    const placed = [...taken.values()].map(boxAt);
    return (
      ![...obstacles, ...placed].some((other) => overlap(box, other)) &&
      !ways.some((way, index) => index !== own && way.some((point) => inside(point, box)))
    );
  };
  // Those with the fewest places first: the others still find one.
  const free = places.map((candidates, own) => candidates.filter((place) => isFree(own, place)));
  const order = [...routes.keys()].sort((a, b) => (free[a]?.length ?? 0) - (free[b]?.length ?? 0));
  for (const own of order) taken.set(own, free[own]?.find((place) => isFree(own, place)) ?? (places[own]?.[0] as Point));
  return [...routes.keys()].map((own) => taken.get(own) as Point);
}

/** Along the straight pieces of a way, from its end to its start; on a bend where there is none. */
function placesOn(points: readonly Point[]): Point[] {
  const [x, y] = points.at(-1) as Point;
  const back = (points.at(-2) as Point)[1] < y ? -1 : 1;
  const first: Point = [x, y + back * FROM_HEAD];
  const rest = points.slice(1).flatMap(([toX, toY], index): Point[] => {
    const [fromX, fromY] = points[index] as Point;
    if (fromX !== toX) return [];
    const count = Math.floor(Math.abs(toY - fromY) / STEP);
    return Array.from({ length: count }, (_place, at): Point => [toX, fromY + ((toY - fromY) * at) / count]);
  });
  const distance = ([, placeY]: Point) => Math.abs(placeY - y);
  const nearest = (places: readonly Point[]) =>
    places.filter((place) => distance(place) >= FROM_HEAD).sort((a, b) => distance(a) - distance(b));
  return [first, ...nearest(rest), ...nearest(along(points))];
}

export const boxAt = ([x, y]: Point): Box => ({ x: x - LABEL.width / 2, y: y - LABEL.height / 2, ...LABEL });

const overlap = (a: Box, b: Box): boolean => a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height;

const inside = ([x, y]: Point, box: Box): boolean => x > box.x && x < box.x + box.width && y > box.y && y < box.y + box.height;
