/**
 * `npm run test:quiet`: how loud everything is while nothing happens, and while Kafka or Postgres is away or silent, on servers of
 * its own that are stopped and started. Counts log lines, statements and connections. Too many is a failure, and so is
 * a stage that does not go on by itself.
 */
import { columns } from "../../src/cli/format.ts";
import { startFaultProxy } from "../faults/proxy.ts";
import { killLeftCommands } from "../support/commands.ts";
import { startOwnServers } from "../support/own-servers.ts";
import { meterPostgres, type PostgresMeter } from "../support/postgres-meter.ts";
import { beginLife, type Life } from "./life.ts";
import { BACK_MS, loudness, type Phase } from "./outage.ts";

const WINDOW_MS = 15_000;

const servers = await startOwnServers();
const address = new URL(servers.postgres.address);
const wire = await startFaultProxy(Number(address.port));
address.port = String(wire.port);
const meter = await meterPostgres(address.href);
process.env.TEST_DATABASE_URL = meter.url;
process.env.TEST_KAFKA_BROKERS = servers.kafka.address;

const idle: Phase = { name: "nothing happens", away: async () => {}, back: async () => {} };
const noKafka: Phase = { name: "Kafka is away", away: servers.kafka.stop, back: servers.kafka.start };
const noPostgres: Phase = { name: "Postgres is away", away: servers.postgres.stop, back: servers.postgres.start };
/** Connections stay open and nobody answers, as with a machine that lost its power. */
const silentKafka: Phase = {
  name: "Kafka is silent",
  away: async () => servers.kafka.freeze(),
  back: async () => servers.kafka.thaw(),
};
const silentPostgres: Phase = {
  name: "Postgres is silent",
  away: async () => wire.set({ kind: "hold" }),
  back: async () => wire.set({ kind: "none" }),
};
const proxyAlone: Phase = { name: "Postgres' proxy hangs up", away: meter.hangUp, back: meter.goOn };
const lives = [
  { log: "Kafka", env: {}, phases: [idle, noKafka, silentKafka, noPostgres, silentPostgres, proxyAlone] },
  {
    log: "embedded",
    env: { STREAM_TRANSPORT: "embedded", KAFKA_BROKERS: "" },
    phases: [idle, noPostgres, silentPostgres, proxyAlone],
  },
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
  await wire[Symbol.asyncDispose]();
  await servers[Symbol.asyncDispose]();
}
console.log(
  `\n${columns(rows)}\n\nlines: logged by all in ${WINDOW_MS / 1_000} s; Postgres, Kafka: connections tried, after the first few`,
);
console.log(`${rows.length - 1 - failed} passed, ${failed} failed`);
process.exit(failed > 0 ? 1 : 0);

/** One outage; a row of the table. */
async function tryOut(phase: Phase, life: Life, { seen }: PostgresMeter): Promise<string[]> {
  const found = await loudness(phase, life, { seen, windowMs: WINDOW_MS });
  const { lines, statements, postgres, kafka, goesOnAfterMs, inAll, problems } = found;
  if (problems.length > 0) {
    failed += 1;
    for (const line of inAll) console.log(`  ${phase.name}: ${line}`);
  }
  const after = goesOnAfterMs === null ? "never" : `${(goesOnAfterMs / 1_000).toFixed(1)} s`;
  const numbers = [String(lines), statements.toFixed(1), postgres.toFixed(1), kafka.toFixed(1), after];
  return [...numbers, problems.length > 0 ? `FAILED: ${problems.join(", ")}` : "ok"];
}
