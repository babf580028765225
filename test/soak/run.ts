/** `npm run test:soak`: hours of load with random faults; what grows, and whether anything was lost or doubled. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { columns } from "../../src/cli/format.ts";
import { checkLife } from "../checker/check.ts";
import { abandonedIn, lifeEnds, stagesAtFault, verified } from "../faults/findings.ts";
import { Life } from "../faults/life.ts";
import { killLeftCommands } from "../support/commands.ts";
import { startOwnServers } from "../support/own-servers.ts";
import { seededRandom } from "../support/random.ts";
import { growth } from "./growth.ts";
import { captureUntil } from "./load.ts";
import { MemoryFloor } from "./memory-floor.ts";
import { mischief } from "./mischief.ts";
import { databaseSample, folderMb, residentMb, type Sample } from "./servers-watch.ts";
import { middleSlope } from "./slope.ts";

const HELP = `npm run test:soak [-- --minutes N] [--rate EVENTS] [--seed S]

Captures all kinds of events while stages, broker and Postgres are killed, frozen and cut off at random, on servers of its
own. Prints memory (the least of each minute), lag, dead tuples, write-ahead log and disk, then whether all is as a fold
of the ledger says. In the second half no stage is killed: one that surely grows by more than 2 MB a minute fails a run of 15
minutes or more, and bookkeeping that grows fails any.

  --minutes N  how long (default: 20)
  --rate N     events a second (default: 500)
  --seed S     which faults (default: chosen, and printed)`;

const MINUTE_MS = 60_000;
const EVERY_MS = 100;
/** Pause between two faults, at most. */
const CALM_MS = 20_000;
const SETTLED_WITHIN_MS = 600_000;
const LOG_LINES = 60;
/** Of the load that was asked for, what has to be captured while Postgres is there. */
const LOAD_SHARE = 0.9;
/** Some minutes before the second half, in which processes find their size. */
const SPARING_FROM = 0.4;

const { values } = parseArgs({
  options: {
    minutes: { type: "string", default: "20" },
    rate: { type: "string", default: "500" },
    seed: { type: "string" },
    help: { type: "boolean" },
  },
});
if (values.help) {
  console.log(HELP);
  process.exit(0);
}
const [minutes, rate] = [Number(values.minutes), Number(values.rate)];
const seed = Number(values.seed ?? Date.now() % 2 ** 31);
if (!(minutes > 0) || !(rate > 0) || !Number.isInteger(seed)) {
  console.error(`--minutes and --rate are numbers above zero, --seed is a whole one\n\n${HELP}`);
  process.exit(2);
}
process.exit(
  await soak().catch((error) => {
    for (const line of toldOf(error)) console.error(line);
    return 1;
  }),
);

/** An error, and those that it hides: what ends a soak is often followed by what could not be tidied up. */
function toldOf(error: unknown): string[] {
  if (error instanceof SuppressedError) return [...toldOf(error.suppressed), ...toldOf(error.error)];
  if (!(error instanceof Error)) return [String(error)];
  return [error.stack ?? error.message, ...(error.cause ? toldOf(error.cause) : [])];
}

