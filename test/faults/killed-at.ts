import { outcomeOf } from "./findings.ts";
import { Life, type StageName } from "./life.ts";
import type { FaultOutcome, FaultRow } from "./row.ts";

const EVENTS = 200;

/** Where a stage dies: a fault point (`src/runtime/fault-point.ts`), passed for the n-th time. */
export interface KillPoint {
  readonly stage: StageName;
  readonly at: string;
}

/** One life in which stages die at these points, one after the other, each amid work, and are started again. */
export async function killedAt(
  points: readonly KillPoint[],
  random: () => number,
  deadlineSeconds: number,
): Promise<FaultOutcome> {
  await using life = await Life.begin(random);
  const { stage } = points[0] as KillPoint;
  life.startAll([stage]);
  return await killEach(life, points, { events: EVENTS, deadlineSeconds });
}

/** The same at one point of a stage that runs, with less to do, for `npm test`. */
export function killedAmid({ stage, at }: KillPoint, deadlineSeconds: number): Required<Pick<FaultRow, "amid">> {
  return {
    async amid(life) {
      await life.leave(stage, { abruptly: false });
      return await killEach(life, [{ stage, at }], { events: EVENTS / 4, deadlineSeconds });
    },
  };
}

async function killEach(
  life: Life,
  points: readonly KillPoint[],
  { events, deadlineSeconds }: { events: number; deadlineSeconds: number },
): Promise<FaultOutcome> {
  for (const { stage, at } of points) {
    await life.capture(events);
    const { signal, stderr } = await life.start(stage, { env: { FAULT_AT: at } }).ended;
    if (signal !== "SIGKILL") throw new Error(`${stage} did not die at ${at}: ${stderr.slice(-500)}`);
  }
  life.start((points[0] as KillPoint).stage);
  const recoveredMs = await life.untilSettled(deadlineSeconds * 1_000);
  return await outcomeOf(life, `killed at ${points.map(({ at }) => at).join(", ")}`, recoveredMs);
}
