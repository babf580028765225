/** A log that lost what was still needed: retention passed a reader, or its tail is gone. The ledger flows again. */
import { expect, test } from "bun:test";
import { Admin } from "@platformatic/kafka";
import { linkAddedEvent } from "../../src/domains/links/index.ts";
import { todoCreated } from "../../src/domains/todos/events.ts";
import { StaleOwnerError } from "../../src/engine/errors.ts";
import type { Log } from "../../src/engine/log.ts";
import { silentLogger } from "../../src/engine/logger.ts";
import type { GroupPosition } from "../../src/engine/store.ts";
import { DEAD_LETTER_TOPIC, EVENTS_TOPIC, TAGS_TOPIC } from "../../src/engine/topics.ts";
import { ingest } from "../../src/pipeline/ingest.ts";
import { createRelay } from "../../src/pipeline/relay.ts";
import { pipelineHealth } from "../../src/server.ts";
import { runCommand } from "../support/commands.ts";
import { servePages } from "../support/pages.ts";
import { isApplied, settled } from "../support/settled.ts";
import { flowAnew } from "../support/start-over.ts";
import { createTestApp, type TestApp } from "../support/test-app.ts";

const TEST_MS = 60_000;
const ALL = ["router-v1", "materializer-v1"];
const EMBEDDED = { STREAM_TRANSPORT: "embedded", KAFKA_BROKERS: "" };

async function addTodos({ app }: TestApp, from: number, count: number): Promise<void> {
  const events = Array.from({ length: count }, (_, n) => {
    const subjectId = `test:${from + n}`;
    return { type: todoCreated.type, subject: "todo", subjectId, payload: { title: `todo ${from + n}` } };
  });
  const { store, registry } = app;
  await ingest(events, { store, registry, now: () => new Date() });
}

const todos = async ({ app }: TestApp) =>
  (await app.db<{ n: number }[]>`select count(*) as n from lifestream.todos`)[0]?.n;
const flows = ({ app }: TestApp) => app.db<{ reason: string; events: number }[]>`
  select reason, events from lifestream.ledger_flows order by generation`;
const forward = (world: TestApp) =>
  world.runUntil(world.some("relay"), async () => (await world.app.store.outbox.pending()) === 0);
const applied = (world: TestApp) => () => isApplied(world.app, ALL);
const consumers = (world: TestApp) => world.some("router", "dispatcher", "materializer", "catalog");

/** What retention does, at once. */
async function deleteAll({ app, env }: TestApp, topic = EVENTS_TOPIC): Promise<void> {
  const admin = new Admin({ clientId: "test", bootstrapBrokers: (env.KAFKA_BROKERS ?? "").split(",") });
  const ends = await app.log.endOffsets([topic]);
  const partitions = [...ends].map(([key, end]) => ({ partition: Number(key.split(":")[1]), offset: BigInt(end) }));
  await admin.deleteRecords({ topics: [{ name: `${env.KAFKA_TOPIC_PREFIX}${topic}`, partitions }] });
  await admin.close();
}

/** A disk that forgot what was written last. */
async function cutTail({ app }: TestApp, records: number, topic = EVENTS_TOPIC): Promise<void> {
  await app.db`
    delete from lifestream.log_records r using lifestream.log_partitions p join lifestream.log_topics t on t.id = p.topic_id
    where t.name = ${topic} and r.partition_id = p.id and r.record_offset >= p.next_offset - ${records}::bigint`;
  await app.db`
    update lifestream.log_partitions p set next_offset = greatest(next_offset - ${records}::bigint, 0)
    from lifestream.log_topics t where t.id = p.topic_id and t.name = ${topic}`;
}

test(
  "given retention that passed the readers, when they start, then they jump over nothing: the ledger flows again, once",
  async () => {
    const said: string[] = [];
    const logger = { ...silentLogger, warn: (text: string) => void said.push(text) };
    await using world = await createTestApp({}, { logger });
    await addTodos(world, 0, 20);
    await world.runUntil(world.stages(), applied(world));
    await addTodos(world, 20, 20);
    await forward(world);
    await deleteAll(world);

    // Without a relay nobody can send anything again: they wait.
    const waiting = /retention deleted .* before \S+ had read them: waiting until the relay has sent the ledger again/;
    await world.runUntil(consumers(world), async () => said.filter((text) => waiting.test(text)).length >= ALL.length);
    expect(await todos(world)).toBe(20);

    await addTodos(world, 40, 5);
    await world.runUntil(world.stages(), applied(world));
    expect(await todos(world)).toBe(45);
    expect(await flows(world)).toEqual([
      {
        reason: expect.stringMatching(/^retention deleted \d+ records of events\.raw, partition \d, before/),
        events: 40,
      },
    ] as never);
  },
  TEST_MS,
);

