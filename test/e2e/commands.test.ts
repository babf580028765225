import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { PipelineHealth } from "../../src/engine/health.ts";
import type { SubjectHistory } from "../../src/engine/history.ts";
import { killLeftCommands, type Running, runCommand, startCommand } from "../support/commands.ts";
import { stateDigest } from "../support/digest.ts";
import { DEAD_HOST, expectedStatuses, idOf, mixedLinks, statuses } from "../support/link-mix.ts";
import { servePages, type TestPages } from "../support/pages.ts";
import { settled } from "../support/settled.ts";
import { createTestApp, type TestApp, until } from "../support/test-app.ts";

const TEST_MS = 60_000;
/** As long as a person waits after Ctrl-C. */
const STOP_MS = 10_000;
const STAGES = ["kafka:publish", "router", "kafka:materialize", "agent:fetcher", "agent:enricher", "agent:publisher"];
const LINKS = 20;

let pages: TestPages;
/** Works in a process per command, from an empty database on. */
let many: TestApp;
/** The same things, worked on by `start` alone. */
let one: TestApp;
let urls: string[];

beforeAll(async () => {
  pages = await servePages();
  urls = mixedLinks(pages, LINKS);
  const env = { FETCH_ALLOW_HOSTS: `${pages.host},${DEAD_HOST}` };
  [many, one] = await Promise.all([createTestApp(env, { bare: true }), createTestApp(env)]);
}, TEST_MS);

afterAll(async () => {
  await killLeftCommands();
  await Promise.all([many, one].map((world) => world[Symbol.asyncDispose]()));
  await pages[Symbol.asyncDispose]();
}, TEST_MS);

/** Runs a command that has to succeed; returns what it printed, line by line. */
async function lines(args: readonly string[], { env } = many, stdin = ""): Promise<string[]> {
  const ended = await runCommand(args, env, { stdin });
  expect(ended.stderr.split("\n").filter((line) => line !== "" && !line.startsWith("{"))).toEqual([]);
  expect(ended.code).toBe(0);
  return ended.stdout.trimEnd().split("\n");
}

describe("setting up", () => {
  test(
    "given an empty database, when it is migrated twice, then each migration is applied once",
    async () => {
      const [would = ""] = await lines(["db:migrate", "--dry-run"]);
      expect(would).toMatch(/^would apply: 0001_contract, /);
      const [did = ""] = await lines(["db:migrate"]);
      expect(did).toBe(would.replace("would apply:", "applied"));
      expect(await lines(["db:migrate"])).toEqual(["the schema is up to date"]);
    },
    TEST_MS,
  );

  test(
    "given a cluster without topics, when they are made twice, then it says what it did",
    async () => {
      const did = async () => (await lines(["kafka:init"])).slice(1).map((line) => line.split(/\s+/, 2));
      const topics = ["events.raw", "tags.catalog", "work.dead_letter"].concat(
        ["fetch", "enrich", "publish"].map((work) => `work.${work}_link`),
      );
      expect(await did()).toEqual(topics.map((topic) => [topic, "created"]));
      expect(await did()).toEqual(topics.map((topic) => [topic, "unchanged"]));
    },
    TEST_MS,
  );

  test(
    "given a cluster that can be used, when waited for, then each step is named",
    async () => {
      const said = await lines(["kafka:wait", "--timeout", "10"]);
      expect(said.map((line) => line.split(" ", 4).slice(0, 3).join(" ").trimEnd())).toEqual([
        "ok  resolve",
        "ok  connect",
        "ok  Kafka",
        "ok  log",
        "ok  see",
      ]);
      expect(said.at(-1)).toContain(`see the topic ${many.env.KAFKA_TOPIC_PREFIX}events.raw: cluster `);
    },
    TEST_MS,
  );
});

