import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { DEMO_PAGES } from "../../src/cli/demo-pages.ts";
import { removeStackHome } from "../../src/stack/index.ts";
import { hasKafkaJars } from "../../src/stack/kafka.ts";
import { openBrowser } from "../support/browser.ts";
import { type Ended, type Env, killLeftCommands, type Running, runCommand, startCommand } from "../support/commands.ts";
import { servePages, type TestPages } from "../support/pages.ts";
import { processesNaming } from "../support/processes.ts";
import { testServers } from "../support/servers.ts";
import { createTestApp, type TestApp, until } from "../support/test-app.ts";

const TEST_MS = 90_000;
/** Slow enough to be seen waiting. */
const PAGE_MS = 1_500;
/** A page of one colour is smaller. */
const SCREENSHOT_BYTES = 15_000;

/** All take long and mostly wait: one demo after the other runs while the browser looks at another run. */
let onKafka: Demo;
let inPostgres: Demo;
const browser = await openBrowser();

beforeAll(async () => {
  // Where nobody set up a local Kafka, the one of the tests does.
  const kafka = hasKafkaJars() ? {} : { KAFKA_BROKERS: (await testServers()).kafkaBrokers };
  onKafka = startDemo(kafka);
  inPostgres = startDemo({ STREAM_TRANSPORT: "embedded", KAFKA_BROKERS: "" }, onKafka.ended);
}, TEST_MS);

afterAll(async () => {
  await killLeftCommands();
  await browser?.close();
  for (const { folder } of [onKafka, inPostgres]) {
    for (const home of readdirSync(folder)) removeStackHome(join(folder, home));
    rmSync(folder, { recursive: true, force: true });
  }
}, TEST_MS);

describe.skipIf(browser === null)("the web page in Chromium", () => {
  let pages: TestPages;
  let world: TestApp;
  let start: Running;
  let address: string;
  let context: BrowserContext;
  const problems: string[] = [];

  beforeAll(async () => {
    pages = await servePages({ delayMs: PAGE_MS });
    world = await createTestApp({ FETCH_ALLOW_HOSTS: pages.host });
    start = startCommand(["start"], world.env);
    [, address = ""] = await start.said(/^ready +(\S+)/m);
    context = await (browser as Browser).newContext({ viewport: { width: 1280, height: 800 } });
    await context.exposeFunction("tell", (problem: string) => problems.push(problem));
    await context.addInitScript(REPORT_VIOLATIONS);
    context.on("console", (message) => message.type() === "error" && problems.push(message.text()));
    context.on("weberror", (error) => problems.push(String(error.error())));
  }, TEST_MS);

  afterAll(async () => {
    await context.close();
    await start.stop();
    await world[Symbol.asyncDispose]();
    await pages[Symbol.asyncDispose]();
  }, TEST_MS);

  test(
    "given a link added through the form, when the pipeline works, then it is seen to become published",
    async () => {
      const page = await context.newPage();
      await page.goto(address);
      await page.getByLabel("Address of a page").fill(`${pages.origin}/ok/browser`);
      await page.getByRole("button", { name: "Add link" }).click();
      const item = page.locator("#links li", { hasText: "/ok/browser" }).first();
      await item.waitFor();
      await page.evaluate("window.sameDocument = true");
      expect(await item.locator(".is-published").count()).toBe(0);
      await item.locator(".is-published").waitFor({ timeout: 20_000 });
      expect(await item.textContent()).toContain("Article /ok/browser");
      expect(await page.evaluate("window.sameDocument")).toBe(true);
      expect((await page.screenshot()).length).toBeGreaterThan(SCREENSHOT_BYTES);
      await item.getByRole("link", { name: "Article /ok/browser" }).click();
      await page.getByText("publish.completed").first().waitFor();
      await page.close();
    },
    TEST_MS,
  );

  test(
    "given a narrow, dark screen, when each page is opened, then nothing sticks out and none complains",
    async () => {
      const page = await context.newPage();
      await page.setViewportSize({ width: 390, height: 844 });
      await page.emulateMedia({ colorScheme: "dark" });
      for (const path of ["/", "/status", "/site/"]) {
        expect((await page.goto(`${address}${path}`))?.status()).toBe(200);
        expect(await widthOf(page)).toBeLessThanOrEqual(390);
        expect((await page.screenshot()).length).toBeGreaterThan(SCREENSHOT_BYTES / 3);
      }
      await page.close();
      expect(problems).toEqual([]);
    },
    TEST_MS,
  );
});

test(
  "given nothing but the clone, when the demo runs, then it ends with a feed and leaves no process",
  async () => {
    expect(await whatItSaid(onKafka)).toMatch(/^transport +Kafka \(/m);
  },
  TEST_MS,
);

test(
  "given a wish for the log in Postgres, when the demo runs, then it ends with a feed too, without any Kafka",
  async () => {
    const said = await whatItSaid(inPostgres);
    expect(said).toMatch(/^transport +embedded, tables in Postgres \(STREAM_TRANSPORT says so\)$/m);
    expect(said).not.toContain("Kafka");
  },
  2 * TEST_MS,
);

/** A demo, and the folder it has for itself. */
interface Demo {
  readonly folder: string;
  readonly ended: Promise<Ended>;
}

/** `after`: not before this is over, however it ends. */
function startDemo(env: Env, after: Promise<unknown> = Promise.resolve()): Demo {
  const folder = mkdtempSync(join(tmpdir(), "stream-demo-test-"));
  chmodSync(folder, 0o755);
  const run = () => runCommand(["demo"], { ...env, TMPDIR: folder }, { withinMs: TEST_MS });
  const ended = after.then(run, run);
  ended.catch(() => {}); // Told by its test.
  return { folder, ended };
}

/** Waits for a demo to end, with every page published and nothing left but the site. */
async function whatItSaid({ folder, ended }: Demo): Promise<string> {
  const { code, stdout, stderr } = await ended;
  expect({ code, stderr }).toEqual({ code: 0, stderr: expect.not.stringMatching(/^\s+at /m) });
  for (const { title } of DEMO_PAGES)
    expect(stdout).toMatch(new RegExp(`^ *[\\d.]+ s +published +${escaped(title)}$`, "m"));
  const [, file = ""] = /the feed stays in (\S+)\n$/.exec(stdout) ?? [];
  const feed = readFileSync(file, "utf8");
  for (const { title } of DEMO_PAGES) expect(feed).toContain(`<title>${title}</title>`);
  expect(readdirSync(dirname(dirname(file)))).toEqual(["site"]);
  await until(async () => processesNaming(folder).length === 0, 5_000);
  for (const [, data = ""] of stdout.matchAll(/data in (\S+)$/gm)) expect(processesNaming(data)).toEqual([]);
  return stdout;
}

/** What the content security policy refuses is told to us. */
const REPORT_VIOLATIONS = `addEventListener("securitypolicyviolation", (event) =>
  tell("CSP: " + event.violatedDirective + " " + event.blockedURI));`;

function widthOf(page: Page): Promise<number> {
  return page.evaluate("document.documentElement.scrollWidth");
}

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
}
