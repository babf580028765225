/** The first system's capture clients, scripts and site go on beside us, on a database of theirs that was adopted. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { upgradeDatabase } from "../../src/adoption/upgrade.ts";
import { linkAddedEvent } from "../../src/domains/links/index.ts";
import { linkSubjectId, normalizeUrl } from "../../src/domains/links/subject.ts";
import { ingest } from "../../src/pipeline/ingest.ts";
import { ensureTopics } from "../../src/pipeline/topics.ts";
import { rebuild } from "../../src/rebuild/rebuild.ts";
import { verify } from "../../src/rebuild/verify.ts";
import { runCommand } from "../support/commands.ts";
import { buildFirstSystem } from "../support/first-system/build.ts";
import { type CaptureClient, captureClient } from "../support/first-system/capture-client.ts";
import { servePages, type TestPages } from "../support/pages.ts";
import { settled } from "../support/settled.ts";
import { createTestApp, type TestApp } from "../support/test-app.ts";

const TEST_MS = 60_000;

/** Links that the first system never came further with: one was read, the other not. */
const LEFT_BEHIND = { unread: "/ok/left-unread", read: "/ok/left-read" };

let pages: TestPages;
let world: TestApp;
let chrome: CaptureClient;
let phone: CaptureClient;

beforeAll(async () => {
  pages = await servePages();
  world = await createTestApp({ FETCH_ALLOW_HOSTS: pages.host }, { bare: true });
  await buildFirstSystem(world.app.db, { events: 300 });
  for (const path of Object.values(LEFT_BEHIND)) await leaveBehind(`${pages.origin}${path}`);
  await upgradeDatabase(world.app, () => {});
  await ensureTopics(world.app.log, world.app.registry.topics);
  chrome = captureClient(world.app.db, "chrome");
  phone = captureClient(world.app.db, "phone");
  await run();
}, TEST_MS);

afterAll(async () => {
  await world[Symbol.asyncDispose]();
  await pages[Symbol.asyncDispose]();
}, TEST_MS);

async function leaveBehind(url: string): Promise<void> {
  const { db } = world.app;
  const id = await captureClient(db, "chrome").capture(url);
  if (url.endsWith(LEFT_BEHIND.read)) {
    const content = { final_url: url, title: "Read", text_content: "A page about logs and tables.", fetch_error: null };
    await db`
      insert into lifestream.events (occurred_at, source, subject, subject_id, event_type, payload)
      values (now(), 'agent:fetcher', 'link', ${id}, 'content.fetched', ${db.json({ ...content, html_storage_key: null })})`;
    await db`insert into lifestream.link_content ${db({ subject_id: id, ...content, fetched_at: new Date().toISOString() })}`;
    await db`update lifestream.links set status = 'fetched' where subject_id = ${id}`;
  }
  await db`update lifestream.events set published_to_kafka = true where subject_id = ${id}`;
}

const run = (meanwhile: () => Promise<unknown> = async () => {}) => {
  const over = meanwhile();
  return world.runUntil(world.stages(), async () => {
    await over;
    return settled(world.app);
  });
};

/** Captures through us. */
async function add(url: string, visibility?: "public" | "private"): Promise<string> {
  const { store, registry } = world.app;
  const event = linkAddedEvent({ url, source: "cli", visibility });
  const [added] = await ingest([event], { store, registry, now: () => new Date() });
  return added?.subjectId ?? "";
}

const link = async (id: string) =>
  (
    await world.app.db`
    select l.url, l.source, l.status, l.visibility, l.created_at, s.created_at as subject_at, s.visibility as subject_visibility
    from lifestream.links l join lifestream.subjects s on s.subject = 'link' and s.subject_id = l.subject_id
    where l.subject_id = ${id}`
  )[0];

/** When it was saved first, as the ledger has it. */
async function firstSaved(id: string): Promise<string> {
  const [row] = await world.app.db<{ at: string }[]>`
    select occurred_at as at from lifestream.events where subject_id = ${id} and event_type = 'link.added'
    order by position limit 1`;
  return row?.at ?? "";
}

/** What a second system reads. */
const visible = () => world.app.db`
  select l.*, c.title, c.final_url, c.text_content, m.tags, m.summary_short, m.summary_long from lifestream.links l
  join lifestream.link_content c using (subject_id) join lifestream.link_metadata m using (subject_id)
  where l.status = 'published' and l.visibility = 'public' order by l.subject_id`;

