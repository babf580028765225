/** `clean:link` and `admin:set-visibility`: what a person decides about links, by events. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { linkAddedEvent } from "../../src/domains/links/index.ts";
import { ingest } from "../../src/pipeline/ingest.ts";
import { checkLife } from "../checker/check.ts";
import { killLeftCommands, runCommand } from "../support/commands.ts";
import { idOf } from "../support/link-mix.ts";
import { servePages, type TestPages } from "../support/pages.ts";
import { settled } from "../support/settled.ts";
import { createTestApp, type TestApp } from "../support/test-app.ts";

const TEST_MS = 60_000;

let pages: TestPages;
let world: TestApp;
let urls: string[];

beforeAll(async () => {
  pages = await servePages();
  urls = ["/ok/1", "/ok/2", "/404/3"].map((path) => pages.origin + path);
  world = await createTestApp({ FETCH_ALLOW_HOSTS: pages.host });
  const { store, registry } = world.app;
  const events = urls.map((url) => linkAddedEvent({ url, source: "test", visibility: "public" }));
  await ingest(events, { store, registry, now: () => new Date() });
  await run();
}, TEST_MS);

afterAll(async () => {
  await killLeftCommands();
  await world[Symbol.asyncDispose]();
  await pages[Symbol.asyncDispose]();
}, TEST_MS);

const run = () => world.runUntil(world.stages(), () => settled(world.app));

async function output(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await runCommand(args, world.env);
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  return stdout.trim();
}

async function refusal(...args: string[]): Promise<[number | null, string]> {
  const { code, stderr } = await runCommand(args, world.env);
  return [code, stderr.trim()];
}

const done = async (workType: string, url: string) =>
  (
    await world.app.db`
      select from lifestream.work where work_type = ${workType} and subject_id = ${idOf(url)} and status = 'done'`
  ).length;

const statusOf = async (url: string) =>
  (await world.app.db`select status from lifestream.links where subject_id = ${idOf(url)}`)[0]?.status;

const events = async () => (await world.app.db<{ n: number }[]>`select count(*) as n from lifestream.events`)[0]?.n;

test(
  "given a published link, when cleaned, then its tags are made again without the page being read, and it is published",
  async () => {
    const [url = ""] = urls;
    const before = await events();
    expect(await output("clean:link", url, "--dry-run")).toBe(
      `${url}: tags and summary would be forgotten; they are made again of what was read`,
    );
    expect(await events()).toBe(before);
    expect(await output("clean:link", url, "--by", "ada")).toEndWith("they are made again of what was read");
    await run();
    expect([await done("enrich_link", url), await done("fetch_link", url)]).toEqual([2, 1]);
    expect(pages.requests.get("/ok/1")).toBe(1);
    expect(await statusOf(url)).toBe("published");
  },
  TEST_MS,
);

test(
  "given a published link, when cleaned in full, then the page is read again and, though it says the same, tagged again",
  async () => {
    const [, url = ""] = urls;
    await output("clean:link", idOf(url), "--full", "--reason", "it changed");
    await run();
    expect([await done("enrich_link", url), await done("fetch_link", url)]).toEqual([2, 2]);
    expect(pages.requests.get("/ok/2")).toBe(2);
    expect(await statusOf(url)).toBe("published");
  },
  TEST_MS,
);

test(
  "given a link whose page was never read, when cleaned, then it says what to do",
  async () => {
    const [, , url = ""] = urls;
    expect(await refusal("clean:link", url)).toEqual([
      1,
      `the ledger does not hold what was read of ${url}: with --full the page is read again`,
    ]);
    expect(await refusal("clean:link", "link:nobody")).toEqual([
      1,
      'there is no link "link:nobody": name its id or its address, as it was added',
    ]);
  },
  TEST_MS,
);

test(
  "given public links, when made private, then each gets one event, once, and the site shows them no more",
  async () => {
    const [url = ""] = urls;
    expect(await output("admin:set-visibility", "private", "--status", "published", "--dry-run")).toEndWith(
      "2 links would become private",
    );
    expect(await output("admin:set-visibility", "private", url)).toBe(`${idOf(url)}  ${url}\n1 link becomes private`);
    await run();
    expect(await output("admin:set-visibility", "private", "--all")).toEndWith(
      "2 links become private; 1 is private already",
    );
    await run();
    const rows = await world.app.db<{ visibility: string }[]>`select distinct visibility from lifestream.links`;
    expect(rows.map(({ visibility }) => visibility)).toEqual(["private"]);
    expect(await output("admin:set-visibility", "private", "--all")).toBe(
      "0 links become private; 3 are private already",
    );
  },
  TEST_MS,
);

test(
  "given links that nobody knows or no choice, when asked, then it says which, and does the rest",
  async () => {
    const [url = ""] = urls;
    expect(await refusal("admin:set-visibility", "public", "https://nobody.example/", url)).toEqual([
      1,
      'there is no link "https://nobody.example/"',
    ]);
    expect((await refusal("admin:set-visibility", "public"))[0]).toBe(2);
    expect((await refusal("admin:set-visibility", "secret", "--all"))[0]).toBe(2);
    expect((await refusal("admin:set-visibility", "public", "--status", "gone"))[0]).toBe(2);
  },
  TEST_MS,
);

test(
  "given all that was decided, when the ledger is folded, then the tables are what it gives",
  async () => {
    await run();
    expect(await checkLife(world.app)).toEqual({ lost: [], doubled: [], problems: [] });
    expect(await output("verify")).toBeTruthy();
  },
  TEST_MS,
);