test(
  "given retention that passed a reader without any position, when it starts, then it has missed nothing",
  async () => {
    await using world = await createTestApp();
    await addTodos(world, 0, 20);
    await forward(world);
    await deleteAll(world);
    await world.runUntil(world.stages(), applied(world));
    expect(await todos(world)).toBe(20);
    expect(await flows(world)).toHaveLength(1);
  },
  TEST_MS,
);

test(
  "given messages that retention deleted before an agent took them, when it starts, then it gets each once more",
  async () => {
    await using pages = await servePages();
    const said: string[] = [];
    const logger = { ...silentLogger, warn: (text: string) => void said.push(text) };
    await using world = await createTestApp({ FETCH_ALLOW_HOSTS: pages.host }, { logger });
    const { db, store, registry } = world.app;
    const links = Array.from({ length: 6 }, (_, n) => `${pages.origin}/ok/${n}`);
    await ingest(
      links.map((url) => linkAddedEvent({ url, source: "test" })),
      { store, registry, now: () => new Date() },
    );
    const queued = async () =>
      (await db<{ n: number }[]>`select count(*) as n from lifestream.work where status = 'queued'`)[0]?.n;
    await world.runUntil(world.some("relay", "router", "dispatcher"), async () => (await queued()) === links.length);
    await deleteAll(world, "work.fetch_link");

    await world.runUntil(world.stages(), () => settled(world.app));
    expect([...pages.requests.values()]).toEqual(links.map(() => 1));
    expect(await db`select attempt, status from lifestream.work where attempt > 1 or status <> 'done'`).toHaveLength(0);
    expect(said).toContain("retention deleted messages before an agent took them: sending them again");
    const { total, latest } = (await pipelineHealth(world.app)).resent;
    expect([total, latest]).toEqual([1, [expect.objectContaining({ messages: links.length })]]);
    // The ledger itself need not flow again for it.
    expect(await flows(world)).toHaveLength(0);
  },
  TEST_MS,
);

test(
  "given a log that lost its tail, read or not, when the stages go on, then nothing is missing",
  async () => {
    await using world = await createTestApp(EMBEDDED);
    await addTodos(world, 0, 20);
    await world.runUntil(world.stages(), applied(world));
    await addTodos(world, 20, 20);
    await forward(world);
    await cutTail(world, 10);
    await world.runUntil(world.stages(), applied(world));
    expect(await todos(world)).toBe(40);
    expect(await flows(world)).toEqual([
      { reason: expect.stringMatching(/^events\.raw, partition \d, has lost its tail/), events: 40 },
    ] as never);
    await expectToldByStatus(world);
  },
  TEST_MS,
);

/** Each loss that was healed, with its time and reason, the last one first. */
async function expectToldByStatus({ app, env }: TestApp): Promise<void> {
  await app.db`insert into lifestream.ledger_flows values (0, '2026-01-02T03:04:05Z', 'the log was made anew', 7)`;
  const { stdout } = await runCommand(["status"], env);
  expect(stdout).toMatch(
    /sent again +[-:.\d ]+ UTC, 40 events: events\.raw, partition \d, has lost its tail.*\n +2026-01-02 03:04:05\.000 UTC, 7 events: the log was made anew\n/,
  );
  const { ledger } = JSON.parse((await runCommand(["status", "--json"], env)).stdout);
  expect(ledger.flowedAnew).toMatchObject({
    total: 2,
    latest: [{ events: 40 }, { at: expect.stringMatching(/^2026-01-02T03:04:05/), events: 7 }],
  });
}

