/** Hostile pages through the real agents: client, parser, enricher and publisher, on a real Postgres and Kafka. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { linkAddedEvent } from "../../src/domains/links/index.ts";
import { ingest } from "../../src/pipeline/ingest.ts";
import { killLeftCommands, type Running, startCommand } from "../support/commands.ts";
import { idOf } from "../support/link-mix.ts";
import { servePages, type TestPages } from "../support/pages.ts";
import { settled } from "../support/settled.ts";
import { createTestApp, type TestApp, until } from "../support/test-app.ts";
import { HOSTILE_PAGES } from "./hostile-pages.ts";

const TEST_MS = 900_000;
const GOOD_SITES = 4;
const GOOD_LINKS = 24;
/** A link that comes beside a hostile page is published within this, which is as long as a page may hold its parser. */
const BESIDE_MS = 10_000;
/** With every place held by a slow page, others wait for a deadline; the slow ones come again meanwhile. */
const FULL_MS = 2 * 20_000;
/** What the worker may take, whatever comes: eight pages at a time of ten megabytes, and itself. */
const MEMORY_BYTES = 1_000_000_000;
/** Longest event, in bytes: the text of a page and little more. */
const EVENT_BYTES = 1_200_000;

const good: TestPages[] = [];
let hostile: Awaited<ReturnType<typeof startHostileSite>>;
let world: TestApp;
/** The fetcher, a process of its own. */
let worker: Running;
/** The most that this process took, which is the other stages. */
let mostMemory = 0;
let over = false;
let running: Promise<void>;

beforeAll(async () => {
  for (let site = 0; site < GOOD_SITES; site++) good.push(await servePages());
  hostile = await startHostileSite();
  const hosts = [...good.map(({ host }) => host), ...hostile.hosts.map(([, host]) => host)];
  world = await createTestApp({ FETCH_ALLOW_HOSTS: hosts.join(",") });
  const measured = async () => {
    mostMemory = Math.max(mostMemory, process.memoryUsage.rss());
    return over;
  };
  worker = startCommand(["agent:fetcher"], world.env);
  const others = (await world.stages()).filter(({ name }) => name !== "fetcher");
  running = world.runUntil(others, measured, 3 * TEST_MS);
}, 60_000);

afterAll(async () => {
  over = true;
  await running;
  await killLeftCommands();
  for (const site of good) await site[Symbol.asyncDispose]();
  hostile.site.kill();
  await world[Symbol.asyncDispose]();
}, 60_000);

/** Starts the hostile pages; where each is, by name. */
async function startHostileSite() {
  const script = fileURLToPath(new URL("./hostile-site.ts", import.meta.url));
  const command = [process.execPath, "--no-env-file", script];
  const site = Bun.spawn(command, { stdin: "pipe", stdout: "pipe", stderr: "inherit" });
  const { value } = await site.stdout.getReader().read();
  const hosts: [name: string, host: string][] = JSON.parse(new TextDecoder().decode(value));
  return { hosts, site };
}

async function add(urls: readonly string[]): Promise<void> {
  const { store, registry } = world.app;
  const events = urls.map((url) => linkAddedEvent({ url, source: "test", visibility: "public" }));
  await ingest(events, { store, registry, now: () => new Date() });
}

const goodLinks = (round: string) =>
  Array.from({ length: GOOD_LINKS }, (_, n) => `${good[n % GOOD_SITES]?.origin}/ok/${round}-${n}`);

async function published(urls: readonly string[]): Promise<boolean> {
  const rows = await world.app.db`
    select 1 from lifestream.links where subject_id = any(${urls.map(idOf)}::text[]) and status = 'published'`;
  return rows.length === urls.length;
}

/** What became of a page's link: `published`, the class of the error that ended its work, or null while it goes on. */
async function endOf(url: string): Promise<string | null> {
  const [row] = await world.app.db<{ status: string; error_class: string | null }[]>`
    select l.status, max(w.error_class) filter (where w.status = 'dead') as error_class
    from lifestream.links l left join lifestream.work w using (subject_id)
    where subject_id = ${idOf(url)} group by l.status`;
  return row?.status === "published" ? row.status : (row?.error_class ?? null);
}

/** Links to the hostile pages that are slow, or to those that are not, by name. */
const hostileLinks = ({ slow }: { slow: boolean }) =>
  hostile.hosts
    .filter(([name]) => (HOSTILE_PAGES[name]?.slow ?? false) === slow)
    .map(([name, host]) => [name, `http://${host}/`] as const);

