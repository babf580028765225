import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { Admin, Consumer } from "@platformatic/kafka";
import { createAccessList } from "../../src/adapters/kafka/access-list.ts";
import { causes } from "../../src/adapters/kafka/causes.ts";
import { clientOptions } from "../../src/adapters/kafka/client-options.ts";
import { createKafkaLog } from "../../src/adapters/kafka/log.ts";
import { type KafkaConfig, loadConfig } from "../../src/config.ts";
import { RefusedError } from "../../src/engine/errors.ts";
import { silentLogger } from "../../src/engine/logger.ts";
import { rolesOf } from "../../src/pipeline/roles.ts";
import { killLeftCommands, runCommand, startCommand } from "../support/commands.ts";
import { servePages, type TestPages } from "../support/pages.ts";
import { noSecuredKafka, type SecuredKafka, securedKafka, type User } from "../support/secured-kafka.ts";
import { settled } from "../support/settled.ts";
import { createTestApp, type TestApp, until } from "../support/test-app.ts";

const TEST_MS = 120_000;
const STAGES = {
  relay: "kafka:publish",
  router: "router",
  materializer: "kafka:materialize",
  fetcher: "agent:fetcher",
  enricher: "agent:enricher",
  publisher: "agent:publisher",
} as const;
const ROLES = [...Object.keys(STAGES), "admin", "reader"] as (keyof typeof STAGES | "admin" | "reader")[];

afterAll(killLeftCommands);

describe.skipIf(noSecuredKafka() !== null)("given a Kafka that refuses whatever was not granted", () => {
  let kafka: SecuredKafka;
  let pages: TestPages;
  let world: TestApp;
  /** The environment of a command that logs in as this user. */
  const as = (user: User) => ({ ...world.env, ...kafka.env("scram-sha-512", user) });
  const run = (user: User, ...args: string[]) => runCommand(args, as(user), { withinMs: 60_000 });
  const configOf = (user: User): KafkaConfig => loadConfig(as(user), "/").kafka;

  beforeAll(async () => {
    kafka = await securedKafka();
    pages = await servePages();
    world = await createTestApp({ ...kafka.env("none"), FETCH_ALLOW_HOSTS: pages.host }, { bare: true });
    expect((await run("owner", "db:migrate")).code).toBe(0);
  }, TEST_MS);

  afterAll(async () => {
    await world[Symbol.asyncDispose]();
    await pages[Symbol.asyncDispose]();
  });

  test(
    "when an administrator grants the rights twice, then the second time there is nothing to grant",
    async () => {
      const first = await run("owner", "kafka:init", "--acls", "--principal-prefix", "");
      const second = await run("owner", "kafka:init", "--acls", "--principal-prefix", "");

      expect(first).toMatchObject({ code: 0, stderr: "" });
      expect(first.stdout).toContain(`${"User:fetcher".padEnd(28)} 2 granted, 0 there before`);
      expect(second.code).toBe(0);
      expect(second.stdout).toContain(`${"User:fetcher".padEnd(28)} 0 granted, 2 there before`);
      // The broker serves other files too, under prefixes of their own.
      const ours = second.stdout.split("\n").filter((line) => line.includes(world.env.KAFKA_TOPIC_PREFIX ?? ""));
      expect(ours.filter((line) => line.startsWith("more than it needs"))).toEqual([]);
    },
    TEST_MS,
  );

  test(
    "when the topics are looked after by their own login, then it can create, repair, enlarge and recreate them",
    async () => {
      const created = await run("admin", "kafka:init");
      await world.app.log.configureTopic("events.raw", { "retention.ms": "1000" });
      const repaired = await run("admin", "kafka:init", "--partitions", "work.fetch_link=6", "--yes");
      const reset = await run("admin", "kafka:reset", "--yes");
      const after = await run("admin", "kafka:init");

      expect(created.stdout).toMatch(/events\.raw +created +3 partitions/);
      expect(repaired.stdout).toMatch(/events\.raw +repaired +retention\.ms=604800000/);
      expect(repaired.stdout).toMatch(/work\.fetch_link +repaired +3 -> 6 partitions/);
      expect(reset).toMatchObject({ code: 0, stderr: "" });
      expect(after.stdout.match(/unchanged +as it should be/g)).toHaveLength(6);
    },
    TEST_MS,
  );

  test(
    "when each stage runs under its own login, then a link goes all the way, and the reader sees it",
    async () => {
      const stages = Object.entries(STAGES).map(([user, stage]) => startCommand([stage], as(user as User)));
      const added = await run("stranger", "add", "link", `${pages.origin}/ok/1`, "--public");
      expect(added.code).toBe(0);

      await until(
        async () => (await world.app.db`select 1 from lifestream.links where status = 'published'`).length > 0,
      );
      await until(() => settled(world.app));
      const status = await run("reader", "status");

      expect(status.code).toBe(0);
      expect(status.stdout.match(/caught up/g)).toHaveLength(5);
      for (const stage of stages) expect(await stage.stop()).toMatchObject({ code: 0 });
    },
    TEST_MS,
  );

  test(
    "when each stage runs until caught up under its own login, then it ends well",
    async () => {
      for (const [user, stage] of Object.entries(STAGES)) {
        expect(await run(user as User, stage, "--once")).toMatchObject({ code: 0 });
      }
    },
    TEST_MS,
  );

  test.each(ROLES)(
    "when %s tries everything, then it can do its part and is refused all else",
    async (user) => {
      const { topics } = world.app.registry;
      const rights = rolesOf(world.app.registry).find((role) => role.name === user)?.rights ?? [];
      const mayOn = (operation: string, topic: string) =>
        rights.some((right) => right.kind === "topic" && right.operation === operation && right.name === topic);
      const log = createKafkaLog(configOf(user), silentLogger);
      const record = { key: "k", value: "not an event", headers: {} };
      const grant = { principal: "User:stranger", kind: "topic", name: "x", operation: "read" } as const;
      const tries: { what: string; may: boolean; run: () => Promise<unknown> }[] = [
        ...topics.map(({ name }) => ({
          what: `read ${name}`,
          may: mayOn("read", name),
          run: () => readFrom(configOf(user), name),
        })),
        ...topics.map(({ name }) => ({
          what: `write ${name}`,
          may: mayOn("write", name),
          run: () => log.append(name, [record]),
        })),
        { what: "create", may: false, run: () => log.createTopics([{ ...ANOTHER_TOPIC, replication: 1 }]) },
        { what: "grant", may: false, run: () => createAccessList(configOf(user)).add([grant]) },
        {
          what: "alter",
          may: user === "admin",
          run: () => log.configureTopic("events.raw", { "retention.ms": "5000" }),
        },
        { what: "delete", may: user === "admin", run: () => log.deleteTopics(["work.dead_letter"]) },
      ];

      const outcomes: string[] = [];
      for (const { what, run } of tries) outcomes.push(`${what}: ${await outcomeOf(run())}`);
      await log.close();

      expect(outcomes).toEqual(tries.map(({ what, may }) => `${what}: ${may ? "done" : "denied"}`));
      if (user === "admin") expect((await run("admin", "kafka:init")).code).toBe(0);
    },
    TEST_MS,
  );

  test(
    "when a login without rights runs a stage, then one sentence names what it lacks",
    async () => {
      const stage = await run("stranger", "agent:fetcher", "--once");
      const init = await run("fetcher", "kafka:init");
      const grant = await run("admin", "kafka:init", "--acls");

      expect(stage.code).toBe(1);
      expect(stage.stderr).toMatch(
        /the user "stranger" may not use the topic \S*work\.fetch_link: an administrator can grant it/,
      );
      expect(init.code).toBe(1);
      expect(init.stdout).toMatch(/events\.raw +denied/);
      expect(init.stderr).toContain("not done: events.raw");
      expect(grant).toMatchObject({ code: 1 });
      expect(grant.stderr).toContain("this login may not change access rights");
    },
    TEST_MS,
  );
});

