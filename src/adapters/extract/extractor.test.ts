import { afterAll, describe, expect, test } from "bun:test";
import { tmpdir } from "node:os";
import { silentLogger } from "../../engine/logger.ts";
import { createExtractor } from "./extractor.ts";

const never = new AbortController().signal;
const extractor = createExtractor({ log: silentLogger, timeoutMs: 4_000, workers: 2 });
afterAll(() => extractor.close());

function page(html: string) {
  return { finalUrl: "https://example.org/a", contentType: "text/html", body: Buffer.from(html) };
}

/** Holds linkedom far longer than the time limit, although it is neither deep nor big. */
const TAR_PIT = tarPit();
function tarPit(): string {
  return `<html><title>Tar</title><body>pit${"<div>".repeat(450)}${"</p>".repeat(59_000)}`;
}

const GOOD = "<html><title>Good</title><body><p>fine</body></html>";

describe("a page that holds its parser", () => {
  test("is read plainly after the time limit; others are not delayed and the place is free again", async () => {
    const order: string[] = [];
    const hostile = extractor.extract(page(TAR_PIT), { signal: never }).then((found) => {
      order.push("hostile");
      return found;
    });
    for (let index = 0; index < 5; index++) {
      expect((await extractor.extract(page(GOOD), { signal: never })).title).toBe("Good");
      order.push("good");
    }
    expect(await hostile).toMatchObject({ title: "Tar", text: "pit" });
    expect(order).toEqual(["good", "good", "good", "good", "good", "hostile"]);
    const both = await Promise.all([GOOD, GOOD].map((html) => extractor.extract(page(html), { signal: never })));
    expect(both.map(({ title }) => title)).toEqual(["Good", "Good"]);
  }, 20_000);

  test("ends with the caller's signal", async () => {
    const controller = new AbortController();
    const reading = extractor.extract(page(TAR_PIT), { signal: controller.signal });
    controller.abort(new Error("draining"));
    await expect(reading).rejects.toThrow("draining");
  });

  test("dies of its memory limit before it harms the rest", async () => {
    const reasons: unknown[] = [];
    const log = {
      ...silentLogger,
      warn: (_message: string, fields?: Record<string, unknown>) => reasons.push(fields?.reason),
    };
    const small = createExtractor({ log, workers: 1, memoryLimitBytes: 300_000_000 });
    const swelling = `<html><title>Big</title><body>${"<".repeat(6_000_000)}`;
    expect((await small.extract(page(swelling), { signal: never })).title).toBe("Big");
    expect(reasons).toEqual(["the parser took too much memory or crashed"]);
    await small.close();
  }, 20_000);
});

test("a wall for robots keeps its class across the process", async () => {
  const wall = page("<html><title>Just a moment...</title><body>x</body></html>");
  await expect(extractor.extract(wall, { signal: never })).rejects.toMatchObject({
    name: "TerminalError",
    errorClass: "bot_wall",
  });
});

/** Starts a parser from another folder, says its pid, and waits to be killed. */
const PARENT = `
  import { Parser } from ${JSON.stringify(new URL("./parser.ts", import.meta.url).href)};
  const parser = new Parser(1e9);
  const job = (html) => ({ plainly: false, page: { finalUrl: "http://a.test/", contentType: "text/html", body: Buffer.from(html) } });
  await parser.run(job("warm"), 20_000, new AbortController().signal);
  const reading = parser.run(job((${tarPit})()), 60_000, new AbortController().signal);
  console.log(parser.pid);
  await reading;
`;

test("a parser works from any folder and does not outlive a parent that was killed, even while busy", async () => {
  const parent = Bun.spawn([process.execPath, "-e", PARENT], { cwd: tmpdir(), stdout: "pipe", stderr: "inherit" });
  const { value } = await parent.stdout.getReader().read();
  const pid = Number(new TextDecoder().decode(value));
  expect(isRunning(pid)).toBe(true);
  parent.kill("SIGKILL");
  const deadline = Date.now() + 5_000;
  while (isRunning(pid) && Date.now() < deadline) await Bun.sleep(20);
  expect(isRunning(pid)).toBe(false);
}, 20_000);

test("a closed extractor reads nothing more", async () => {
  const closed = createExtractor({ log: silentLogger });
  await closed.close();
  await expect(closed.extract(page(GOOD), { signal: never })).rejects.toThrow("closed");
});

test("an idle parser does not keep the program running", async () => {
  const script = `
    import { createExtractor } from ${JSON.stringify(new URL("./extractor.ts", import.meta.url).href)};
    import { silentLogger } from ${JSON.stringify(new URL("../../engine/logger.ts", import.meta.url).href)};
    const page = { finalUrl: "http://a.test/", contentType: "text/plain", body: Buffer.from("hello") };
    const { text } = await createExtractor({ log: silentLogger }).extract(page, { signal: new AbortController().signal });
    console.log(text);
  `;
  const program = Bun.spawn([process.execPath, "-e", script], { stdout: "pipe" });
  expect(await new Response(program.stdout).text()).toBe("hello\n");
  expect(await program.exited).toBe(0);
}, 20_000);

/** A process that ended but was not collected yet counts as gone. */
function isRunning(pid: number): boolean {
  const state = Bun.spawnSync(["ps", "-o", "stat=", "-p", String(pid)])
    .stdout.toString()
    .trim();
  return state !== "" && !state.startsWith("Z");
}
