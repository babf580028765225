import { expect, test } from "bun:test";
import { testSeed } from "../support/random.ts";
import { crashEverywhere } from "./crashes.ts";
import { type Mutant, mutants } from "./mutants.ts";
import { simulate } from "./simulate.ts";

const SEEDS = 500;
const TEST_MS = 480_000;
/** A mutant that survives so many seeds is not noticed. */
const MUTANT_SEEDS = 200;
/** `npm run test:sim` dies at every await point, `npm test` at each so many-th. */
const CRASH_EVERY = 10;
const CRASHES_AT_LEAST = 20;

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

test("given a few events, when a process dies at one of its await points, then all comes to rest as if it had not", async () => {
  const seed = testSeed("crashes");
  const { runs, failures } = await crashEverywhere(seed, { every: CRASH_EVERY });
  expect({ seed, failures }).toEqual({ seed, failures: [] });
  expect(runs).toBeGreaterThan(CRASHES_AT_LEAST);
}, 60_000);

test("given a position that moves before the effect, when a process dies at some await point, then it is noticed", async () => {
  const { failures } = await crashEverywhere(1, { every: CRASH_EVERY, ...mutants["commit before effect"] });
  expect(failures.flatMap(({ broken }) => broken).filter((line) => line.startsWith("I1"))).not.toEqual([]);
}, 60_000);

for (const [name, mutant] of Object.entries(mutants)) {
  test(`given a mechanism taken away (${name}), when the same storms rage, then ${mutant.breaks} is noticed`, async () => {
    expect(await firstNoticed(mutant)).toBeLessThanOrEqual(MUTANT_SEEDS);
  }, 120_000);
}

/** The first seed at which a mutant breaks what it must; beyond the limit: none. */
async function firstNoticed({ mutation, breaks }: Mutant): Promise<number> {
  for (let seed = 1; seed <= MUTANT_SEEDS; seed += 1) {
    const { broken } = await simulate(seed, mutation);
    if (broken.some((line) => line.startsWith(`${breaks}:`))) return seed;
  }
  return MUTANT_SEEDS + 1;
}
