/** Least squares: by how much `ys` grow with each step of `xs`. */
export function slope(xs: readonly number[], ys: readonly number[]): number {
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const [meanX, meanY] = [mean(xs), mean(ys)];
  const spread = xs.reduce((sum, x) => sum + (x - meanX) ** 2, 0);
  if (spread === 0) return 0;
  return xs.reduce((sum, x, n) => sum + (x - meanX) * ((ys[n] ?? 0) - meanY), 0) / spread;
}

/** The middle one of the slopes between any two points: a few that lie far off do not move it. */
export function middleSlope(xs: readonly number[], ys: readonly number[]): number {
  const slopes = xs.flatMap((x, n) =>
    xs.slice(n + 1).map((later, m) => ((ys[n + 1 + m] ?? 0) - (ys[n] ?? 0)) / (later - x)),
  );
  slopes.sort((a, b) => a - b);
  const middle = slopes.length / 2;
  return ((slopes[Math.floor(middle - 0.5)] ?? 0) + (slopes[Math.ceil(middle - 0.5)] ?? 0)) / 2;
}
