/**
 * `npm run test:quiet`: how loud everything is while nothing happens, and while Kafka or Postgres is away, on servers of
 * its own that are stopped and started. Counts log lines, statements and connections. Too many is a failure, and so is
 * a stage that does not go on by itself.
 */
import { columns } from "../../src/cli/format.ts";
import { killLeftCommands } from "../support/commands.ts";
import { startOwnServers } from "../support/own-servers.ts";
import { meterPostgres, type PostgresMeter } from "../support/postgres-meter.ts";
import { beginLife, type Life } from "./life.ts";

const WINDOW_MS = 15_000;
/** The longest pause between two tries is 10 s, and a broker needs some seconds to start. */
const BACK_MS = 45_000;

/** Relay, router, dispatcher, materializer, tag catalog and three agents; two of them once more as a process. */
const LOOPS = 10;
/** At most: lines in the window (a reason, and another one), the others per second. Polls are most of the statements. */
const BOUNDS = { lines: 2 * LOOPS, statements: 60, postgres: 15, kafka: 40 };
/** Lines until all go on: one more reason (the server starts up), and that it goes on. */
const LINES_IN_ALL = 4 * LOOPS;

interface Phase {
  readonly name: string;
  away(): Promise<void>;
  back(): Promise<void>;
}

const servers = await startOwnServers();
const meter = await meterPostgres(servers.postgres.address);
process.env.TEST_DATABASE_URL = meter.url;
process.env.TEST_KAFKA_BROKERS = servers.kafka.address;

const idle: Phase = { name: "nothing happens", away: async () => {}, back: async () => {} };
const noKafka: Phase = { name: "Kafka is away", away: servers.kafka.stop, back: servers.kafka.start };
const noPostgres: Phase = { name: "Postgres is away", away: servers.postgres.stop, back: servers.postgres.start };
const proxyAlone: Phase = { name: "Postgres' proxy hangs up", away: meter.hangUp, back: meter.goOn };
const lives = [
  { log: "Kafka", env: {}, phases: [idle, noKafka, noPostgres, proxyAlone] },
  { log: "embedded", env: { STREAM_TRANSPORT: "embedded", KAFKA_BROKERS: "" }, phases: [idle, noPostgres, proxyAlone] },
];

const rows = [["log", "while", "lines", "statements/s", "Postgres/s", "Kafka/s", "goes on after", ""]];
let failed = 0;
try {
  for (const { log, env, phases } of lives) {
    await using life = await beginLife(env);
    await life.flows(BACK_MS);
    for (const phase of phases) rows.push([log, phase.name, ...(await tryOut(phase, life, meter))]);
  }
} finally {
  await killLeftCommands();
  await meter[Symbol.asyncDispose]();
  await servers[Symbol.asyncDispose]();
}
console.log(`\n${columns(rows)}\n\nlines: logged by all in ${WINDOW_MS / 1_000} s; Postgres, Kafka: connections tried`);
console.log(`${rows.length - 1 - failed} passed, ${failed} failed`);
process.exit(failed > 0 ? 1 : 0);

/** One outage; a row of the table. */
async function tryOut({ name, away, back }: Phase, life: Life, { seen }: PostgresMeter): Promise<string[]> {
  await away();
  const told = life.listen();
  const before = { ...seen, kafka: life.kafkaConnections() };
  await Bun.sleep(WINDOW_MS);
  const perSecond = (count: number) => (count * 1_000) / WINDOW_MS;
  const counts = {
    lines: told().length,
    statements: perSecond(seen.statements - before.statements),
    postgres: perSecond(seen.connections - before.connections),
    kafka: perSecond(life.kafkaConnections() - before.kafka),
  };
  await back();
  const startedAt = performance.now();
  const flows = await life.flows(BACK_MS).then(
    () => true,
    () => false,
  );
  const after = flows ? `${((performance.now() - startedAt) / 1_000).toFixed(1)} s` : "never";
  const inAll = told();
  const tooLoud = Object.entries(BOUNDS).flatMap(([what, most]) =>
    counts[what as keyof typeof counts] > most ? [`${what} above ${most}`] : [],
  );
  const problems = [
    ...tooLoud,
    ...(flows ? [] : ["does not go on"]),
    ...(inAll.length > LINES_IN_ALL ? [`${inAll.length} lines in all`] : []),
  ];
  if (problems.length > 0) {
    failed += 1;
    for (const line of inAll) console.log(`  ${name}: ${line}`);
  }
  const { lines, statements, postgres, kafka } = counts;
  const numbers = [String(lines), statements.toFixed(1), postgres.toFixed(1), kafka.toFixed(1), after];
  return [...numbers, problems.length > 0 ? `FAILED: ${problems.join(", ")}` : "ok"];
}
