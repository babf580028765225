import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { createKafkaLog } from "../../src/adapters/kafka/log.ts";
import { loadConfig } from "../../src/config.ts";
import { type Logger, silentLogger } from "../../src/engine/logger.ts";
import { killLeftCommands, runCommand, startCommand } from "../support/commands.ts";
import { grant, revoke } from "../support/rights.ts";
import { noSecuredKafka, type SecuredKafka, securedKafka } from "../support/secured-kafka.ts";
import { createTestApp, type TestApp, until } from "../support/test-app.ts";

const absent = noSecuredKafka();
if (absent) console.warn(`not tried: rights that are taken away while a stage runs (${absent})`);

/** The pauses of a refused stage grow to half a minute. */
const TEST_MS = 120_000;

describe.skipIf(absent !== null)("rights that are taken away while a stage runs", () => {
  let kafka: SecuredKafka;
  let world: TestApp;

  beforeAll(async () => {
    kafka = await securedKafka();
    world = await createTestApp(kafka.env("none"));
  }, TEST_MS);
  afterAll(async () => {
    await killLeftCommands();
    await world?.[Symbol.asyncDispose]();
  }, TEST_MS);

  test(
    "given a relay that may no longer write, when the right is back, then it goes on by itself, after one line",
    async () => {
      const { KAFKA_TOPIC_PREFIX: prefix = "" } = world.env;
      const events = `${prefix}events.raw`;
      const topics = world.app.registry.topics.map(({ name }) => prefix + name);
      await grant(kafka, "relay", { topics, operations: ["describe"] });
      await grant(kafka, "relay", { topics: [events], operations: ["write"] });
      const relay = startCommand(["kafka:publish"], { ...world.env, ...kafka.env("scram-sha-512", "relay") });
      await add("first");
      await until(allForwarded, 30_000);

      await revoke(kafka, "relay", { topics: [events], operations: ["write"] });
      await add("second");
      await until(async () => warnings(relay.printed().stderr).length > 0, 30_000);
      // Every further event wakes the relay: it must not knock, and write a line, each time.
      for (let at = 0; at < 5; at++) await add(`waiting ${at}`);
      expect(await allForwarded()).toBe(false);

      await grant(kafka, "relay", { topics: [events], operations: ["write"] });
      await until(allForwarded, 90_000);
      const { code, stderr } = await relay.stop();
      expect(warnings(stderr)).toEqual([
        `waiting: Kafka: the user "relay" may not use the topic ${events}: an administrator can grant it ("npm run kafka:init -- --acls"); nothing is lost, it goes on by itself once that is mended`,
      ]);
      expect(code).toBe(0);
    },
    TEST_MS,
  );

  test(
    "given a reader that may no longer read, when the right is back, then it reads on, after one line",
    async () => {
      const topic = `rights-${crypto.randomUUID()}`;
      const owner = createKafkaLog(loadConfig(kafka.env("none"), "/").kafka, silentLogger);
      await owner.createTopics([{ name: topic, partitions: 1, replication: 1, config: {}, purpose: "" }]);
      await grant(kafka, "fetcher", { topics: [topic], groups: [topic], operations: ["read", "describe"] });
      const lines: string[] = [];
      const warn = (line: string) => void lines.push(line);
      const logger: Logger = { ...silentLogger, warn };
      const log = createKafkaLog(loadConfig(kafka.env("plain", "fetcher"), "/").kafka, logger);
      const done = new AbortController();
      const read: string[] = [];
      const reading = (async () => {
        const options = { group: topic, topics: [topic], maxBatch: 10, signal: done.signal };
        const startAt = async () => new Map([[`${topic}:0`, read.length]]);
        for await (const batch of log.subscribe({ ...options, startAt })) {
          read.push(...batch.records.map(({ value }) => Buffer.from(value ?? []).toString()));
        }
      })();
      const send = (value: string) => owner.append(topic, [{ key: "k", value, headers: {} }]);
      await send("first");
      await until(async () => read.length === 1);

      await revoke(kafka, "fetcher", { topics: [topic], operations: ["read", "describe"] });
      await send("second");
      await until(async () => lines.length > 0, 30_000);
      await grant(kafka, "fetcher", { topics: [topic], operations: ["read", "describe"] });
      await until(async () => read.length === 2, 90_000);
      expect(read).toEqual(["first", "second"]);
      expect(new Set(lines)).toEqual(
        new Set([
          `waiting: Kafka: the user "fetcher" may not use the topic ${topic}: an administrator can grant it ("npm run kafka:init -- --acls"); nothing is lost, it goes on by itself once that is mended`,
        ]),
      );
      expect(lines).toHaveLength(1);
      done.abort();
      await reading;
      await Promise.all([log.close(), owner.close()]);
    },
    TEST_MS,
  );

  const add = (title: string) => runCommand(["add", "todo", title], world.env);
  const allForwarded = async () => {
    const [row] = await world.app.db<{ open: number }[]>`
      select count(*)::int as open from lifestream.events where not published_to_kafka`;
    return row?.open === 0;
  };
});

/** What a process of ours logged as a warning or worse. */
function warnings(stderr: string): string[] {
  const lines = stderr.split("\n").filter((line) => line.startsWith("{"));
  return lines.map((line) => JSON.parse(line)).flatMap(({ level, msg }) => (level >= 40 ? [msg as string] : []));
}
