/** The slopes between any two points, smallest first. */
function slopes(xs: readonly number[], ys: readonly number[]): number[] {
  const all = xs.flatMap((x, n) =>
    xs.slice(n + 1).map((later, m) => ((ys[n + 1 + m] ?? 0) - (ys[n] ?? 0)) / (later - x)),
  );
  return all.sort((a, b) => a - b);
}

/** The middle one of the slopes between any two points: a few that lie far off do not move it. */
export function middleSlope(xs: readonly number[], ys: readonly number[]): number {
  const all = slopes(xs, ys);
  const middle = all.length / 2;
  return ((all[Math.floor(middle - 0.5)] ?? 0) + (all[Math.ceil(middle - 0.5)] ?? 0)) / 2;
}

/** Of the normal distribution: only one in twenty lies above. */
const ONE_IN_TWENTY = 1.645;

/**
 * The slope that is exceeded with a confidence of 95 %: what sways by more than it grows has a low one. P. K. Sen, Estimates of
 * the Regression Coefficient Based on Kendall's Tau (1968).
 */
export function sureSlope(xs: readonly number[], ys: readonly number[]): number {
  const all = slopes(xs, ys);
  const n = xs.length;
  const spread = ONE_IN_TWENTY * Math.sqrt((n * (n - 1) * (2 * n + 5)) / 18);
  return all[Math.max(0, Math.floor((all.length - spread) / 2))] ?? 0;
}
