import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { linkAddedEvent } from "../../src/domains/links/index.ts";
import { ingest } from "../../src/pipeline/ingest.ts";
import { bookkeepingRows } from "../support/bookkeeping.ts";
import { stateDigest } from "../support/digest.ts";
import { servePages, type TestPages } from "../support/pages.ts";
import { settled } from "../support/settled.ts";
import { resetAlone } from "../support/start-over.ts";
import { createTestApp, type TestApp } from "../support/test-app.ts";

let pages: TestPages;
let world: TestApp;

beforeAll(async () => {
  pages = await servePages();
  world = await createTestApp({ FETCH_ALLOW_HOSTS: `${pages.host},127.0.0.1:9` });
}, 60_000);

afterAll(async () => {
  await world[Symbol.asyncDispose]();
  await pages[Symbol.asyncDispose]();
}, 60_000);

async function add(...urls: string[]): Promise<string[]> {
  const { store, registry } = world.app;
  const events = urls.map((url) => linkAddedEvent({ url, source: "test", visibility: "public" }));
  return (await ingest(events, { store, registry, now: () => new Date() })).map((added) => added.subjectId);
}

const isSettled = () => settled(world.app);

const run = () => world.runUntil(world.stages(), isSettled, 60_000);
const link = async (id: string) => (await world.app.db`select * from lifestream.links where subject_id = ${id}`)[0];

describe("a link from capture to feed", () => {
  test("given a public page, when everything runs, then it is published, tagged and in the feed", async () => {
    const [id = ""] = await add(`${pages.origin}/ok/first`);
    await run();
    expect(await link(id)).toMatchObject({ status: "published", visibility: "public", last_error: null });
    const [metadata] = await world.app.db`select * from lifestream.link_metadata where subject_id = ${id}`;
    expect(metadata?.tags).toContain("ledger");
    expect(metadata?.model_version).toStartWith("local/");
    expect(readFileSync(join(world.app.config.home, "site", "feed.xml"), "utf8")).toContain("Article /ok/first");
    const [tags] = await world.app.db<{ n: number }[]>`select count(*) as n from lifestream.tag_catalog`;
    const sent = async () => (await world.app.log.endOffsets(["tags.catalog"])).get("tags.catalog:0") === tags?.n;
    await world.runUntil(world.stages(), sent);
  }, 60_000);

  test("given its events, when looked at, then each names what caused it and the chain has one correlation", async () => {
    const events = await world.app.db<
      { id: string; event_type: string; correlation_id: string; causation_id: string }[]
    >`
      select id, event_type, correlation_id, causation_id from lifestream.events where event_type <> 'work.failed'
      order by position`;
    expect(events.map((event) => event.event_type)).toEqual([
      "link.added",
      "content.fetched",
      "enrichment.completed",
      "publish.completed",
    ]);
    for (const [index, event] of events.entries()) {
      expect(event.causation_id ?? "none").toBe(events[index - 1]?.id ?? "none");
      if (index > 0) expect(event.correlation_id).toBe(events[0]?.id ?? "");
    }
  });

  test("given the same link again, when it runs, then nothing is done twice", async () => {
    const before = pages.requests.get("/ok/first");
    await add(`${pages.origin}/ok/first`);
    await run();
    expect(pages.requests.get("/ok/first")).toBe(before);
  }, 60_000);

  test("given it is made private, when it runs, then it leaves the feed and stays published", async () => {
    const [id = ""] = await add(`${pages.origin}/ok/first`);
    await world.app.db`
      insert into lifestream.events (occurred_at, source, subject, subject_id, event_type, payload)
      values (now(), 'psql', 'link', ${id}, 'link.visibility_changed', '{"visibility": "private"}')`;
    await run();
    expect(await link(id)).toMatchObject({ status: "published", visibility: "private" });
    expect(readFileSync(join(world.app.config.home, "site", "feed.xml"), "utf8")).not.toContain("Article /ok/first");
  }, 60_000);
});

