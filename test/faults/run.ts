/** `npm run test:faults`: the fault matrix on real servers, a row at a time, each with a life of its own. */
import { writeFileSync } from "node:fs";
import { cpus, totalmem } from "node:os";
import { parseArgs } from "node:util";
import { columns } from "../../src/cli/format.ts";
import { messageOf } from "../../src/engine/errors.ts";
import { killLeftCommands } from "../support/commands.ts";
import { seededRandom } from "../support/random.ts";
import { startTestServers } from "../support/servers.ts";
import { manyKills, SETTLED_WITHIN_MS } from "./kills.ts";
import { beginning, markdownTable, measuredOn } from "./markdown.ts";
import type { FaultOutcome } from "./row.ts";
import { ROWS } from "./rows/index.ts";
import { tryRow } from "./try-row.ts";

const HELP = `npm run test:faults [-- --row N[,M]] [--kills N] [--seed S] [--markdown FILE]

Every fault of the matrix in docs/guarantees.md, brought about on a real Postgres and a real Kafka, then checked against a
fold of the ledger: nothing lost, nothing doubled.

  --row N[,M]      only these
  --kills N        instead: kill -9 at N random moments of random stages under load
  --seed S         repeats a run (default: chosen, and printed)
  --markdown FILE  writes the table there too, for the docs, below a line that says when and on what it was measured`;

const { values } = parseArgs({
  options: {
    row: { type: "string" },
    kills: { type: "string" },
    seed: { type: "string" },
    markdown: { type: "string" },
    help: { type: "boolean" },
  },
});
if (values.help) {
  console.log(HELP);
  process.exit(0);
}

interface Trial {
  readonly name: string;
  /** In which it has to recover. */
  readonly withinSeconds: number;
  run(random: () => number): Promise<FaultOutcome>;
}

const trials = chosenTrials();
const seed = Number(values.seed ?? Date.now() % 2 ** 31);
const { TEST_DATABASE_URL: databaseUrl, TEST_KAFKA_BROKERS: kafkaBrokers } = process.env;
const begun = beginning();
const servers = await startTestServers({ databaseUrl, kafkaBrokers }, new AbortController().signal);
process.env.TEST_DATABASE_URL = servers.databaseUrl;
process.env.TEST_KAFKA_BROKERS = servers.kafkaBrokers;
const table: string[][] = [["fault", "injected", "seen", "recovered", "within", "lost", "doubled", ""]];
let [failed, skippedRows] = [0, 0];
try {
  for (const trial of trials) table.push(await run(trial));
} finally {
  await killLeftCommands();
  await servers.stop();
}
console.log(`\n${columns(table)}\n`);
console.log(`seed ${seed}, ${cpus().length} cores, ${Math.round(totalmem() / 2 ** 30)} GiB`);
if (values.markdown) writeFileSync(values.markdown, `${measuredOn(begun, seed)}\n\n${markdownTable(table)}\n`);
console.log(`${trials.length - failed - skippedRows} passed, ${failed} failed, ${skippedRows} skipped`);
process.exit(failed > 0 ? 1 : 0);

function chosenTrials(): Trial[] {
  if (values.kills) {
    const kills = Number(values.kills);
    if (!Number.isInteger(kills) || kills < 1) usage(`--kills is a whole number, not "${values.kills}"`);
    const withinSeconds = SETTLED_WITHIN_MS / 1_000;
    return [{ name: "kill -9 at random", withinSeconds, run: (random) => manyKills(kills, random) }];
  }
  const wanted = values.row?.split(",").map(Number);
  const unknown = wanted?.filter((number) => !ROWS.some((row) => row.number === number)) ?? [];
  if (unknown.length > 0) usage(`there is no row ${unknown}: there are ${ROWS.map(({ number }) => number).join(", ")}`);
  return ROWS.filter(({ number }) => !wanted || wanted.includes(number)).map((row) => ({
    name: `${row.number} ${row.title}`,
    withinSeconds: row.deadlineSeconds,
    run: (random) => tryRow(row, random),
  }));
}

function usage(problem: string): never {
  console.error(`${problem}\n\n${HELP}`);
  process.exit(2);
}

async function run({ name, withinSeconds, run }: Trial): Promise<string[]> {
  console.log(`── ${name}`);
  const startedAt = performance.now();
  try {
    const { injected, seen, recoveredMs, lost, doubled, skipped } = await run(seededRandom(seed));
    if (skipped) {
      skippedRows += 1;
      return [name, injected, "", "", "", "", "", `skipped: ${skipped}`];
    }
    const good = lost === 0 && doubled === 0;
    if (!good) failed += 1;
    const seconds = `${(recoveredMs / 1_000).toFixed(1)} s`;
    console.log(`    ${injected}; ${seen}; took ${Math.round((performance.now() - startedAt) / 1_000)} s in all`);
    const within = `${withinSeconds} s`;
    return [name, injected, seen, seconds, within, String(lost), String(doubled), good ? "passed" : "FAILED"];
  } catch (error) {
    failed += 1;
    // What hangs must not run beside the next.
    await killLeftCommands();
    const why = messageOf(firstOf(error));
    console.log(`    ${why}`);
    return [name, "", (why.split("\n")[0] ?? "").slice(0, 100), "", "", "", "", "FAILED"];
  }
}

/** What went wrong first: tidying up after it may fail too, and covers it. */
function firstOf(error: unknown): unknown {
  return error instanceof SuppressedError ? firstOf(error.suppressed) : error;
}
