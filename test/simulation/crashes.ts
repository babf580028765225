import { violations } from "./checker.ts";
import type { Mood } from "./domain.ts";
import { breathe } from "./scheduler.ts";
import { type Crash, type Mutation, REST_WITHIN_MS, ROLES, type Role, type Script, World } from "./world.ts";

/** How the work on each number goes, call by call; then well. One succeeds, one fails and waits, one is given up. */
const MOODS: readonly (readonly Mood[])[] = [["ok"], ["retry", "pause"], ["terminal"]];
const script: Script = (number, nth) => MOODS[number - 1]?.[nth - 1] ?? "ok";

/** A crash after which something was wrong. */
export interface CrashFailure {
  readonly crash: Crash;
  readonly broken: readonly string[];
}

/**
 * A few events go through every stage, and each process dies once at each of its await points, a run for each; `every`:
 * at each n-th only, from one that the seed chooses.
 */
export async function crashEverywhere(
  seed: number,
  { every = 1, mutation = {} }: { every?: number; mutation?: Mutation } = {},
): Promise<{ runs: number; failures: CrashFailure[] }> {
  const points = await pointsOf(seed, mutation);
  const failures: CrashFailure[] = [];
  let runs = 0;
  for (const role of ROLES) {
    for (let at = 1 + (seed % every); at <= (points.get(role) ?? 0); at += every) {
      const broken = await crashOnce(seed, { crash: { role, at }, mutation });
      runs += 1;
      if (broken.length > 0) failures.push({ crash: { role, at }, broken });
    }
  }
  return { runs, failures };
}

/** How many await points each process goes on from when nothing goes wrong. */
async function pointsOf(seed: number, mutation: Mutation): Promise<ReadonlyMap<Role, number>> {
  using world = new World(seed, mutation);
  await world.runFew({ script, crash: null });
  return world.points;
}

async function crashOnce(
  seed: number,
  { crash, mutation }: { crash: Crash; mutation: Mutation },
): Promise<readonly string[]> {
  await breathe();
  using world = new World(seed, mutation);
  const rest = await world.runFew({ script, crash });
  const alive = rest === "done" ? [] : [`I5 alive: not at rest ${REST_WITHIN_MS / 1_000} s after the crash`];
  return [...alive, ...violations(world)];
}