test("given a link that was public, private and public again, when it is added as private once more, then it is private", async () => {
  const { app } = world;
  const url = `${pages.origin}/ok/back-and-forth`;
  const share = async (visibility: "public" | "private") => {
    const event = linkAddedEvent({ url, source: "test", visibility });
    const [added] = await ingest([event], { store: app.store, registry: app.registry, now: () => new Date() });
    return added?.subjectId ?? "";
  };
  const id = await share("private");
  for (const visibility of ["public", "private", "public", "private", "private"] as const) await share(visibility);
  await run();
  expect(await link(id)).toMatchObject({ status: "published", visibility: "private" });
  const events = await app.db<{ event_type: string }[]>`
    select event_type from lifestream.events where subject_id = ${id} and source = 'test' order by position`;
  expect(events.map((event) => event.event_type)).toEqual(["link.added", ...Array(4).fill("link.visibility_changed")]);
}, 60_000);

describe("links that fail", () => {
  test("given a 404, a 503 and a dead host, when they run, then attempts, reasons and dead letters are right", async () => {
    const ids = await add(`${pages.origin}/404/a`, `${pages.origin}/503/a`, "http://127.0.0.1:9/a");
    await run();
    const rows = await world.app.db<{ attempt: number; status: string; error_class: string }[]>`
      select w.attempt, w.status, w.error_class from unnest(${ids}::text[]) with ordinality as i(id, n)
      join lifestream.work w on w.subject_id = i.id and w.work_type = 'fetch_link' order by n`;
    expect(rows).toEqual([
      { attempt: 1, status: "dead", error_class: "http_4xx" },
      { attempt: 3, status: "dead", error_class: "http_5xx" },
      { attempt: 3, status: "dead", error_class: "connect" },
    ] as never);
    expect(await link(ids[0] ?? "")).toMatchObject({ status: "error", last_error: "the page answered 404 Not Found" });
    const ends = await world.app.log.endOffsets(["work.dead_letter"]);
    expect(ends.get("work.dead_letter:0")).toBe(3);
  }, 60_000);

  test("given a 503 that ends, when a later attempt succeeds, then the link goes on to published", async () => {
    const [id = ""] = await add(`${pages.origin}/once/b`);
    await run();
    expect(await link(id)).toMatchObject({ status: "published", last_error: null });
    expect(pages.requests.get("/once/b")).toBe(2);
  }, 60_000);
});

test("given a reset, when everything flows again, then the state is the same and nobody outside was asked", async () => {
  const { app } = world;
  const before = await stateDigest(app);
  const asked = new Map(pages.requests);
  const events = await app.db`select count(*) as n from lifestream.events`;
  const flowing = await resetAlone(app);
  expect(flowing).toBe(events[0]?.n);
  await run();
  expect(await stateDigest(app)).toEqual(before);
  expect(pages.requests).toEqual(asked);
  const dead = await app.db`select 1 from lifestream.work where status = 'dead'`;
  expect((await app.log.endOffsets(["work.dead_letter"])).get("work.dead_letter:0")).toBe(dead.length);
  expect(await app.db`select count(*) as n from lifestream.events`).toEqual(events as never);
}, 60_000);

test("given some events, when as many more are handled, then bookkeeping has not a row more", async () => {
  const { app } = world;
  const captureSome = async (from: number) => {
    const readings = Array.from({ length: 300 }, (_, n) => ({
      type: "temp.reading_recorded",
      subject: "sensor",
      subjectId: `sensor:flat:${from}:${n % 50}`,
      payload: { celsius: n % 40 },
    }));
    await ingest(readings, { store: app.store, registry: app.registry, now: () => new Date() });
    await add(...Array.from({ length: 12 }, (_, n) => `${pages.origin}/ok/flat/${from + n}`));
    await run();
  };
  await captureSome(0);
  const rows = await bookkeepingRows(app);
  expect(Object.keys(rows)).toEqual(
    expect.arrayContaining(["event_ingest_dedupe", "kafka_offsets", "leases", "outbox_batch"]),
  );
  await captureSome(1_000);
  expect(await bookkeepingRows(app)).toEqual(rows);
}, 60_000);
