import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadConfig } from "../config.ts";
import { writeStackEnv } from "../stack/stack-env.ts";
import { chooseTransport, transportInUse } from "./transport.ts";

const home = mkdtempSync(join(tmpdir(), "stream-transport-"));
afterAll(() => rmSync(home, { recursive: true, force: true }));

const config = (env: Record<string, string> = {}) => loadConfig({ STREAM_HOME: home, ...env }, home);
const here = { runs: "java", why: "Java runs it here" } as const;
const nothing = { runs: null, why: "no Java 17 and no Docker here" } as const;
const never = () => {
  throw new Error("nobody needs to know whether a Kafka can run here");
};

test("given a Kafka that can run here, when servers are started, then it is Kafka; else it is Postgres, and says why", () => {
  expect(chooseTransport(config(), () => here)).toEqual({ kind: "kafka", why: "Java runs it here" });
  expect(chooseTransport(config(), () => nothing)).toEqual({ kind: "embedded", why: nothing.why });
});

test("given brokers, when servers are started, then it is Kafka whatever this machine has", () => {
  const named = { kind: "kafka", why: "KAFKA_BROKERS names it" } as const;
  expect(chooseTransport(config({ KAFKA_BROKERS: "k:9092" }), never)).toEqual(named);
  expect(transportInUse(config({ KAFKA_BROKERS: "k:9092" }), never)).toEqual(named);
});

test("given STREAM_TRANSPORT, when a command runs, then it decides, also against brokers", () => {
  const asked = { kind: "embedded", why: "STREAM_TRANSPORT says so" } as const;
  const env = { STREAM_TRANSPORT: "embedded", KAFKA_BROKERS: "k:9092" };
  expect(chooseTransport(config(env), never)).toEqual(asked);
  expect(transportInUse(config(env), never)).toEqual(asked);
  expect(chooseTransport(config({ STREAM_TRANSPORT: "kafka" }), never).kind).toBe("kafka");
  expect(() => config({ STREAM_TRANSPORT: "rabbit" })).toThrow("STREAM_TRANSPORT");
});

test("given a stack that runs, when a command in another terminal looks, then it finds the same log", () => {
  writeStackEnv(home, { DATABASE_URL: "postgres://h/d", STREAM_TRANSPORT: "embedded" });
  expect(transportInUse(config(), () => nothing)).toEqual({ kind: "embedded", why: nothing.why });
  expect(transportInUse(config(), () => here).why).toBe("the local stack was started with it");
  writeStackEnv(home, { DATABASE_URL: "postgres://h/d", KAFKA_BROKERS: "127.0.0.1:9" });
  expect(transportInUse(config(), never)).toEqual({ kind: "kafka", why: "the local stack runs it" });
});

test("given neither settings nor a stack, when a command looks, then it is told what to do, and nothing is guessed", () => {
  writeStackEnv(home, {});
  expect(() => transportInUse(config(), never)).toThrow("no Kafka: set KAFKA_BROKERS, or STREAM_TRANSPORT=embedded");
});