const feed = () => readFileSync(join(world.app.config.home, "site", "feed.json"), "utf8");

const folding = () => {
  const { db, registry, clock, random } = world.app;
  return { db, registry, projections: registry.projections, clock, random, signal: new AbortController().signal };
};

/** Rows that are not as the ledger gives them, by table. */
async function differing(): Promise<Record<string, number>> {
  const { tables } = await verify(folding());
  return Object.fromEntries(tables.flatMap(({ table, differing }) => (differing > 0 ? [[table, differing]] : [])));
}

describe("links that were left behind", () => {
  test.each([
    ["unread", "new", ["content.fetched", "enrichment.completed", "publish.completed"]],
    ["read", "fetched", ["enrichment.completed", "publish.completed"]],
  ] as const)(
    "given one that was left %s, when retried, then it goes on from where it was",
    async (which, status, events) => {
      const url = `${pages.origin}${LEFT_BEHIND[which]}`;
      const id = linkSubjectId(normalizeUrl(url));
      expect(await link(id)).toMatchObject({ status, visibility: "public" });
      const { code, stdout } = await runCommand(["retry:failed", "--subject-id", url], world.env);
      expect({ code, stdout }).toEqual({
        code: 0,
        stdout: expect.stringContaining("1 piece of work and 0 records redriven"),
      });
      await run();
      expect(await link(id)).toMatchObject({ status: "published", visibility: "public" });
      const since = await world.app.db<{ type: string }[]>`
        select event_type as type from lifestream.events where subject_id = ${id} and source like 'agent:%'
          and position > (select max(position) from lifestream.events where event_type = 'work.redriven') order by position`;
      expect(since.map(({ type }) => type)).toEqual([...events]);
      expect(pages.requests.get(LEFT_BEHIND[which]) ?? 0).toBe(which === "read" ? 0 : 1);
      expect(await differing()).toEqual({});
    },
    TEST_MS,
  );
});