for (const topic of [DEAD_LETTER_TOPIC, TAGS_TOPIC]) {
  test(
    `given a log that lost the last record of ${topic}, when the stages go on, then it comes once more`,
    async () => {
      await using pages = await servePages();
      await using world = await createTestApp({ ...EMBEDDED, FETCH_ALLOW_HOSTS: pages.host });
      const { db, store, registry } = world.app;
      const links = ["/ok/1", "/ok/2", "/404/1", "/404/2"].map((path) => `${pages.origin}${path}`);
      const whole = async () => (await settled(world.app)) && (await store.catalog.unsent(1)).length === 0;
      await ingest(
        links.map((url) => linkAddedEvent({ url, source: "test" })),
        { store, registry, now: () => new Date() },
      );
      await world.runUntil(world.stages(), whole);
      const keys = () => db<{ key: string }[]>`
        select distinct encode(r.key, 'escape') as key from lifestream.log_records r
        join lifestream.log_partitions p on p.id = r.partition_id join lifestream.log_topics t on t.id = p.topic_id
        where t.name = ${topic} order by 1`;
      const before = await keys();
      await cutTail(world, 1, topic);
      expect(await keys()).toHaveLength(before.length - 1);

      await world.runUntil(world.stages(), async () => (await flows(world)).length > 0 && (await whole()));
      expect(await keys()).toEqual(before);
      const [flow, ...others] = await flows(world);
      expect(flow?.reason).toStartWith(`${topic}, partition 0, has lost its tail`);
      expect(others).toEqual([]);
      expect([...pages.requests.values()]).toEqual(links.map(() => 1));
    },
    TEST_MS,
  );
}

test(
  "given stages that run while the log loses its tail, when the next event comes, then all are applied",
  async () => {
    await using world = await createTestApp(EMBEDDED);
    await addTodos(world, 0, 30);
    let cut = false;
    await world.runUntil(world.stages(), async () => {
      if (!(await isApplied(world.app, ALL))) return false;
      if (cut) return (await flows(world)).length > 0;
      cut = true;
      await cutTail(world, 5);
      await addTodos(world, 30, 12);
      return false;
    });
    expect(await todos(world)).toBe(42);
    expect(await flows(world)).toHaveLength(1);
  },
  TEST_MS,
);

test(
  "given a relay that heard nothing for a while, when the log lost its tail, then nothing is appended that would hide it",
  async () => {
    await using world = await createTestApp(EMBEDDED);
    const { log, store, registry, logger, telemetry, clock: real } = (await world.logins()).app("relay");
    const { sleep } = real;
    const lease = { name: "relay", holder: "test" };
    let now = 0;
    let appended = 0;
    const counting: Log = {
      ...log,
      append: (topic, records, among) => {
        appended += records.length;
        return log.append(topic, records, among);
      },
    };
    const { outbox, forwarding } = store;
    const topics = registry.topics.map(({ name }) => name);
    const clock = () => now;
    const relay = createRelay({
      log: counting,
      outbox,
      forwarding,
      topics,
      readers: ALL,
      logger,
      telemetry,
      clock,
      sleep,
    });
    const work = async () => {
      await store.leases.acquire(lease, 60_000);
      return relay.step(lease, AbortSignal.timeout(TEST_MS));
    };
    await addTodos(world, 0, 20);
    while (await work());
    await cutTail(world, 5);
    await addTodos(world, 20, 30);
    now += 2_000;
    while ((await flows(world)).length === 0) await work();
    expect(appended).toBe(20);
    while ((await store.outbox.pending()) > 0) await work();
    expect(appended).toBe(70);
  },
  TEST_MS,
);

test(
  "given a member that was somewhere, when the ledger flows anew meanwhile, then it may not go on from there",
  async () => {
    await using world = await createTestApp(EMBEDDED);
    const logins = await world.logins();
    const { log, store } = logins.app("relay");
    const identity = { ...(await log.identity([EVENTS_TOPIC])), flowFrom: new Map() };
    await store.forwarding.noteIdentity(identity);
    const topicId = identity.topicIds.get(EVENTS_TOPIC) ?? "";
    const at = { topic: EVENTS_TOPIC, partition: 0 };
    const there = { lastOffset: 2, watermark: { generation: 1, position: 3 }, topicId };
    const move = (from: GroupPosition | null, to: GroupPosition) =>
      logins.app("router").store.transaction((tx) => tx.positions.advance("router-v1", at, from, to));
    await move(null, there);
    await move(there, { ...there, lastOffset: 3 });
    await flowAnew(world.app, identity);
    await expect(move({ ...there, lastOffset: 3 }, { ...there, lastOffset: 4 })).rejects.toThrow(StaleOwnerError);
    await move(null, there);
  },
  TEST_MS,
);
