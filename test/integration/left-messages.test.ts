/** The first system's messages are in the topics, and its groups' positions in Kafka, when everything is started. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { Admin } from "@platformatic/kafka";
import { upgradeDatabase } from "../../src/adoption/upgrade.ts";
import { domains } from "../../src/app.ts";
import { linkSubjectId, normalizeUrl } from "../../src/domains/links/subject.ts";
import { ingest } from "../../src/pipeline/ingest.ts";
import { ensureTopics } from "../../src/pipeline/topics.ts";
import { verify } from "../../src/rebuild/verify.ts";
import { lagOf } from "../../src/stages.ts";
import { runCommand } from "../support/commands.ts";
import { buildFirstSystem, removeRowsWithoutId } from "../support/first-system/build.ts";
import { leaveMessages } from "../support/first-system/leave-messages.ts";
import { readTopic } from "../support/read-topic.ts";
import { isApplied, settled } from "../support/settled.ts";
import { createTestApp, type TestApp, until } from "../support/test-app.ts";

const TEST_MS = 60_000;
const GROUPS = [
  ["router-v1", "events.raw"],
  ["materializer-v1", "events.raw"],
  ["fetcher-agent-v2", "work.fetch_link"],
  ["enricher-agent-v2", "work.enrich_link"],
  ["publisher-agent-v2", "work.publish_link"],
] as const;

/** Says in Kafka that a group is as far as `offset` in partition 0. */
async function commit({ env }: TestApp, group: string, topic: string, offset: number): Promise<void> {
  const admin = new Admin({ clientId: "test", bootstrapBrokers: (env.KAFKA_BROKERS ?? "").split(",") });
  const partitionOffsets = [{ partition: 0, offset: BigInt(offset) }];
  await admin.alterConsumerGroupOffsets({
    groupId: `${env.KAFKA_TOPIC_PREFIX}${group}`,
    topics: [{ name: `${env.KAFKA_TOPIC_PREFIX}${topic}`, partitionOffsets }],
  });
  await admin.close();
}

const caughtUp = async ({ app }: TestApp) => {
  for (const [group, topic] of GROUPS) if ((await lagOf(app, group, [topic])) > 0) return false;
  return true;
};

describe("messages that the first system left in the topics", () => {
  /** What agents were asked to do. */
  const asked: string[] = [];
  let world: TestApp;
  let left: Record<string, number>;

  beforeAll(async () => {
    world = await createTestApp(
      {},
      {
        bare: true,
        domains: (config, agents) =>
          domains(
            config,
            agents.map((agent) => ({
              ...agent,
              async run({ subjectId }) {
                asked.push(`${agent.name} ${subjectId}`);
                return [];
              },
            })),
          ),
      },
    );
    const { db, log, registry } = world.app;
    await buildFirstSystem(db, { events: 300, waiting: 2 });
    await removeRowsWithoutId(db);
    await upgradeDatabase(world.app, () => {});
    await ensureTopics(log, registry.topics);
    left = await leaveMessages(world.app);
    const ofAnother = {
      subject_id: "link:0123456789abcdef",
      work_type: "fetch_link",
      correlation_id: crypto.randomUUID(),
      triggered_by_event_id: "11111111-2222-4333-8444-555555555555",
      attempt: 1,
      max_attempts: 3,
      created_at: "2024-03-01T08:00:00.123Z",
      payload: { url: "https://elsewhere.example/" },
    };
    const headers = { work_type: "fetch_link", attempt: "1" };
    await log.append("work.fetch_link", [{ key: ofAnother.subject_id, value: JSON.stringify(ofAnother), headers }]);
    await commit(world, "router-v1", "events.raw", 3);
    await commit(world, "fetcher-agent-v2", "work.fetch_link", 2);
    await world.runUntil(world.stages(), async () => (await settled(world.app)) && (await caughtUp(world)));
  }, TEST_MS);
  afterAll(() => world[Symbol.asyncDispose](), TEST_MS);

  test("given work that was done or given up, when its messages are read, then only what nobody did is done", async () => {
    const waiting = await world.app.db<{ asked: string }[]>`
      select 'fetcher ' || subject_id as asked from lifestream.work
      where work_type = 'fetch_link' and status = 'done' and agent is not null order by 1`;
    expect(waiting).toHaveLength(2);
    expect(asked.filter((one) => !one.startsWith("publisher")).sort()).toEqual(waiting.map((row) => row.asked));
    expect(new Set(asked).size).toBe(asked.length);
  });

  test("given all of them, when they are read, then they are understood but for what nobody could make anything of", async () => {
    const { db } = world.app;
    const aside = await db<{ topic: string; error_class: string; error: string }[]>`
      select distinct topic, error_class, error from lifestream.dead_letters order by topic, error_class`;
    expect(aside.map(({ topic, error_class }) => `${topic} ${error_class}`)).toEqual([
      "events.raw sql_22021",
      "events.raw sql_22P05",
      "events.raw sql_54000",
      "events.raw unknown_event_type",
      "events.raw wrong_shape",
      "work.fetch_link unknown_event",
    ]);
    expect(aside.at(-1)?.error).toBe(
      "the event 11111111-2222-4333-8444-555555555555, which asks for this work, is not in the ledger: the message is from another system",
    );
    expect(left["work.enrich_link"]).toBeGreaterThan(10);
  });

  test("given its ledger twice in the topic, its way and ours, then the tables are what the ledger gives", async () => {
    const { registry, db, clock, random } = world.app;
    const { signal } = new AbortController();
    const report = await verify({ registry, projections: registry.projections, db, clock, random, signal });
    expect(report.tables.filter(({ differing }) => differing > 0)).toEqual([]);
    expect(report).toMatchObject({ onTheirWay: 0, doubled: [], overspent: [] });
  });

  test("given its own positions in the database, then ours take their place", async () => {
    const rows = await world.app.db<{ consumer_group: string; topic_id: string | null }[]>`
      select consumer_group, topic_id from lifestream.kafka_offsets where topic_id is null`;
    expect(rows.map((row) => row.consumer_group)).toEqual(["flink-materializer-v1"]);
  });

  test("given its dead letters, then they stay beside ours", async () => {
    const [ours] = await world.app.db<{ dead: number }[]>`
      select count(*) as dead from lifestream.work where status = 'dead'`;
    expect(left["work.dead_letter"]).toBeGreaterThan(0);
    expect(await readTopic(world, "work.dead_letter")).toHaveLength(
      (left["work.dead_letter"] ?? 0) + (ours?.dead ?? 0),
    );
  });

  test(
    "given the message of another system, when it is redriven, then it stays aside with its reason",
    async () => {
      const { db } = world.app;
      const record = () => db<{ id: string; status: string; tries: number }[]>`
        select id, status, tries from lifestream.dead_letters where error_class = 'unknown_event'`;
      const [before] = await record();
      const redriven = await runCommand(["dlq", "redrive", before?.id ?? ""], world.env);
      expect(redriven).toMatchObject({ code: 0, stderr: "" });
      await world.runUntil(world.stages(), async () => (await record())[0]?.tries === 1);
      expect(await record()).toMatchObject([{ status: "open" }]);
    },
    TEST_MS,
  );
});

