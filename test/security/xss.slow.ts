/** Hostile text in every field of the ledger, every page of the server and the site, and a real browser that looks. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Browser, BrowserContext, BrowserContextOptions, Page } from "playwright-core";
import { createTokens } from "../../src/adapters/postgres/tokens.ts";
import { createServerApp } from "../../src/api/app.ts";
import type { ServerDeps } from "../../src/api/deps.ts";
import { siteOptions } from "../../src/app.ts";
import { linkSubjectId } from "../../src/domains/links/subject.ts";
import type { FailurePage, FailureSummary } from "../../src/engine/failures.ts";
import { type Observability, openObservability } from "../../src/observability.ts";
import { createServerDeps, type RunningServer, startServer } from "../../src/server.ts";
import { allStages } from "../../src/stages.ts";
import { openBrowser } from "../support/browser.ts";
import { createTestApp, type TestApp } from "../support/test-app.ts";
import { hostileAddresses, hostileTexts } from "./xss-corpus.ts";

const TEST_MS = 90_000;
const TABS = 4;

const browser = await openBrowser();

/** Another origin that wants to be asked for something. */
const elsewhere = { asked: [] as string[], origin: "", stop: () => {} };
let texts: string[];
let links: ReturnType<typeof linksOf>;
let world: TestApp;
let observed: Observability;
let deps: ServerDeps;
let server: RunningServer;
let token: string;

beforeAll(async () => {
  const listener = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: ({ url }) => {
      elsewhere.asked.push(url);
      return new Response("canary()", { headers: { "content-type": "text/javascript" } });
    },
  });
  Object.assign(elsewhere, { origin: `http://127.0.0.1:${listener.port}`, stop: () => void listener.stop(true) });
  texts = hostileTexts(elsewhere.origin);
  links = linksOf(texts, hostileAddresses(elsewhere.origin));
  world = await createTestApp();
  for (const link of links) await writeLink(link);
  await writeStrangers();
  // Without the enricher, which would put words of its own in the place of ours.
  const stages = allStages(world.app, { once: false }).filter(({ name }) => name !== "enricher");
  await world.runUntil(stages, isPublished);
  const { config, logger, db } = world.app;
  observed = await openObservability({ config, logger, program: "web", asked: true });
  deps = createServerDeps(world.app, observed);
  const decided = await decideSome();
  await world.runUntil(stages, () => isDecided(decided));
  token = await createTokens(db).create("reader", ["read"]);
  server = await startServer({ ...deps, port: undefined });
}, TEST_MS);

afterAll(async () => {
  await browser?.close();
  await server.close();
  await observed[Symbol.asyncDispose]();
  await world[Symbol.asyncDispose]();
  elsewhere.stop();
}, TEST_MS);

/** Each text and each address at least once. One id is hostile too: other writers choose theirs. */
function linksOf(allTexts: readonly string[], addresses: readonly string[]) {
  return Array.from({ length: Math.max(allTexts.length, addresses.length) }, (_, n) => {
    const text = allTexts[n % allTexts.length] ?? "";
    const url = addresses[n] ?? encodeURI(`http://127.0.0.1:9/${n}?${text}`);
    return { id: n === 1 ? `link:${text}` : linkSubjectId(`${url} ${n}`), url, urlNorm: `${url} ${n}`, text };
  });
}

/** As other programs write into the ledger: plain SQL, past every check of ours. */
async function write(subject: string, id: string, type: string, payload: object, source = "other"): Promise<void> {
  const { db } = world.app;
  await db`insert into lifestream.events (occurred_at, source, subject, subject_id, event_type, payload)
    values (now(), ${source}, ${subject}, ${id}, ${type}, ${db.json(payload as never)})`;
}

async function writeLink({ id, url, urlNorm, text }: (typeof links)[number]): Promise<void> {
  await write("link", id, "link.added", { url, url_norm: urlNorm, visibility: "public", source: text }, text);
  await write("link", id, "content.fetched", {
    ...{ final_url: url, title: text, text_content: text, description: text },
    ...{ declared_tags: [text], language: text, site_name: text },
  });
  const annotation = { annotation_id: crypto.randomUUID(), link_subject_id: id, quote: text, note: text };
  await write("annotation", `anno:${annotation.annotation_id}`, "annotation.added", annotation);
  const summary = { tags: [text, `x ${text}`], summary_short: text, summary_long: `${text}\n${text} again` };
  await write("link", id, "enrichment.completed", { ...summary, language: text, model_version: text });
}