describe("capture clients", () => {
  // Whoever wrote what first: in the end the tables are what the ledger gives.
  afterEach(async () => expect(await differing()).toEqual({}), TEST_MS);

  test(
    "given a new link, when its row and then its event come, then it goes all the way and is private by default",
    async () => {
      const id = await chrome.capture(`${pages.origin}/ok/new`);
      await run();
      const at = await firstSaved(id);
      expect(await link(id)).toEqual({
        url: `${pages.origin}/ok/new`,
        source: "chrome",
        status: "published",
        visibility: "private",
        created_at: at,
        subject_at: at,
        subject_visibility: "private",
      });
      expect(feed()).not.toContain("/ok/new");
    },
    TEST_MS,
  );

  test(
    "given published links of the first system, when they are shared again, then everything is as it was",
    async () => {
      const before = await visible();
      const asked = new Map(pages.requests);
      expect(before.length).toBeGreaterThan(10);
      const again = before.filter(({ url }) => URL.canParse(url)).slice(0, 8);
      for (const { url } of again) await phone.capture(`${url}#again`);
      expect((await visible()).length).toBe(before.length - again.length);
      await run();
      expect(await visible()).toEqual(before);
      expect(pages.requests).toEqual(asked);
    },
    TEST_MS,
  );

  test(
    "given a link without a row among the subjects, when it is shared again, then that row is as its event has it",
    async () => {
      const [bare] = await world.app.db<{ subject_id: string; url: string; visibility: string }[]>`
        select subject_id, url, visibility from lifestream.links l where status = 'published' and not exists (
          select from lifestream.subjects s where s.subject_id = l.subject_id) order by 1 limit 1`;
      await phone.capture(bare?.url ?? "");
      await run();
      expect(await link(bare?.subject_id ?? "")).toMatchObject({
        status: "published",
        visibility: bare?.visibility,
        subject_visibility: "private",
      });
    },
    TEST_MS,
  );

  test(
    "given links of ours, private and public, when they are shared again, then who sees them is as it was decided",
    async () => {
      const hidden = await add(`${pages.origin}/ok/hidden`, "private");
      const shown = await add(`${pages.origin}/ok/shown`, "public");
      await run();
      const before = [await link(hidden), await link(shown)];
      await phone.capture(`${pages.origin}/ok/hidden`);
      await phone.capture(`${pages.origin}/ok/shown`);
      await run();
      expect([await link(hidden), await link(shown)]).toEqual(before);
      expect(before).toMatchObject([
        { visibility: "private", status: "published", source: "cli" },
        { visibility: "public", status: "published", source: "cli" },
      ]);
      expect(feed()).toContain("/ok/shown");
      expect(feed()).not.toContain("/ok/hidden");
      expect(pages.requests.get("/ok/shown")).toBe(1);
    },
    TEST_MS,
  );

  test(
    "given its row before our event is applied, and its event only after that, then first ours and then nothing changes",
    async () => {
      const url = `${pages.origin}/ok/early-row`;
      const id = await add(url);
      await chrome.upsert(url);
      await run();
      const at = await firstSaved(id);
      const expected = { status: "published", visibility: "private", source: "cli", created_at: at, subject_at: at };
      expect(await link(id)).toMatchObject(expected);
      await chrome.tell(url);
      await run();
      expect(await link(id)).toMatchObject(expected);
      expect(pages.requests.get("/ok/early-row")).toBe(1);
    },
    TEST_MS,
  );

  test(
    "given a row whose event comes late, when the link is on its way meanwhile, then each of its events sets it right",
    async () => {
      const url = `${pages.origin}/ok/late-event`;
      const id = await add(url, "private");
      await run(() => phone.upsert(url));
      await chrome.upsert(url);
      expect(await link(id)).toMatchObject({ status: "new", visibility: "public" });
      await run(() => chrome.tell(url));
      expect(await link(id)).toMatchObject({ status: "published", visibility: "private", source: "cli" });
    },
    TEST_MS,
  );

  test(
    "given two clients and ourselves at once, while everything runs, then each link is saved and read once",
    async () => {
      const refused = () =>
        world.app.db`select id from lifestream.dead_letters where error_class like 'sql%' order by 1`;
      const before = await refused();
      const urls = Array.from({ length: 12 }, (_, n) => `${pages.origin}/ok/at-once-${n}`);
      await run(() =>
        Promise.all(urls.flatMap((url) => [chrome.capture(url), add(url, "private"), phone.capture(url)])),
      );
      for (const url of urls) {
        const id = await add(url);
        const at = await firstSaved(id);
        expect(await link(id)).toMatchObject({ url, status: "published", visibility: "private", subject_at: at });
        expect(pages.requests.get(new URL(url).pathname)).toBe(1);
      }
      expect(await refused()).toEqual(before);
    },
    TEST_MS,
  );
});

describe("its scripts and people at its tables", () => {
  test(
    "given content and tags deleted and a link set to new, then verify names it, and rebuild brings it back unread",
    async () => {
      const { db } = world.app;
      const before = await visible();
      const [cleaned] = before;
      const asked = new Map(pages.requests);
      await db`delete from lifestream.link_content where subject_id = ${cleaned?.subject_id}`;
      await db`delete from lifestream.link_metadata where subject_id = ${cleaned?.subject_id}`;
      await db`update lifestream.links set status = 'new' where subject_id = ${cleaned?.subject_id}`;
      // Its script asks for the work again, as for any link.
      await captureClient(db, "retry-script").tell(cleaned?.url);
      await run();
      expect(pages.requests).toEqual(asked);
      expect(await differing()).toMatchObject({ link_content: 1, link_metadata: 1 });
      await rebuild(folding());
      expect(await visible()).toEqual(before);
      expect(await differing()).toEqual({});
    },
    TEST_MS,
  );

  test(
    "given a todo edited by hand, then verify names it, and a rebuild takes the edit back",
    async () => {
      const { db } = world.app;
      const [todo] = await db<{ subject_id: string; title: string }[]>`
        select subject_id, title from lifestream.todos where subject_id <> '' order by 1 limit 1`;
      await db`update lifestream.todos set title = 'by hand' where subject_id = ${todo?.subject_id ?? ""}`;
      expect(await differing()).toEqual({ todos: 1 });
      await rebuild(folding());
      const [now] = await db`select title from lifestream.todos where subject_id = ${todo?.subject_id ?? ""}`;
      expect(now?.title).toBe(todo?.title);
    },
    TEST_MS,
  );
});
