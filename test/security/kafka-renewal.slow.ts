import { afterEach, beforeAll, describe, expect, spyOn, test } from "bun:test";
import { Connection } from "@platformatic/kafka";
import { createKafkaLog } from "../../src/adapters/kafka/log.ts";
import { loadConfig } from "../../src/config.ts";
import type { Log, RecordBatch } from "../../src/engine/log.ts";
import { silentLogger } from "../../src/engine/logger.ts";
import { noSecuredKafka, type SecuredKafka, securedKafka, type Way } from "../support/secured-kafka.ts";
import { withEnvironment } from "../support/with-environment.ts";

const absent = noSecuredKafka();
if (absent) console.warn(`not tried: logins that are renewed while records flow (${absent})`);

const TEST_MS = 90_000;
/** Of all connections together: a producer and a consumer have three to five. */
const RENEWALS = 15;
/** Nobody waits for a new connection or a retry; on an idle machine the longest was 30 ms. */
const PAUSE_MS = 1_500;

describe.skipIf(absent !== null)("logins that end while records flow", () => {
  let kafka: SecuredKafka;
  const renewed = spyOn(Connection.prototype, "reauthenticate");
  const connected = spyOn(Connection.prototype, "connect");

  beforeAll(async () => {
    kafka = await securedKafka();
  }, TEST_MS);
  afterEach(() => {
    renewed.mockClear();
    connected.mockClear();
  });

  test.each<Way>(["scram-sha-512", "aws-iam"])(
    "given %s logins of three seconds, when records flow over many renewals, then none is lost, doubled or delayed",
    async (way) => {
      if (way === "aws-iam" && !kafka.hasIam) return console.warn("not tried: AWS tokens (no Java compiler)");
      const env = { ...kafka.env(way), KAFKA_BROKERS: kafka.brokers("reauth") };
      await withEnvironment(env, async () => {
        const log = createKafkaLog(loadConfig(env, "/").kafka, silentLogger);
        try {
          const { sent, read, longestMs, connectedLater } = await flow(log);
          expect(read).toEqual(sent);
          expect(longestMs).toBeLessThan(PAUSE_MS);
          expect(connectedLater).toBe(0);
        } finally {
          await log.close();
        }
      });
    },
    TEST_MS,
  );

  /** One record after the other, each awaited at the far end, until enough logins were renewed. */
  async function flow(log: Log) {
    const topic = `renewal-${crypto.randomUUID()}`;
    await log.createTopics([{ name: topic, partitions: 1, replication: 1, config: {}, purpose: "" }]);
    const done = new AbortController();
    const startAt = async () => new Map<string, number>();
    const subscription = log.subscribe({ group: topic, topics: [topic], maxBatch: 10, signal: done.signal, startAt });
    const read: string[] = [];
    const batches = subscription[Symbol.asyncIterator]();
    const sent: string[] = [];
    const next = async () => {
      sent.push(`record ${sent.length}`);
      await log.append(topic, [{ key: "k", value: sent.at(-1) ?? "", headers: {} }]);
      while (read.length < sent.length) {
        const batch: IteratorResult<RecordBatch> = await batches.next();
        if (batch.done) throw new Error("the subscription ended");
        read.push(...batch.value.records.map(({ value }) => Buffer.from(value ?? []).toString()));
      }
    };
    await next(); // Opens every connection there will be.
    const before = connected.mock.calls.length;
    let longestMs = 0;
    while (renewed.mock.calls.length < RENEWALS) {
      const startedAt = performance.now();
      await next();
      longestMs = Math.max(longestMs, performance.now() - startedAt);
    }
    done.abort();
    await batches.return?.(undefined);
    return { sent, read, longestMs, connectedLater: connected.mock.calls.length - before };
  }
});