/** What becomes dead letters and parked events. */
async function writeStrangers(): Promise<void> {
  for (const text of texts.slice(0, 8)) {
    await write(text, `sensor:${text}`, text, { [text]: text }, text);
    await write("todo", `other:${text}`, "todo.completed", { [text]: text }, text);
  }
}

async function isPublished(): Promise<boolean> {
  const [row] = await world.app.db<{ open: number; done: number; dead: number; strange: number }[]>`
    select count(*) filter (where work_type <> 'enrich_link' and status not in ('done', 'dead'))::int as open,
      count(*) filter (where work_type = 'publish_link' and status = 'done')::int as done,
      count(*) filter (where status = 'dead')::int as dead,
      (select count(*)::int from lifestream.dead_letters) as strange from lifestream.work`;
  return row !== undefined && row.open === 0 && row.done >= links.length && row.dead > 0 && row.strange >= 8;
}

/** At most so many failures of each kind are decided about, in words that are as hostile. */
const DECIDED = 4;

/** Returns how many these are. */
async function decideSome(): Promise<number> {
  const failures = await allFailures();
  const of = (kind: string) => failures.filter((one) => one.kind === kind).slice(0, DECIDED);
  for (const chosen of [of("work"), of("record")]) {
    expect(chosen.length).toBeGreaterThan(0);
    for (const [n, { id }] of chosen.entries()) {
      const text = texts[n] ?? "";
      const { skipped, unchanged } = await deps.failures.discard([id], { by: text, source: "test", reason: text });
      expect([skipped, unchanged]).toEqual([[], []]);
    }
  }
  return of("work").length + of("record").length;
}

async function isDecided(count: number): Promise<boolean> {
  const [row] = await world.app.db<{ n: number }[]>`
    select (select count(*)::int from lifestream.work where status = 'discarded')
      + (select count(*)::int from lifestream.dead_letters where status = 'discarded') as n`;
  return row?.n === count;
}

async function allFailures(): Promise<FailureSummary[]> {
  const failures: FailureSummary[] = [];
  let after: string | null = null;
  do {
    const page: FailurePage = await deps.failures.list({ all: true }, { after });
    failures.push(...page.failures);
    after = page.next;
  } while (after !== null);
  return failures;
}

/** What the router has: a route that is new is among them by itself. */
function routesOf(method: "GET" | "POST"): string[] {
  const { routes } = createServerApp(deps, () => 0);
  return [...new Set(routes.filter((route) => route.method === method).map(({ path }) => path))];
}

/** Every address at which somebody may see what others wrote, by its route. */
async function allAddresses(): Promise<Map<string, string[]>> {
  const failures = await allFailures();
  // Some of each kind, open and decided.
  const some = failures.filter((one, n) => n < DECIDED || one.decision !== null || one.kind === "record");
  const said = texts.slice(0, 12).map(encodeURIComponent);
  const chosen = failures.map(({ id }) => `&id=${id}`).join("");
  const decisions = ["redriven", "discarded"].flatMap((act) => [
    `?act=${act}`,
    `?act=${act}&chosen=1${chosen}`,
    ...said.slice(0, 4).map((text) => `?act=${act}&type=${text}`),
    ...said.map((text) => `?act=${act}&chosen=1${chosen}&type=${text}&class=${text}&subject=${text}&since=${text}`),
  ]);
  const ofLinks = links.map(({ id }) => encodeURIComponent(id));
  /** What is asked for where there is more to ask for than the address itself; with each parameter, ids that are there. */
  const asked: Record<string, string[]> = {
    "/": ["/", "/?status=error", ...said.map((text) => `/?added=${text}&status=${text}&after=${text}`)],
    "/links/:id": ofLinks.map((id) => `/links/${id}`),
    "/api/links/:id": ofLinks.slice(0, 12).map((id) => `/api/links/${id}`),
    "/failures": [
      ...["/failures", "/failures?all=1"],
      ...said.map((text) => `/failures?type=${text}&class=${text}&subject=${text}&since=${text}&done=${text}`),
    ],
    "/failures/decide": decisions.map((query) => `/failures/decide${query}`),
    "/failures/:id": failures.map(({ id }) => `/failures/${id}`),
    "/failures/:id/key": some.map(({ id }) => `/failures/${id}/key`),
    "/failures/:id/value": some.map(({ id }) => `/failures/${id}/value`),
    "/site/*": siteFiles().map((file) => `/site/${file}`),
  };
  const routes = routesOf("GET");
  expect(Object.keys(asked).filter((path) => !routes.includes(path))).toEqual([]);
  const nowhere = texts.slice(0, 6).map((text) => `/${encodeURIComponent(text)}`);
  return new Map([...routes.map((path): [string, string[]] => [path, asked[path] ?? [path]]), ["nowhere", nowhere]]);
}