const ANOTHER_TOPIC = { name: "another.topic", partitions: 1, config: {}, purpose: "none" };

/** Whether it worked, or was refused for want of a right; any other failure is told. */
async function outcomeOf(attempt: Promise<unknown>): Promise<string> {
  try {
    await attempt;
    return "done";
  } catch (error) {
    const denied = [...causes(error)].some((inner) => /_AUTHORIZATION_FAILED$/.test(String(inner.apiId)));
    return denied || (error instanceof RefusedError && / may not use /.test(error.message)) ? "denied" : String(error);
  }
}

/** Fetches without a group, as whoever only wants to look would. */
async function readFrom(config: KafkaConfig, topic: string): Promise<void> {
  const name = config.topicPrefix + topic;
  const options = { ...clientOptions(config), retries: 0 };
  const consumer = new Consumer({ ...options, groupId: "any" });
  const admin = new Admin(options);
  try {
    const metadata = await admin.metadata({ topics: [name] });
    const found = metadata.topics.get(name);
    const partition = {
      partition: 0,
      currentLeaderEpoch: -1,
      fetchOffset: 0n,
      lastFetchedEpoch: -1,
      partitionMaxBytes: 1_000,
    };
    const topics = [{ topicId: found?.id ?? "", partitions: [partition] }];
    await consumer.fetch({ node: found?.partitions[0]?.leader ?? 1, topics, maxWaitTime: 10 });
  } finally {
    await Promise.allSettled([consumer.close(true), admin.close()]);
  }
}
