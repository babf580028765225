import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { EnvironmentError, LeaseLostError } from "../../src/engine/errors.ts";
import type { OutboxRow } from "../../src/engine/store.ts";
import { isSound, verify } from "../../src/rebuild/verify.ts";
import { isApplied } from "../support/settled.ts";
import { createTestApp, type TestApp } from "../support/test-app.ts";

let world: TestApp;
const lease = { name: "relay", holder: "me" };

beforeAll(async () => {
  world = await createTestApp();
}, 60_000);
beforeEach(async () => {
  await world.app.store.leases.acquire(lease, 60_000);
});
afterAll(() => world[Symbol.asyncDispose](), 60_000);

const insert = (subjectId: string, db = world.app.db) => db`
  insert into lifestream.events (occurred_at, source, subject, subject_id, event_type, payload)
  values (now(), 'test', 'todo', ${subjectId}, 'todo.created', '{"title": "x"}')`;

const sent = (rows: readonly OutboxRow[]) =>
  rows.map((row, offset) => ({ id: row.id, position: { topic: "events.raw", partition: 0, offset } }));

const keys = (rows: readonly OutboxRow[]) => rows.map((row) => row.key);

describe("the outbox", () => {
  test("given a batch that was not marked, when the next is asked for, then the same comes in the same order", async () => {
    const { outbox } = world.app.store;
    for (const id of ["a", "b", "c"]) await insert(id);
    const first = await outbox.next(lease, 2, []);
    await insert("d");
    expect(keys(first)).toEqual(["a", "b"]);
    expect(await outbox.next(lease, 10, [])).toEqual(first);
    const second = await outbox.next(lease, 10, sent(first));
    expect(keys(second)).toEqual(["c", "d"]);
    expect(await outbox.next(lease, 10, sent(second))).toEqual([]);
    expect(await outbox.pending()).toBe(0);
  });

  test("given an event that committed late, when its subject's later ones are applied again, then it waits for its place", async () => {
    const { outbox, transaction } = world.app.store;
    const position = async () =>
      (await world.app.db<{ n: number }[]>`select max(position) as n from lifestream.events`)[0]?.n;
    const stretch = async () => {
      const to = (await position()) ?? 0;
      return (await transaction((tx) => tx.ledger.stretch("late", 0, to, 10))).length;
    };
    await insert("late");
    const under = await outbox.next(lease, 10, []);
    // Written down to be sent: its position is settled, whether it is marked yet or not.
    expect(await stretch()).toBe(1);
    await outbox.next(lease, 10, sent(under));
    expect(await stretch()).toBe(1);
    await insert("late");
    expect(await stretch()).toBe(1);
    await outbox.next(lease, 10, sent(await outbox.next(lease, 10, [])));
    expect(await stretch()).toBe(2);
  });

  test("given a long transaction with an early position, when it commits after later rows were sent, then it goes behind them", async () => {
    const { app } = world;
    const { outbox } = app.store;
    const open = Promise.withResolvers<void>();
    const begun = Promise.withResolvers<void>();
    const early = app.db.begin(async (tx) => {
      await insert("early", tx as unknown as typeof app.db);
      begun.resolve();
      await open.promise;
    });
    await begun.promise;
    await insert("later");
    const first = await outbox.next(lease, 10, []);
    expect(keys(first)).toEqual(["later"]);
    open.resolve();
    await early;
    let rest = await outbox.next(lease, 10, sent(first));
    // Late rows are looked for twice a second.
    for (const until = performance.now() + 5_000; rest.length === 0 && performance.now() < until; ) {
      rest = await outbox.next(lease, 10, []);
    }
    expect(keys(rest)).toEqual(["early"]);
    expect(rest[0]?.position).toBeGreaterThan(first[0]?.position ?? Number.POSITIVE_INFINITY);
    await outbox.next(lease, 10, sent(rest));
  });

  test("given somebody else holds the lease, when a batch is asked for or marked, then it is refused", async () => {
    const { outbox, leases } = world.app.store;
    await leases.release(lease);
    expect(await leases.acquire({ name: "relay", holder: "other" }, 60_000)).not.toBeNull();
    expect(await leases.acquire(lease, 60_000)).toBeNull();
    const refused = await outbox.next(lease, 10, []).catch((error) => error);
    expect(refused).toBeInstanceOf(LeaseLostError);
    await leases.release({ name: "relay", holder: "other" });
  });

  test("given a lease, when it is renewed, then its term stays; when another had it in between, or nobody, it is another", async () => {
    const { leases } = world.app.store;
    const [mine, others] = ["me", "other"].map((holder) => ({ name: "a lease of this test", holder }));
    if (!mine || !others) throw new Error("there are two");
    const first = await leases.acquire(mine, 60_000);
    expect(await leases.acquire(mine, -1)).toBe(first);
    const second = await leases.acquire(others, 60_000);
    expect(await leases.acquire(mine, 60_000)).toBeNull();
    await leases.release(others);
    const third = await leases.acquire(mine, 60_000);
    await leases.release(mine);
    const fourth = await leases.acquire(mine, 60_000);
    await leases.release(mine);
    expect(new Set([first, second, third, fourth]).size).toBe(4);
    expect(typeof third).toBe("number");
  });

  test("given a payload too big for a record, when forwarded, then the record leaves it in the ledger", async () => {
    const { app } = world;
    const noise = Array.from({ length: 20_000 }, () => crypto.randomUUID()).join("");
    await app.db`
      insert into lifestream.events (occurred_at, source, subject, subject_id, event_type, payload)
      values (now(), 'test', 'link', 'link:big', 'content.fetched', ${app.db.json({ title: "big", text_content: noise })})`;
    const rows = await app.store.outbox.next(lease, 10, []);
    expect(JSON.parse(rows[0]?.value ?? "{}")).toMatchObject({ subject_id: "link:big", payload: null });
    const ids = rows.map((row) => row.id);
    const payloads = await app.store.transaction((tx) => tx.ledger.payloadsOf(ids));
    expect(payloads.get(ids[0] ?? "")?.text_content).toBe(noise);
    await app.store.outbox.next(lease, 10, sent(rows));
  });

  test("given text that is few characters, compresses well and is many bytes, when forwarded, then the record leaves it in the ledger", async () => {
    const { app } = world;
    const text = "\u6F22".repeat(400_000);
    await app.db`
      insert into lifestream.events (occurred_at, source, subject, subject_id, event_type, payload)
      values (now(), 'test', 'link', 'link:cjk', 'content.fetched', ${app.db.json({ title: "big", text_content: text })})`;
    const rows = await app.store.outbox.next(lease, 10, []);
    expect(Buffer.byteLength(rows[0]?.value ?? "")).toBeLessThan(1_000);
    expect(JSON.parse(rows[0]?.value ?? "{}")).toMatchObject({ subject_id: "link:cjk", payload: null });
    await app.store.outbox.next(lease, 10, sent(rows));
  });
});

