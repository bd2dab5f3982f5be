/** What the numbers of a soak come to. */

/**
 * @param {number[]} values numbers, in any order
 * @param {number} share from 0 to 1
 * @returns {number} the value that this share of them does not exceed; NaN if there are none
 */
export function quantile(values, share) {
  if (values.length === 0) return NaN
  const sorted = Float64Array.from(values).sort()
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]
}

/**
 * The straight line through some points (least squares).
 *
 * @param {{x: number, y: number}[]} points at least three
 * @returns {{slope: number, error: number}} how steep it is, and the standard error of that
 */
export function trend(points) {
  const mean = (pick) => points.reduce((sum, point) => sum + pick(point), 0) / points.length
  const [x0, y0] = [mean(({ x }) => x), mean(({ y }) => y)]
  const spread = points.reduce((sum, { x }) => sum + (x - x0) ** 2, 0)
  const slope = points.reduce((sum, { x, y }) => sum + (x - x0) * (y - y0), 0) / spread
  const misses = points.reduce((sum, { x, y }) => sum + (y - y0 - slope * (x - x0)) ** 2, 0)
  return { slope, error: Math.sqrt(misses / (points.length - 2) / spread) }
}
