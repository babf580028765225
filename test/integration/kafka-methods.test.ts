import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { createKafkaLog } from "../../src/adapters/kafka/log.ts";
import { loadConfig } from "../../src/config.ts";
import type { Log } from "../../src/engine/log.ts";
import { silentLogger } from "../../src/engine/logger.ts";
import { roundTrip } from "../support/round-trip.ts";
import { noSecuredKafka, type SecuredKafka, securedKafka, type Way } from "../support/secured-kafka.ts";
import { withEnvironment } from "../support/with-environment.ts";

const absent = noSecuredKafka();
if (absent) console.warn(`not tried: the ways to log in to Kafka (${absent})`);

let kafka: SecuredKafka;
const opened: Log[] = [];

function open(env: Record<string, string>): Log {
  const log = createKafkaLog(loadConfig(env, "/").kafka, silentLogger);
  opened.push(log);
  return log;
}

describe.skipIf(absent !== null)("ways to connect", () => {
  beforeAll(async () => {
    kafka = await securedKafka();
  }, 60_000);
  afterAll(async () => {
    await Promise.all(opened.map((log) => log.close()));
  });

  const ways: Way[] = ["none", "tls", "named", "mtls", "plain", "scram-sha-256", "scram-sha-512"];
  test.each(ways)(
    "given KAFKA_AUTH_METHOD and certificates for %s, when a topic is made, written, read and deleted, then all works",
    async (way) => {
      expect(await roundTrip(open(kafka.env(way)))).toEqual(["one", "two", "three"]);
    },
    30_000,
  );

  test("given AWS credentials, when the signed token is checked by a listener that knows the key, then all works", async () => {
    if (!kafka.hasIam) return console.warn("not tried: AWS tokens (no Java compiler for the listener's check)");
    const env = kafka.env("aws-iam");
    await withEnvironment(env, async () => {
      expect(await roundTrip(open(env))).toEqual(["one", "two", "three"]);
    });
  }, 30_000);

  test("given a password by file, when used, then all works", async () => {
    const { KAFKA_SASL_PASSWORD = "", ...env } = kafka.env("scram-sha-512");
    const file = join(dirname(kafka.caFile), "password");
    writeFileSync(file, `${KAFKA_SASL_PASSWORD}\n`);
    expect(await roundTrip(open({ ...env, KAFKA_SASL_PASSWORD_FILE: file }))).toEqual(["one", "two", "three"]);
  }, 30_000);
});
