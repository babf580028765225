/** Partitions that are added while records are unread: a subject's events must not lie in two of them unread. */
import { expect, test } from "bun:test";
import { todoCompleted, todoCreated } from "../../src/domains/todos/events.ts";
import { EVENTS_TOPIC } from "../../src/engine/topics.ts";
import { ingest } from "../../src/pipeline/ingest.ts";
import { isApplied } from "../support/settled.ts";
import { createTestApp, type TestApp } from "../support/test-app.ts";

const TEST_MS = 60_000;
const TODOS = 30;

const subjectOf = (n: number) => `test:${n}`;

async function forEachTodo(
  { app }: TestApp,
  type: string,
  payload: (n: number) => Record<string, unknown>,
): Promise<void> {
  const { store, registry } = app;
  const events = Array.from({ length: TODOS }, (_, n) => {
    return { type, subject: "todo", subjectId: subjectOf(n), payload: payload(n) };
  });
  await ingest(events, { store, registry, now: () => new Date() });
}

const createTodos = (world: TestApp) => forEachTodo(world, todoCreated.type, (n) => ({ title: `todo ${n}` }));
const completeTodos = (world: TestApp) => forEachTodo(world, todoCompleted.type, () => ({}));

/** Lets the relay alone send everything. */
async function forward(world: TestApp): Promise<void> {
  const relay = (await world.stages()).filter(({ name }) => name === "relay");
  await world.runUntil(relay, async () => (await world.app.store.outbox.pending()) === 0);
}

/** How many events lie in each partition. */
async function spread({ app: { log } }: TestApp): Promise<number[]> {
  return [...(await log.endOffsets([EVENTS_TOPIC])).values()];
}

const used = (ends: readonly number[]) => ends.filter((end) => end > 0).length;

test(
  "given unread records, when partitions are added, then keys stay where they were until all is read, and go to all then",
  async () => {
    await using world = await createTestApp({ STREAM_TRANSPORT: "embedded", KAFKA_BROKERS: "" });
    const { db, log } = world.app;
    await createTodos(world);
    await forward(world);
    await log.addPartitions(EVENTS_TOPIC, 6);
    await completeTodos(world);
    await forward(world);
    expect(used(await spread(world))).toBe(3);

    await world.runUntil(world.stages(), () => isApplied(world.app, ["router-v1", "materializer-v1"]));
    expect(await db`select subject_id from lifestream.todos where status <> 'done'`).toHaveLength(0);

    await createTodos(world);
    await world.runUntil(world.stages(), async () => used(await spread(world)) === 6);
    await world.runUntil(world.stages(), () => isApplied(world.app, ["router-v1", "materializer-v1"]));
    expect(await db`select subject_id from lifestream.todos where status <> 'open'`).toHaveLength(0);
    expect(await world.app.store.forwarding.partitions()).toBe(6);
  },
  TEST_MS,
);
