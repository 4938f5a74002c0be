/** A moment in seconds since 1970, and a value. */
export type TrendPoint = readonly [number, number];

/** How much a value grows each second: the straight line that is nearest to all points (least squares). 0 where all are of one moment. */
export function slopeOf(points: readonly TrendPoint[]): number {
  const mean = (index: 0 | 1) => points.reduce((sum, point) => sum + point[index], 0) / points.length;
  const [time, value] = [mean(0), mean(1)];
  const spread = points.reduce((sum, point) => sum + (point[0] - time) ** 2, 0);
  return spread === 0 ? 0 : points.reduce((sum, point) => sum + (point[0] - time) * (point[1] - value), 0) / spread;
}