test("given an event that no record can hold, when the relay runs, then it is set aside, shown, and what is behind it flows", async () => {
  await using own = await createTestApp();
  const { app } = own;
  for (const id of ["todo:1", "todo:2"]) await insert(id, app.db);
  const [huge] = await app.db<{ id: string }[]>`
    insert into lifestream.events (occurred_at, source, subject, subject_id, event_type, payload)
    values (now(), repeat('s', 1200000), 'todo', 'todo:1', 'todo.completed', '{}') returning id`;
  for (const id of ["todo:3", "todo:4"]) await insert(id, app.db);
  await own.runUntil(own.some("relay", "materializer", "catalog"), () => isApplied(app, ["materializer-v1"]));
  const todos = await app.db<{ id: string }[]>`select subject_id as id from lifestream.todos order by 1`;
  expect(todos.map(({ id }) => id)).toEqual(["todo:1", "todo:2", "todo:3", "todo:4"]);
  const aside =
    await app.db`select stage, error_class, status, convert_from(record_key, 'UTF8') as key, id from lifestream.dead_letters`;
  expect([...aside]).toEqual([
    { stage: "relay", error_class: "too_large", status: "open", key: "todo:1", id: huge?.id },
  ]);
  const { db, registry, clock, random } = app;
  const report = await verify({
    db,
    registry,
    projections: registry.projections,
    clock,
    random,
    signal: AbortSignal.timeout(30_000),
  });
  expect(report).toMatchObject({ onTheirWay: 0, readAfterAll: 1 });
  expect(isSound(report)).toBe(true);
}, 60_000);

test("given a database that is away, when asked, then the error says it is the environment", async () => {
  await using away = await createTestApp();
  await away.app.db.end();
  const error = await away.app.store.outbox.pending().catch((thrown) => thrown);
  expect(error).toBeInstanceOf(EnvironmentError);
}, 60_000);
