/** A few seconds of what `npm run test:quiet` tries at length: nobody gets loud while a server is away. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { type FaultProxy, startFaultProxy } from "../faults/proxy.ts";
import { killLeftCommands } from "../support/commands.ts";
import { meterPostgres, type PostgresMeter } from "../support/postgres-meter.ts";
import { testServers } from "../support/servers.ts";
import { beginLife, type Life } from "./life.ts";
import { BACK_MS, loudness } from "./outage.ts";

const WINDOW_MS = 3_000;
const TEST_MS = 90_000;

let postgres: PostgresMeter;
let kafka: FaultProxy;
let life: Life;

beforeAll(async () => {
  const { databaseUrl, kafkaBrokers } = await testServers();
  postgres = await meterPostgres(databaseUrl);
  kafka = await startFaultProxy(Number(kafkaBrokers.split(",")[0]?.split(":")[1]), { standsIn: true });
  life = await beginLife({}, { databaseUrl: postgres.url, kafkaBrokers: `127.0.0.1:${kafka.port}` });
  await life.flows(BACK_MS);
}, TEST_MS);

afterAll(async () => {
  await life[Symbol.asyncDispose]();
  await killLeftCommands();
  await Promise.all([postgres[Symbol.asyncDispose](), kafka[Symbol.asyncDispose]()]);
}, TEST_MS);

const away = {
  Postgres: () => ({ name: "", unasked: true, away: postgres.hangUp, back: postgres.goOn }),
  Kafka: () => ({
    name: "",
    away: async () => kafka.set({ kind: "refuse" }),
    back: async () => kafka.set({ kind: "none" }),
  }),
};

test.each(["Postgres", "Kafka"] as const)(
  "given %s that is away, then few lines are logged, little is tried and computed, and all goes on when it is back",
  async (server) => {
    const { problems, inAll } = await loudness(away[server](), life, {
      meters: { postgres, kafka },
      windowMs: WINDOW_MS,
    });
    expect({ problems, inAll: problems.length > 0 ? inAll : [] }).toEqual({ problems: [], inAll: [] });
    expect(inAll.length).toBeGreaterThan(0);
  },
  TEST_MS,
);
