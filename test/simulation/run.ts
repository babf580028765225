/** `npm run test:sim`: many seeds, each a world of its own. A seed that fails says so and replays exactly. */
import { parseArgs } from "node:util";
import { crashEverywhere } from "./crashes.ts";
import { simulate } from "./simulate.ts";

const HELP = `npm run test:sim [-- --seeds N] [--from S]

Runs the real stages over a simulated log and database: duplicates, crashes, rebalances, frozen processes, lost
answers, clocks that jump. Each seed is a run of its own and always the same one. Before that, a few events go through
all stages again and again, and each process dies once at each of its await points.

  --seeds N   how many (default 1000)
  --from S    the first (default: chosen by the time of day, and printed)`;

const { values } = parseArgs({
  options: { seeds: { type: "string" }, from: { type: "string" }, help: { type: "boolean" } },
});
if (values.help) {
  console.log(HELP);
  process.exit(0);
}
const seeds = Number(values.seeds ?? 1_000);
const from = Number(values.from ?? Date.now() % 1_000_000_000);
if (!Number.isInteger(seeds) || seeds < 1 || !Number.isInteger(from)) {
  console.error("--seeds and --from are whole numbers");
  process.exit(2);
}

/** Orders of events in which every await point is tried. */
const CRASH_SEEDS = 3;

let failed = 0;
for (let seed = from; seed < from + Math.min(seeds, CRASH_SEEDS); seed += 1) {
  const { runs, failures } = await crashEverywhere(seed);
  failed += failures.length;
  console.log(`seed ${seed}: a process died at each of ${runs} await points, ${failures.length} times for the worse`);
  for (const { crash, broken } of failures)
    console.log(`  ${crash.role} at its point ${crash.at}: ${broken.join("; ")}`);
}

const startedAt = performance.now();
let passed = 0;
let steps = 0;
for (let seed = from; seed < from + seeds; seed += 1) {
  const outcome = await simulate(seed);
  steps += outcome.steps;
  if (outcome.broken.length === 0) {
    passed += 1;
    continue;
  }
  failed += 1;
  console.log(`\nseed ${seed} fails; "npm run test:sim -- --seeds 1 --from ${seed}" repeats it`);
  for (const line of outcome.broken) console.log(`  ${line}`);
  if (seeds === 1) for (const line of outcome.story) console.log(`    ${line}`);
}
const minutes = (performance.now() - startedAt) / 60_000;
console.log(
  `\nseeds ${from} to ${from + seeds - 1}: ${Math.round(steps / seeds)} steps each, ${Math.round(seeds / minutes)} seeds a minute`,
);
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed > 0 ? 1 : 0);