describe("capture", () => {
  test(
    "given a link, when it is added twice, then it is one event and the same id",
    async () => {
      const [url = ""] = urls;
      expect(await lines(["add", "link", url, "--public"])).toEqual([idOf(url)]);
      expect(await lines(["add", "link", url, "--public"])).toEqual([idOf(url)]);
      expect(await many.app.db`select event_type from lifestream.events`).toEqual([
        { event_type: "link.added" },
      ] as never);
    },
    TEST_MS,
  );

  test(
    "given lines with a wrong one, when they are added, then it is named and the others are kept",
    async () => {
      const input = `${urls.slice(1).join("\n")}\n\nnonsense\n`;
      const ended = await runCommand(["add", "link", "--public"], many.env, { stdin: input });
      expect(ended.code).toBe(1);
      expect(ended.stdout.trimEnd().split("\n")).toEqual(urls.slice(1).map(idOf));
      expect(ended.stderr).toStartWith('line 21: "nonsense" is no web address');
      expect(ended.stderr).toEndWith("1 of 20 lines were not added\n");
    },
    TEST_MS,
  );

  test(
    "given the other kinds, when they are added, then each prints its subject",
    async () => {
      const [[todo], [reading], [note]] = await Promise.all([
        lines(["add", "todo", "buy", "milk"]),
        lines(["add", "temp", "Living Room", "21.5", "2026-01-31T07:30:00Z"]),
        lines(["add", "note", urls[0] ?? "", "worth rereading"]),
      ]);
      expect(todo).toMatch(/^cli:/);
      expect(reading).toBe("sensor:living_room");
      expect(note).toMatch(/^anno:/);
    },
    TEST_MS,
  );
});

describe("the pipeline in a process per command", () => {
  test(
    "given 20 links, when every command runs beside the others, then all end as in one process",
    async () => {
      await copyLedger();
      const commands = STAGES.map((stage) => startCommand([stage], many.env));
      commands.push(startCommand(["start"], one.env));
      await untilSettled([many, one], commands);
      expect(await statuses(many.app)).toEqual(expectedStatuses(urls));
      expect(await comparable(many)).toEqual(await comparable(one));
      await expectAskedOncePerAttempt();
      expect(feed(many)).toBe(feed(one));
    },
    2 * TEST_MS,
  );

  test(
    "given all is done, when each command runs once, then it ends by itself with 0",
    async () => {
      const ended = await Promise.all(STAGES.map((stage) => runCommand([stage, "--once"], many.env)));
      expect(ended.map(({ code }) => code)).toEqual(STAGES.map(() => 0));
    },
    TEST_MS,
  );

  test(
    "given something new, when the commands run once one after the other, then it is in its table",
    async () => {
      const [id = ""] = await lines(["add", "todo", "water the plants"]);
      await lines(["kafka:publish", "--once"]);
      await Promise.all(["kafka:materialize", "router"].map((stage) => lines([stage, "--once"])));
      const rows = await many.app.db`select title, status from lifestream.todos where subject_id = ${id}`;
      expect(rows).toEqual([{ title: "water the plants", status: "open" }] as never);
    },
    TEST_MS,
  );
});

describe("looking at it", () => {
  test(
    "given a published link, when shown by its address, then state, events and work are told",
    async () => {
      const [url = ""] = urls;
      const [shown, json] = await Promise.all([lines(["show", url]), lines(["show", idOf(url), "--json"])]);
      const text = shown.join("\n");
      expect(text).toStartWith(idOf(url));
      for (const part of [
        "Article /ok/0",
        "published",
        "publish.completed",
        "because of 1",
        "fetch_link",
        "attempt 1 of 3",
      ])
        expect(text).toContain(part);
      const history: SubjectHistory = JSON.parse(json.join("\n"));
      expect(history.events.map(({ type }) => type)).toEqual([
        "link.added",
        "content.fetched",
        "enrichment.completed",
        "publish.completed",
      ]);
      expect(new Set(history.work.map(({ status }) => status))).toEqual(new Set(["done"]));
    },
    TEST_MS,
  );

  test(
    "given a dead host, when its link is shown, then each attempt and its reason are told",
    async () => {
      const url = urls.find((candidate) => candidate.includes(DEAD_HOST)) ?? "";
      const text = (await lines(["show", idOf(url)])).join("\n");
      for (const attempt of [1, 2, 3]) expect(text).toMatch(new RegExp(`attempt ${attempt} failed: .*refused`));
      expect(text).toMatch(/fetch_link +dead +attempt 3 of 3/);
    },
    TEST_MS,
  );

  test(
    "given all is done, when asked for the status, then nothing is behind and the dead letters are named",
    async () => {
      const [shown, json] = await Promise.all([lines(["status"]), lines(["status", "--json"])]);
      const text = shown.join("\n");
      for (const title of ["servers", "ledger", "stages", "work", "dead letters", "leases"])
        expect(text).toMatch(new RegExp(`^${title}$`, "m"));
      for (const stage of ["router", "materializer", "fetcher", "enricher", "publisher"])
        expect(text).toMatch(new RegExp(`^ +${stage} .*caught up$`, "m"));
      expect(text).toContain("the page answered 404 Not Found");
      const health: PipelineHealth = JSON.parse(json.join("\n"));
      expect(health.ledger.unpublished).toBe(0);
      expect(health.stages.map(({ lag }) => lag)).toEqual([0, 0, 0, 0, 0]);
      expect(health.deadWork.total).toBe(4);
      expect(health.servers.kafkaProblem).toBeNull();
      expect(JSON.stringify(health)).not.toContain(`${new URL(many.env.DATABASE_URL ?? "").password}@`);
    },
    TEST_MS,
  );
});

