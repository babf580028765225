/** The failure desk in a browser's words: its own forms, sent as they stand on the page, over a real ledger. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { parseHTML } from "linkedom";
import { actIds } from "../../src/engine/failure-acts.ts";
import { createServerDeps, type RunningServer, startServer } from "../../src/server.ts";
import { createTestApp, type TestApp } from "../support/test-app.ts";

let world: TestApp;
let server: RunningServer;

beforeAll(async () => {
  world = await createTestApp();
  server = await startServer({ ...createServerDeps(world.app), port: undefined });
}, 60_000);
afterAll(async () => {
  await server.close();
  await world[Symbol.asyncDispose]();
}, 60_000);

async function failedWork(): Promise<string> {
  const id = crypto.randomUUID();
  await world.app.db`
    insert into lifestream.work (id, work_type, subject, subject_id, status, attempt, last_error, error_class, finished_at,
      dead_letter_sent_at, correlation_id, triggered_by_event_id, payload)
    values (${id}, 'fetch_link', 'link', 'link:00000000000000aa', 'dead', 3, 'the page answered 404', 'http_4xx', now(),
      now(), ${id}, ${id}, ${world.app.db.json({ url: "http://127.0.0.1:9/" })})`;
  return id;
}

async function recordSetAside(): Promise<string> {
  const id = crypto.randomUUID();
  const place = { stage: "router", topic: "events.raw", partition: 0, offset: 7, headers: {} };
  const bytes = { key: Buffer.from("k"), value: Buffer.from("{half") };
  const failure = { error: "Expected '}'", errorClass: "invalid_json" };
  await world.app.store.transaction((tx) => tx.deadLetters.put([{ id, ...place, ...bytes, ...failure }]));
  return id;
}

/** The form of a page that sends to this address, with the fields that it has by itself. */
async function formOn(path: string, action: string): Promise<URLSearchParams> {
  const { document } = parseHTML(await (await fetch(server.url + path)).text());
  const form = document.querySelector(`form[method="post"][action="${action}"]`);
  expect(form).not.toBeNull();
  const inputs = [...(form?.querySelectorAll("input[name]") ?? [])];
  return new URLSearchParams(
    inputs.map((input) => [input.getAttribute("name"), input.getAttribute("value") ?? ""]) as [],
  );
}

const send = (action: string, body: URLSearchParams, headers: Record<string, string>) =>
  fetch(server.url + action, { method: "POST", body, headers, redirect: "manual" });

const ofThisPage = () => ({ origin: server.url, "sec-fetch-site": "same-origin" });
const actsOf = (kind: "work" | "record", id: string) => world.app.store.ledger.find(actIds(kind, id, 1));

test("given failed work and a record set aside, when the page's own forms are sent, then the ledger says who decided and why, and it is done", async () => {
  const [work, record] = [await failedWork(), await recordSetAside()];
  const redrive = await formOn(`/failures/${work}`, "/failures/redrive");
  const discard = await formOn(`/failures/decide?act=discarded&chosen=1&id=${record}`, "/failures/discard");
  expect([redrive.get("id"), discard.get("id")]).toEqual([work, record]);
  redrive.set("by", "ada");
  redrive.set("reason", "the page is back");
  discard.set("by", "grace");

  // Sent from elsewhere, or without a reason where there must be one, nothing is decided.
  for (const headers of [
    {},
    { origin: "https://evil.example.com" },
    { ...ofThisPage(), "sec-fetch-site": "cross-site" },
  ]) {
    expect((await send("/failures/redrive", redrive, headers)).status).toBe(403);
  }
  const askedWhy = await send("/failures/discard", discard, ofThisPage());
  expect([askedWhy.status, await askedWhy.text()]).toEqual([422, expect.stringContaining("Say why")]);
  expect([await actsOf("work", work), await actsOf("record", record)]).toEqual([[], []]);

  discard.set("reason", "not ours");
  const answers = [
    await send("/failures/redrive", redrive, ofThisPage()),
    await send("/failures/discard", discard, ofThisPage()),
  ];
  expect(answers.map(({ status, headers }) => [status, headers.get("location")])).toEqual([
    [303, "/failures?done=redriven&count=1"],
    [303, "/failures?done=discarded&count=1"],
  ]);
  const [redriven, discarded] = [await actsOf("work", work), await actsOf("record", record)];
  expect(redriven).toMatchObject([
    {
      type: "work.redriven",
      source: "web",
      payload: { work_id: work, round: 1, by: "ada", reason: "the page is back" },
    },
  ]);
  expect(discarded).toMatchObject([
    { type: "record.discarded", source: "web", payload: { record_id: record, by: "grace", reason: "not ours" } },
  ]);

  const pipeline = (await world.stages()).filter(({ name }) => name !== "fetcher");
  await world.runUntil(pipeline, async () => {
    const [row] = await world.app.db<{ round: number; status: string }[]>`
      select w.round, d.status from lifestream.work w, lifestream.dead_letters d where w.id = ${work} and d.id = ${record}`;
    return row?.round === 2 && row.status === "discarded";
  });
  const decided = await (await fetch(`${server.url}/failures?all=1`)).text();
  expect(decided).toContain("grace: not ours");
}, 30_000);
