/** Least squares: by how much `ys` grow with each step of `xs`. */
export function slope(xs: readonly number[], ys: readonly number[]): number {
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const [meanX, meanY] = [mean(xs), mean(ys)];
  const spread = xs.reduce((sum, x) => sum + (x - meanX) ** 2, 0);
  if (spread === 0) return 0;
  return xs.reduce((sum, x, n) => sum + (x - meanX) * ((ys[n] ?? 0) - meanY), 0) / spread;
}
