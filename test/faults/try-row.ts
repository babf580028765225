import type { FaultOutcome, FaultRow } from "./row.ts";

/** Time to bring a fault about and to check afterwards, besides recovering. */
const AROUND_MS = 600_000;

/** Tries a row; throws where it hangs, recovers too late, or did not tell a person what it has to tell. */
export async function tryRow(row: FaultRow, random: () => number): Promise<FaultOutcome> {
  const outcome = await inTime(row.run(random), row.deadlineSeconds * 1_000 + AROUND_MS);
  if (outcome.skipped) return outcome;
  const { recoveredMs, said = [] } = outcome;
  if (recoveredMs > row.deadlineSeconds * 1_000) {
    throw new Error(`recovered after ${(recoveredMs / 1_000).toFixed(1)} s, not within ${row.deadlineSeconds} s`);
  }
  const unsaid = (row.says ?? []).filter((words) => !said.some((line) => words.test(line)));
  if (unsaid.length > 0) throw new Error(`no stage said ${unsaid.join(" or ")}`);
  return outcome;
}

async function inTime<T>(work: Promise<T>, withinMs: number): Promise<T> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new Error(`not over within ${withinMs / 1_000} s`)), withinMs);
  return Promise.race([work, late.promise]).finally(() => clearTimeout(timer));
}
