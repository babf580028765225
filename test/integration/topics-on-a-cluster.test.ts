import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { killLeftCommands, runCommand } from "../support/commands.ts";
import { noSecuredKafka, type SecuredKafka, startSecuredKafka } from "../support/secured-kafka.ts";
import { createTestApp, type TestApp } from "../support/test-app.ts";

const TEST_MS = 120_000;
const TOPIC = { name: "work.fetch_link", partitions: 3, config: {}, purpose: "made by hand" };

afterAll(killLeftCommands);

describe.skipIf(noSecuredKafka() !== null)("given a cluster of two brokers", () => {
  let kafka: SecuredKafka;
  let world: TestApp;
  const init = (...args: string[]) => runCommand(["kafka:init", ...args], world.env, { withinMs: 60_000 });
  const stateOf = async (name: string) => (await world.app.log.describeTopics([name])).topics[0];

  beforeAll(async () => {
    kafka = await startSecuredKafka({ brokers: 2 });
    world = await createTestApp(kafka.env("none"), { bare: true });
  }, TEST_MS);

  afterAll(async () => {
    await world[Symbol.asyncDispose]();
    await kafka[Symbol.asyncDispose]();
  });

  test(
    "when topics are planned, made, and made again, then they have two copies, and a plan changes nothing",
    async () => {
      await world.app.log.createTopics([{ ...TOPIC, replication: 1 }]);
      const plan = await init("--dry-run");
      const before = await world.app.log.describeTopics(["events.raw"]);
      const made = await init();
      const again = await init();

      expect(plan.stdout).toMatch(/events\.raw +would be created +3 partitions, 2 copies/);
      expect(before.topics).toEqual([]);
      expect(made.code).toBe(0);
      expect(made.stdout).toContain("replication 2, min.insync.replicas 1");
      expect((await stateOf("events.raw"))?.replicas.map((holders) => holders.length)).toEqual([2, 2, 2]);
      expect((await stateOf("events.raw"))?.config?.["min.insync.replicas"]).toBe("1");
      expect(again.stdout.match(/unchanged/g)).toHaveLength(6);
    },
    TEST_MS,
  );

  test(
    "when a topic has one copy only, then it is said how to add the other, partition by partition",
    async () => {
      const { code, stdout } = await init();

      const plan = stdout.split("\n").find((line) => line.startsWith('{"version":1'));
      const { partitions } = JSON.parse(plan ?? "{}") as { partitions: { topic: string; replicas: number[] }[] };
      expect(code).toBe(0);
      expect(stdout).toContain("work.fetch_link (1 of 2)");
      expect(stdout).toContain("kafka-reassign-partitions.sh --bootstrap-server");
      expect(partitions.map(({ topic }) => topic)).toEqual(
        Array(3).fill(`${world.env.KAFKA_TOPIC_PREFIX}work.fetch_link`),
      );
      expect(partitions.map(({ replicas }) => replicas.toSorted())).toEqual(Array(3).fill([1, 2]));
    },
    TEST_MS,
  );

  test(
    "when settings drifted, then they are set back; the number that must be written, too",
    async () => {
      await world.app.log.configureTopic("events.raw", { "min.insync.replicas": "2", "retention.ms": "1000" });

      const { stdout } = await init();

      expect(stdout).toMatch(/events\.raw +repaired +retention\.ms=604800000, min\.insync\.replicas=1\n/);
      expect((await stateOf("events.raw"))?.config?.["min.insync.replicas"]).toBe("1");
    },
    TEST_MS,
  );

  test(
    "when more partitions are asked for, then they come only with --yes, after a word on order, and stay over a reset",
    async () => {
      const asked = await init("--partitions", "events.raw=6");
      const partitionsThen = (await stateOf("events.raw"))?.replicas.length;
      const planned = await init("--partitions", "events.raw=6", "--yes", "--dry-run");
      const added = await init("--partitions", "events.raw=6", "--yes");
      const partitionsNow = (await stateOf("events.raw"))?.replicas.length;
      const odd = await init("--partitions", "events.raw=7", "--yes");
      expect((await runCommand(["db:migrate"], world.env)).code).toBe(0);
      const reset = await runCommand(["kafka:reset", "--yes"], world.env);

      expect(asked.code).toBe(1);
      expect(asked.stdout).toMatch(/events\.raw +unchanged +3 partitions; 6 only with --yes/);
      expect(asked.stdout).toContain("Events stay in order");
      expect(partitionsThen).toBe(3);
      expect(planned.code).toBe(0);
      expect(added.code).toBe(0);
      expect(added.stdout).toMatch(/events\.raw +repaired +3 -> 6 partitions/);
      expect(partitionsNow).toBe(6);
      expect(odd.code).toBe(1);
      expect(odd.stdout).toContain("ask for 12");
      expect(reset.code).toBe(0);
      expect((await stateOf("events.raw"))?.replicas).toHaveLength(6);
    },
    TEST_MS,
  );

  test("when a topic is asked for that there is none of, then that is wrong usage", async () => {
    const { code, stderr } = await init("--partitions", "events=6");

    expect(code).toBe(2);
    expect(stderr).toContain("--partitions takes TOPIC=COUNT");
  });
});
