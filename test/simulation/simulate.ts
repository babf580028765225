import { violations } from "./checker.ts";
import { breathe } from "./scheduler.ts";
import { type Mutation, REST_WITHIN_MS, World } from "./world.ts";

/** How one seed ended. */
export interface Outcome {
  readonly seed: number;
  /** Invariants that do not hold; none: all is well. */
  readonly broken: readonly string[];
  readonly steps: number;
  /** What befell the machines, in simulated time. */
  readonly story: readonly string[];
}

/** Runs one seed: a storm of faults over the real stages, then calm, then the checker. */
export async function simulate(seed: number, mutation: Mutation = {}): Promise<Outcome> {
  await breathe();
  using world = new World(seed, mutation);
  const rest = await world.run();
  const alive = rest === "done" ? [] : [`I5 alive: not at rest ${REST_WITHIN_MS / 1_000} s after the last fault`];
  return { seed, broken: [...alive, ...violations(world)], steps: world.scheduler.steps, story: world.story };
}
