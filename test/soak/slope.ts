/** The middle one of the slopes between any two points: a few that lie far off do not move it. */
export function middleSlope(xs: readonly number[], ys: readonly number[]): number {
  const slopes = xs.flatMap((x, n) =>
    xs.slice(n + 1).map((later, m) => ((ys[n + 1 + m] ?? 0) - (ys[n] ?? 0)) / (later - x)),
  );
  slopes.sort((a, b) => a - b);
  const middle = slopes.length / 2;
  return ((slopes[Math.floor(middle - 0.5)] ?? 0) + (slopes[Math.ceil(middle - 0.5)] ?? 0)) / 2;
}