test(
  "given a reset, when everything flows again, then state is the same and no page is asked for",
  async () => {
    const before = await stateDigest(many.app);
    const asked = new Map(pages.requests);
    const [said = ""] = await lines(["kafka:reset", "--yes"]);
    expect(said).toMatch(/^topics recreated; \d+ events flow again/);
    const commands = STAGES.map((stage) => startCommand([stage], many.env));
    await untilSettled([many], commands);
    expect(await stateDigest(many.app)).toEqual(before);
    expect(pages.requests).toEqual(asked);
    expect(await lines(["kafka:reset", "--if-cluster-changed"])).toEqual(["same cluster: nothing to do"]);
  },
  2 * TEST_MS,
);

/** The same events for the other database, as any writer may insert them: with the six plain columns. */
async function copyLedger(): Promise<void> {
  const events = await many.app.db`
    select occurred_at, source, subject, subject_id, event_type, payload from lifestream.events order by position`;
  const { db } = one.app;
  for (const event of events) {
    const row = { ...event, payload: db.json(event.payload) };
    await db`insert into lifestream.events ${db(row)}`;
  }
}

/** What the tables say, without when it happened and without the ledger positions that hang on who was faster. */
async function comparable({ app: { db } }: TestApp) {
  return {
    links: await db`
      select subject_id, url, url_norm, status, visibility, source, pinned, retry_count from lifestream.links order by 1`,
    content: await db`
      select subject_id, final_url, title, text_content, fetch_error from lifestream.link_content order by 1`,
    metadata: await db`
      select subject_id, tags, summary_short, summary_long, language, model_version from lifestream.link_metadata order by 1`,
    publish: await db`
      select subject_id, dirty, published_version = desired_version as current from lifestream.publish_state order by 1`,
    subjects: await db`select subject, subject_id, visibility from lifestream.subjects order by 1, 2`,
    todos: await db`select subject_id, title, status from lifestream.todos order by 1`,
    readings: await db`select subject_id, occurred_at, celsius from lifestream.temperature_latest order by 1`,
    notes: await db`select annotation_id, link_subject_id, note from lifestream.annotations order by 1`,
    tags: await db`select tag, sent_at is not null as sent from lifestream.tag_catalog order by 1`,
    fetches: await db`
      select subject_id, status, attempt, error_class from lifestream.work where work_type = 'fetch_link' order by 1`,
  };
}

/** Both worlds ask the same pages: once each for every attempt that the registry of work counts. */
async function expectAskedOncePerAttempt(): Promise<void> {
  const { db } = many.app;
  const rows = await db<{ url: string; attempt: number }[]>`
    select payload->>'url' as url, attempt from lifestream.work where work_type = 'fetch_link'`;
  const served = rows.filter(({ url }) => url.startsWith(pages.origin));
  const expected = served.map(({ url, attempt }) => [new URL(url).pathname, 2 * attempt] as const);
  expect([...pages.requests].sort()).toEqual(expected.sort() as never);
}

/** Lets the commands work to the end, then stops them all at once: each has to end by itself, in time, with 0. */
async function untilSettled(worlds: readonly TestApp[], commands: readonly Running[]): Promise<void> {
  const done = async () => (await Promise.all(worlds.map(({ app }) => settled(app)))).every(Boolean);
  const outcome = await until(done, TEST_MS).catch((error) => error);
  const ended = await Promise.all(commands.map((command) => command.stop(STOP_MS)));
  if (outcome instanceof Error) throw outcome;
  expect(ended.map(({ code, signal }) => ({ code, signal }))).toEqual(ended.map(() => ({ code: 0, signal: null })));
}

/** The titles in the feed, in no order: links added in one moment have none. */
function feed({ app }: TestApp): string {
  const text = readFileSync(join(app.config.home, "site", "feed.json"), "utf8");
  const { items } = JSON.parse(text) as { items: { title: string }[] };
  return items
    .map(({ title }) => title)
    .sort()
    .join("\n");
}
