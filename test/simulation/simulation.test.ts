import { expect, test } from "bun:test";
import { testSeed } from "../support/random.ts";
import { mutants } from "./mutants.ts";
import { simulate } from "./simulate.ts";

const SEEDS = 500;
const TEST_MS = 240_000;
/** A mutant that survives so many seeds is not noticed. */
const MUTANT_SEEDS = 400;

test(
  "given a storm of faults over the real stages, when it is over, then nothing is lost, doubled or out of order",
  async () => {
    const from = testSeed("simulation");
    for (let seed = from; seed < from + SEEDS; seed += 1) {
      const { broken } = await simulate(seed);
      expect({ seed, broken }).toEqual({ seed, broken: [] });
    }
  },
  TEST_MS,
);

test("given a seed, when it runs twice, then both runs are the same", async () => {
  expect(await simulate(7)).toEqual(await simulate(7));
});

for (const [name, mutant] of Object.entries(mutants)) {
  test(`given a mechanism taken away (${name}), when the same storms rage, then the simulation notices`, async () => {
    expect(await firstNoticed(mutant)).toBeLessThanOrEqual(MUTANT_SEEDS);
  }, 60_000);
}

/** The first seed at which a mutant breaks something; beyond the limit: none. */
async function firstNoticed(mutant: (typeof mutants)[string]): Promise<number> {
  for (let seed = 1; seed <= MUTANT_SEEDS; seed += 1) {
    if ((await simulate(seed, mutant)).broken.length > 0) return seed;
  }
  return MUTANT_SEEDS + 1;
}