async function soak(): Promise<number> {
  const random = seededRandom(seed);
  await using servers = await startOwnServers();
  const { kafka, postgres, home } = servers;
  await using life = await Life.begin(random, {
    links: 0.01,
    servers: { databaseUrl: postgres.address, kafkaBrokers: kafka.address },
  });
  const samples: Sample[] = [];
  try {
    life.startAll();
    const memory = new MemoryFloor();
    const faults = new Map<string, number>();
    const startedAt = performance.now();
    const share = () => (performance.now() - startedAt) / (minutes * MINUTE_MS);
    const over = () => share() > 1;
    const load = captureUntil(life, { batch: Math.round((rate * EVERY_MS) / 1_000), everyMs: EVERY_MS, over });
    await Promise.all([
      load,
      watch(samples, over, {
        look: () => noteMemory(life, memory),
        sample: async () => ({ ...(await databaseSample(life.world.app)), ...inMb(memory), "disk MB": folderMb(home) }),
      }),
      untroubled(over, async () => {
        await Bun.sleep(random() * CALM_MS);
        const what = await mischief(life, servers, { random, sparing: share() > SPARING_FROM });
        faults.set(what, (faults.get(what) ?? 0) + 1);
        if (postgres.hasDied() || kafka.hasDied()) throw new Error(`a server died by itself after: ${what}`);
      }),
    ]);
    const recoveredMs = await life.untilSettled(SETTLED_WITHIN_MS);
    memory.take();
    noteMemory(life, memory);
    samples.push({ ...(await databaseSample(life.world.app)), ...inMb(memory), "disk MB": folderMb(home) });
    const { captured, refused, awayMs } = await load;
    const wanted = Math.round(rate * (minutes * 60 - awayMs / 1_000));
    const { lost, doubled, problems: wrong } = await checkLife(life.world.app);
    const ends = await lifeEnds(life, { agentsDie: true });
    const problems = [
      ...wrong,
      ...ends.wrong,
      ...growth(samples),
      ...(captured < LOAD_SHARE * wanted ? [`only ${captured} of ${wanted} events were captured`] : []),
      ...(await stagesAtFault(life)),
      ...(await verified(life, { withinMs: SETTLED_WITHIN_MS })),
    ];
    for (const line of [...lost, ...doubled, ...problems].slice(0, 20)) console.log(`    ${line}`);
    console.log(`faults: ${[...faults].map(([what, times]) => `${what} ${times}`).join(", ")}`);
    const away = `${refused} batches refused while Postgres was away, for ${(awayMs / 1_000).toFixed(0)} s in all`;
    console.log(`${captured} events captured, ${away}`);
    for (const line of abandonedIn(ends)) console.log(`work given up on good pages: ${line}`);
    console.log(`all applied ${(recoveredMs / 1_000).toFixed(1)} s after the end; seed ${seed}`);
    console.log(`${lost.length} lost, ${doubled.length} doubled, ${problems.length} otherwise wrong`);
    return lost.length + doubled.length + problems.length > 0 ? 1 : 0;
  } catch (error) {
    console.error(logEnd(join(home, "logs", "postgres.log")));
    throw error;
  } finally {
    console.log(`\n${tableOf(samples)}\n`);
    await killLeftCommands();
  }
}

/** The last that a server said. */
function logEnd(file: string): string {
  return readFileSync(file, "utf8").split("\n").slice(-LOG_LINES).join("\n");
}

function noteMemory(life: Life, memory: MemoryFloor): void {
  for (const [stage, { pid }] of life.running()) {
    const mb = residentMb(pid);
    if (mb > 0) memory.note(stage, pid, mb);
  }
}

function inMb(memory: MemoryFloor): Sample {
  return Object.fromEntries([...memory.take()].map(([stage, mb]) => [`${stage} MB`, mb]));
}

/** A look each second and a sample each minute; one that cannot be taken, as Postgres is away, is taken a moment later. */
async function watch(
  samples: Sample[],
  over: () => boolean,
  { look, sample }: { look: () => void; sample: () => Promise<Sample> },
): Promise<void> {
  for (let next = performance.now() + MINUTE_MS; !over(); ) {
    await Bun.sleep(1_000);
    look();
    if (performance.now() < next) continue;
    const taken = await sample().catch(() => null);
    if (!taken) continue;
    samples.push(taken);
    const { events, lag } = taken;
    console.log(
      `    minute ${samples.length}: ${events} events, ${lag} behind, disk ${taken["disk MB"]?.toFixed(0)} MB`,
    );
    next += MINUTE_MS;
  }
}

async function untroubled(over: () => boolean, step: () => Promise<void>): Promise<void> {
  while (!over()) await step();
}

/** A row per measure: each minute's value, and its slope in the second half, when everything has found its size. */
function tableOf(samples: readonly Sample[]): string {
  const names = Object.keys(samples[0] ?? {});
  const minutesOf = samples.map((_, n) => n + 1);
  const half = Math.floor(samples.length / 2);
  const head = ["", ...minutesOf.map((n) => (n === samples.length ? "end" : `${n} min`)), "per minute"];
  const rows = names.map((name) => {
    const all = samples.map((sample) => sample[name] ?? 0);
    return [
      name,
      ...all.map((value) => value.toFixed(0)),
      middleSlope(minutesOf.slice(half), all.slice(half)).toFixed(1),
    ];
  });
  return columns([head, ...rows]);
}
