/**
 * `npm run test:quiet`: how loud everything is while nothing happens, and while Kafka or Postgres is away or silent, on servers of
 * its own that are stopped and started. Counts log lines, statements, connections and processor time. Too many is a failure, and so is
 * a stage that does not go on by itself.
 */
import { columns } from "../../src/cli/format.ts";
import { startFaultProxy } from "../faults/proxy.ts";
import { killLeftCommands } from "../support/commands.ts";
import { startOwnServers } from "../support/own-servers.ts";
import { meterPostgres } from "../support/postgres-meter.ts";
import { beginLife, type Life } from "./life.ts";
import { BACK_MS, loudness, type Measure, type Phase } from "./outage.ts";

const WINDOW_MS = 15_000;

const servers = await startOwnServers();
const address = new URL(servers.postgres.address);
const wire = await startFaultProxy(Number(address.port));
address.port = String(wire.port);
const meter = await meterPostgres(address.href);
const gate = await startFaultProxy(Number(servers.kafka.address.split(":")[1]), { standsIn: true });
const seenServers = { databaseUrl: meter.url, kafkaBrokers: `127.0.0.1:${gate.port}` };

const idle: Phase = { name: "nothing happens", away: async () => {}, back: async () => {} };
const noKafka: Phase = { name: "Kafka is away", away: servers.kafka.stop, back: servers.kafka.start };
const noPostgres: Phase = {
  name: "Postgres is away",
  unasked: true,
  away: servers.postgres.stop,
  back: servers.postgres.start,
};
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
const proxyAlone: Phase = { name: "Postgres' proxy hangs up", unasked: true, away: meter.hangUp, back: meter.goOn };
const lives = [
  { log: "Kafka", env: {}, phases: [idle, noKafka, silentKafka, noPostgres, silentPostgres, proxyAlone] },
  {
    log: "embedded",
    env: { STREAM_TRANSPORT: "embedded", KAFKA_BROKERS: "" },
    phases: [idle, noPostgres, silentPostgres, proxyAlone],
  },
];

const rows = [["log", "while", "lines", "statements/s", "Postgres/s", "Kafka/s", "cores", "goes on after", ""]];
let failed = 0;
try {
  for (const { log, env, phases } of lives) {
    await using life = await beginLife(env, seenServers);
    await life.flows(BACK_MS);
    for (const phase of phases) rows.push([log, phase.name, ...(await tryOut(phase, life))]);
  }
} finally {
  await killLeftCommands();
  await gate[Symbol.asyncDispose]();
  await meter[Symbol.asyncDispose]();
  await wire[Symbol.asyncDispose]();
  await servers[Symbol.asyncDispose]();
}
console.log(
  `\n${columns(rows)}\n\nlines: logged by all in ${WINDOW_MS / 1_000} s; Postgres, Kafka: connections tried; cores: of the busier process`,
);
console.log(`${rows.length - 1 - failed} passed, ${failed} failed`);
process.exit(failed > 0 ? 1 : 0);

/** One outage; a row of the table. */
async function tryOut(phase: Phase, life: Life): Promise<string[]> {
  const found = await loudness(phase, life, { meters: { postgres: meter, kafka: gate }, windowMs: WINDOW_MS });
  const { counts, lastedS, goesOnAfterMs, inAll, problems } = found;
  if (problems.length > 0) {
    failed += 1;
    for (const line of inAll) console.log(`  ${phase.name}: ${line}`);
  }
  const after = goesOnAfterMs === null ? "never" : `${(goesOnAfterMs / 1_000).toFixed(1)} s`;
  const perSecond = (what: Measure, digits: number) => {
    const count = counts[what];
    return count === null ? "-" : (count / lastedS).toFixed(digits);
  };
  const each = (["statements", "postgres", "kafka"] as const).map((what) => perSecond(what, 1));
  const numbers = [String(counts.lines), ...each, perSecond("cpu", 2), after];
  return [...numbers, problems.length > 0 ? `FAILED: ${problems.join(", ")}` : "ok"];
}