/** Opens every address. Each route must have shown what it is for, so that none is forgotten or asked for in vain. */
async function visitAll(context: BrowserContext, eachPage?: (page: Page) => Promise<void>): Promise<string[]> {
  const addresses = await allAddresses();
  const paths = [...addresses.values()].flat();
  expect(paths.length).toBeGreaterThan(150);
  const { traces, answered } = await visit(context, paths, eachPage);
  const unseen = [...addresses].filter(([, asked]) => !asked.some((path) => answered.get(path) === 200));
  expect(unseen.map(([route]) => route)).toEqual(["nowhere"]);
  return traces;
}

const siteFiles = () =>
  readdirSync(siteOptions(world.app.config).directory, { recursive: true, encoding: "utf8" }).filter((file) =>
    /\.(html|xml|json)$/.test(file),
  );

interface Seen {
  /** How often something ran, a dialog opened, the policy had to step in, an error was thrown. */
  readonly problems: string[];
  /** Requests that left our origin, before anything stopped them. */
  readonly outward: string[];
}

/** A browser that tells what happens in it. */
async function watchedContext(options: BrowserContextOptions = {}): Promise<{ context: BrowserContext; seen: Seen }> {
  const seen: Seen = { problems: [], outward: [] };
  // What programs are told is text in a browser too.
  const extraHTTPHeaders = { authorization: `Bearer ${token}` };
  const context = await (browser as Browser).newContext({ extraHTTPHeaders, ...options });
  await context.exposeFunction("canary", () => void seen.problems.push("it ran"));
  await context.exposeFunction("tell", (problem: string) => void seen.problems.push(problem));
  await context.addInitScript(`addEventListener("securitypolicyviolation", (event) =>
    tell("CSP: " + event.violatedDirective + " " + event.blockedURI + " in " + location));`);
  context.on("dialog", (dialog) => {
    seen.problems.push(`dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  context.on("weberror", (error) => void seen.problems.push(String(error.error())));
  context.on("request", (request) => {
    if (!request.url().startsWith(`${server.url}/`)) seen.outward.push(request.url());
  });
  return { context, seen };
}

/** What markup of others would look like, wherever it hides. Runs in the page. */
const TRACES = `(() => {
  const found = [];
  for (const element of document.querySelectorAll("*")) {
    const { localName } = element;
    if (/^(script|link|meta|style|base|iframe|object|embed|img|svg|video|audio|math|template)$/.test(localName)) {
      const leads = element.src || element.href || element.httpEquiv || "";
      const isOurs = document.head.contains(element) && localName !== "base" && !/canary|refresh/i.test(leads);
      if (!isOurs) found.push(localName + " " + element.outerHTML.slice(0, 80));
    }
    for (const { name, value } of element.attributes) {
      if (name.startsWith("on") || name === "srcdoc" || name === "style") found.push(localName + " " + name);
      if (/^(href|src|action|formaction|xlink:href)$/.test(name) && !/^https?:$/.test(new URL(value, "http://here/").protocol)) {
        found.push(localName + " leads to " + value);
      }
    }
  }
  return found;
})()`;

/** Opens them all, a few at a time, and looks through each that is a page. */
async function visit(context: BrowserContext, paths: readonly string[], eachPage?: (page: Page) => Promise<void>) {
  const traces: string[] = [];
  const answered = new Map<string, number>();
  const rest = paths.values();
  const tab = async () => {
    const page = await context.newPage();
    for (const path of rest) {
      const { status, isPage } = await open(page, path);
      answered.set(path, status);
      if (!isPage) continue;
      traces.push(...((await page.evaluate(TRACES)) as string[]).map((trace) => `${path}: ${trace}`));
      await eachPage?.(page);
    }
    await page.close();
  };
  await Promise.all(Array.from({ length: TABS }, tab));
  return { traces, answered };
}

/** A file is kept and not shown: nothing of it is in the browser. */
async function open(page: Page, path: string): Promise<{ status: number; isPage: boolean }> {
  try {
    const response = await page.goto(server.url + path, { waitUntil: "load" });
    const type = response?.headers()["content-type"] ?? "";
    return { status: response?.status() ?? 0, isPage: type.startsWith("text/html") };
  } catch (error) {
    if (!String(error).includes("Download is starting")) throw error;
    return { status: 200, isPage: false };
  }
}

/** Sends a form of our own page. Runs in the page. */
function sendForm({ form, fields }: { form: string; fields: [name: string, value: string][] }): void {
  const element = Object.assign(document.createElement("form"), { method: "post", action: form });
  for (const [name, value] of fields) element.append(Object.assign(document.createElement("input"), { name, value }));
  document.body.append(element);
  element.submit();
}

const NOTHING: Seen = { problems: [], outward: [] };

describe.skipIf(browser === null)("hostile text in a browser", () => {
  test("given a page that does run it, when watched, then the watching notices", async () => {
    const { context, seen } = await watchedContext();
    const page = await context.newPage();
    await page.goto(`${server.url}/healthz`); // JSON, with our policy: even there nothing may be run.
    await page.evaluate(`document.body.insertAdjacentHTML("beforeend", '<img src="${elsewhere.origin}/x">')`);
    await page.waitForFunction("true");
    await page.goto("about:blank");
    await page.setContent(`<img src=x onerror=canary()><a href="javascript:1">a</a><p onclick="1">`);
    await page.waitForFunction("document.images[0].complete");
    expect(await page.evaluate(TRACES)).toEqual([
      expect.stringContaining("img"),
      "img onerror",
      "a leads to javascript:1",
      "p onclick",
    ]);
    expect(seen.problems).toEqual([expect.stringContaining("CSP: img-src"), "it ran"]);
    expect(elsewhere.asked).toEqual([]);
    await context.close();
  });

  test(
    "given every page and file, when opened, then nothing runs, leaves, or troubles the policy",
    async () => {
      const { context, seen } = await watchedContext();
      expect(await visitAll(context)).toEqual([]);
      // It is there to be looked at, also where a decision is only foreseen.
      for (const path of ["/failures?all=1", "/failures/decide?act=redriven"]) {
        expect(await (await fetch(server.url + path)).text()).toContain("&lt;script&gt;canary()");
      }
      expect(seen).toEqual(NOTHING);
      expect(elsewhere.asked).toEqual([]);
      await context.close();
    },
    TEST_MS,
  );

  test(
    "given no policy at all, when opened, hovered and focused, then it is harmless by itself",
    async () => {
      const { context, seen } = await watchedContext({ bypassCSP: true });
      const poke = `for (const element of document.querySelectorAll("*"))
      for (const type of ["mouseover", "focus", "toggle", "error", "load", "animationstart"])
        element.dispatchEvent(new Event(type));`;
      expect(await visitAll(context, async (page) => void (await page.evaluate(poke)))).toEqual([]);
      expect(seen).toEqual(NOTHING);
      expect(elsewhere.asked).toEqual([]);
      await context.close();
    },
    TEST_MS,
  );

  test(
    "given hostile text in the form, when it is sent, then it comes back as text",
    async () => {
      const { context, seen } = await watchedContext({ bypassCSP: true });
      const page = await context.newPage();
      for (const text of texts.slice(0, 12)) {
        await page.goto(server.url);
        await page.getByLabel("Address of a page").fill(text);
        await page.getByRole("button", { name: "Add link" }).click();
        await page.getByRole("alert").waitFor();
        expect(await page.getByLabel("Address of a page").inputValue()).toBe(text.trim());
        expect(await page.evaluate(TRACES)).toEqual([]);
      }
      expect(seen).toEqual(NOTHING);
      await context.close();
    },
    TEST_MS,
  );

  test(
    "given each form without what it needs, when sent, then the page that comes back holds what was written as text",
    async () => {
      const { context, seen } = await watchedContext({ bypassCSP: true });
      const page = await context.newPage();
      const [failure] = (await allFailures()).filter(({ state }) => state === "open");
      const ids = (await allFailures()).map(({ id }): [string, string] => ["id", id]);
      /** What each is sent, so that it comes back. */
      const sent: Record<string, (text: string) => [name: string, value: string][][]> = {
        "/links": (text) => [[["url", text]]],
        "/failures/redrive": (text) => [[["since", text]]],
        "/failures/discard": (text) => [
          [["id", failure?.id ?? ""]],
          [["chosen", "1"], ...ids],
          [["type", text]],
          [
            ["since", text],
            ["reason", text],
          ],
        ],
      };
      const forms = routesOf("POST").filter((path) => !path.startsWith("/api/"));
      expect(Object.keys(sent).sort()).toEqual(forms.sort());
      for (const form of forms) {
        for (const fields of texts.slice(0, 8).flatMap((text) => sent[form]?.(text) ?? [])) {
          await page.goto(`${server.url}/status`);
          const [response] = await Promise.all([
            page.waitForResponse((answer) => new URL(answer.url()).pathname === form),
            page.waitForEvent("load"),
            page.evaluate(sendForm, { form, fields }),
          ]);
          expect([form, fields, response.status()]).toEqual([form, fields, 422]);
          expect([form, fields, await page.evaluate(TRACES)]).toEqual([form, fields, []]);
        }
      }
      expect(seen).toEqual(NOTHING);
      await context.close();
    },
    TEST_MS,
  );

  test(
    "given the feeds, when parsed as a reader does, then they hold the text and no markup",
    async () => {
      const { context } = await watchedContext();
      const page = await context.newPage();
      await page.goto(`${server.url}/site/`);
      const read = (name: string) => readFileSync(join(siteOptions(world.app.config).directory, name), "utf8");
      const rss = (await page.evaluate(`(() => {
      const feed = new DOMParser().parseFromString(${JSON.stringify(read("feed.xml"))}, "application/xml");
      const of = (item, name) => item.querySelector(name)?.textContent ?? null;
      return {
        broken: feed.querySelectorAll("parsererror").length,
        names: [...new Set([...feed.querySelectorAll("*")].map((element) => element.nodeName))].sort(),
        leaves: [...feed.querySelectorAll("item > *")].every((element) => element.children.length === 0),
        items: [...feed.querySelectorAll("item")].map((item) => ({ title: of(item, "title"), link: of(item, "link") })),
      };
    })()`)) as { broken: number; names: string[]; leaves: boolean; items: { title: string; link: string }[] };
      expect(rss).toMatchObject({ broken: 0, leaves: true });
      const item = ["guid", "item", "lastBuildDate", "link", "pubDate", "rss", "title"];
      expect(rss.names).toEqual(["atom:link", "category", "channel", "description", ...item]);
      expect(rss.items).toHaveLength(links.length);
      expect(rss.items.map(({ title }) => title)).toContain("<script>canary()</script>");
      const { items } = JSON.parse(read("feed.json"));
      expect(items).toHaveLength(links.length);
      const addresses = [...rss.items.map(({ link }) => link), ...items.map((item: { url: string }) => item.url)];
      expect(addresses.filter((address) => !/^https?:\/\//.test(address))).toEqual([]);
      for (const item of items) {
        expect(item).not.toHaveProperty("content_html");
        if ("external_url" in item) expect(item.external_url).toMatch(/^https?:\/\//);
      }
      await context.close();
    },
    TEST_MS,
  );
});