describe("positions that the first system's groups have committed", () => {
  /** Events of its own ledger, which ours does not hold: what is read of them shows. */
  async function leaveLinks(world: TestApp, count: number): Promise<void> {
    const records = Array.from({ length: count }, (_, n) => {
      const url = `https://left.example/${n}`;
      const row = {
        id: crypto.randomUUID(),
        occurred_at: "2024-03-01T08:00:00.123Z",
        source: "chrome",
        subject: "link",
        subject_id: linkSubjectId(normalizeUrl(url)),
        event_type: "link.added",
        payload: { url, url_norm: url, source: "chrome" },
      };
      // One key, so that all of them are in one partition.
      return { key: "left", value: JSON.stringify(row), headers: { event_type: "link.added", source: "chrome" } };
    });
    await world.app.log.append("events.raw", records);
  }

  const claimed = async ({ app }: TestApp) => {
    const rows = await app.db<{ url: string }[]>`
      select payload ->> 'url' as url from lifestream.work where work_type = 'fetch_link' order by created_at, 1`;
    return rows.map(({ url }) => url.replace("https://left.example/", ""));
  };
  const routed = (world: TestApp) => async () => (await lagOf(world.app, "router-v1", ["events.raw"])) === 0;

  test(
    "given a database that never sent its ledger anywhere, then they count: what they passed was done",
    async () => {
      await using world = await createTestApp({}, { partitions: 1 });
      await leaveLinks(world, 5);
      await commit(world, "router-v1", "events.raw", 3);
      await world.runUntil(world.some("router", "dispatcher"), routed(world));
      expect(await claimed(world)).toEqual(["3", "4"]);
    },
    TEST_MS,
  );

  test(
    "given a position after the end, as that of a topic that was deleted, then reading begins at the beginning",
    async () => {
      await using world = await createTestApp({}, { partitions: 1 });
      await leaveLinks(world, 5);
      await commit(world, "router-v1", "events.raw", 3_000);
      await world.runUntil(world.some("router", "dispatcher"), routed(world));
      expect(await claimed(world)).toEqual(["0", "1", "2", "3", "4"]);
    },
    TEST_MS,
  );

  test(
    "given topics that were deleted and made anew under a ledger that flows, then a late word about the old ones skips nothing",
    async () => {
      await using world = await createTestApp({}, { partitions: 1 });
      const { app } = world;
      const todos = (from: number) =>
        ingest(
          Array.from({ length: 10 }, (_, n) => {
            const payload = { title: `todo ${from + n}` };
            return { type: "todo.created", subject: "todo", subjectId: `t:${from + n}`, payload };
          }),
          { store: app.store, registry: app.registry, now: () => new Date() },
        );
      const applied = () => isApplied(app, ["router-v1", "materializer-v1"]);
      await todos(0);
      await world.runUntil(world.stages(), applied);

      const names = app.registry.topics.map(({ name }) => name);
      await app.log.deleteTopics(names);
      await until(async () => (await app.log.identity(names)).topicIds.size === 0);
      await ensureTopics(
        app.log,
        app.registry.topics.map((topic) => ({ ...topic, partitions: 1 })),
      );
      await app.db`delete from lifestream.todos`;
      for (const group of ["router-v1", "materializer-v1"]) await commit(world, group, "events.raw", 7);
      await todos(10);
      await world.runUntil(world.stages(), async () => (await applied()) && (await flows(world)) === 1);
      const [kept] = await app.db<{ n: number }[]>`select count(*) as n from lifestream.todos`;
      expect(kept?.n).toBe(20);
    },
    TEST_MS,
  );

  const flows = async ({ app }: TestApp) =>
    (await app.db<{ n: number }[]>`select count(*) as n from lifestream.ledger_flows`)[0]?.n;
});
