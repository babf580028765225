import type { PipelineHealth } from "../engine/health.ts";
import type { WorkStatus } from "../engine/work.ts";

/** The states of work in the order it goes through them. */
export const WORK_STATUSES = [
  "pending",
  "queued",
  "running",
  "failed",
  "done",
  "dead",
] as const satisfies readonly WorkStatus[];

/** Counts of work as rows of a table: one per type, a number per status. */
export function workMatrix(counts: PipelineHealth["work"]): { type: string; byStatus: number[] }[] {
  const types = [...new Set(counts.map((row) => row.type))];
  return types.map((type) => ({
    type,
    byStatus: WORK_STATUSES.map(
      (status) => counts.find((row) => row.type === type && row.status === status)?.count ?? 0,
    ),
  }));
}