const endsOf = async (links: readonly (readonly [string, string])[]) =>
  await Promise.all(links.map(async ([name, url]) => [name, await endOf(url)] as const));

/** Those that did not end as they must. */
const wrong = (ends: readonly (readonly [string, string | null])[]) =>
  ends.filter(([name, end]) => !HOSTILE_PAGES[name]?.ends.includes(end ?? ""));

/** How many pages the fetcher reads at once. */
const places = () => world.app.registry.agents.find(({ name }) => name === "fetcher")?.concurrency ?? 0;

async function held(count: number): Promise<boolean> {
  const running = await world.app
    .db`select 1 from lifestream.work where work_type = 'fetch_link' and status = 'running'`;
  return running.length >= count;
}

test(
  "given slow pages in all places but one, when other links come after them, then these are published before one of the slow ones ended",
  async () => {
    const slow = hostileLinks({ slow: true }).slice(1);
    expect(slow).toHaveLength(places() - 1);
    await add(slow.map(([, url]) => url));
    await until(() => held(slow.length), TEST_MS);
    const others = goodLinks("others");
    await add(others);
    await until(() => published(others), TEST_MS);
    expect(await endsOf(slow)).toEqual(slow.map(([name]) => [name, null]));
  },
  TEST_MS,
);

test(
  "given slow pages in all places, when other links come, then these wait for a deadline, and each slow one ends as it must",
  async () => {
    const slow = hostileLinks({ slow: true });
    await add(slow.slice(0, 1).map(([, url]) => url));
    await until(() => held(places()), TEST_MS);
    const late = goodLinks("late");
    const startedAt = performance.now();
    await add(late);
    await until(() => published(late), TEST_MS);
    const waited = Math.round(performance.now() - startedAt);
    console.log(`${places()} slow pages in as many places; other links waited ${waited} ms`);
    expect(waited).toBeLessThan(FULL_MS);
    await until(async () => (await endsOf(slow)).every(([, end]) => end !== null), TEST_MS);
    expect(wrong(await endsOf(slow))).toEqual([]);
  },
  TEST_MS,
);

test(
  "given each other page by itself and a good link beside it, when it came, then the worker lives and the link did not wait",
  async () => {
    const { pid } = worker;
    const waits: [name: string, ms: number][] = [];
    for (const [n, [name, url]] of hostileLinks({ slow: false }).entries()) {
      const beside = `${good[n % GOOD_SITES]?.origin}/ok/beside-${n}`;
      const startedAt = performance.now();
      await add([url, beside]);
      await until(() => published([beside]), TEST_MS);
      waits.push([name, Math.round(performance.now() - startedAt)]);
      await until(async () => (await endOf(url)) !== null, TEST_MS);
      // Not restarted by anybody: it is the process that was started.
      expect([name, worker.hasEnded(), isRunning(pid)]).toEqual([name, false, true]);
    }
    const [slowest] = waits.toSorted(([, a], [, b]) => b - a);
    console.log(`${waits.length} pages; the longest wait beside one: ${slowest?.[1]} ms (${slowest?.[0]})`);
    expect(waits.filter(([, ms]) => ms > BESIDE_MS)).toEqual([]);
  },
  TEST_MS,
);

/** No signal: only asks. */
function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

test(
  "given all other hostile pages, once more and all at once, when everything ran, then each ended as it must, and the worker reads on",
  async () => {
    const links = hostileLinks({ slow: false });
    await add([...links.map(([, url]) => `${url}again`), ...goodLinks("among")]);
    await until(() => settled(world.app), TEST_MS);
    const again = links.map(([name, url]) => [name, `${url}again`] as const);
    expect(wrong(await endsOf([...links, ...again]))).toEqual([]);
    const after = goodLinks("after");
    await add(after);
    await until(() => published([...goodLinks("among"), ...after]), TEST_MS);
  },
  TEST_MS,
);

test("given that all this was read, when it is looked at, then neither memory nor events grew without end", async () => {
  expect(mostMemory).toBeLessThan(MEMORY_BYTES);
  if (process.platform === "linux") expect(mostMemoryOf(worker.pid)).toBeLessThan(MEMORY_BYTES);
  const [longest] = await world.app.db<{ bytes: number }[]>`
    select max(octet_length(payload::text)) as bytes from lifestream.events`;
  expect(longest?.bytes).toBeLessThan(EVENT_BYTES);
});

/** The most that a process has taken so far, in bytes. */
function mostMemoryOf(pid: number): number {
  const [, kilobytes = "NaN"] = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8")) ?? [];
  return Number(kilobytes) * 1_024;
}
