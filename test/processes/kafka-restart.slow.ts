/** A broker that goes away and comes back: what waits for it, how it is met again, and that no runtime warns meanwhile. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { silentLogger } from "../../src/engine/logger.ts";
import { runStages } from "../../src/runtime/service.ts";
import { allStages } from "../../src/stages.ts";
import { killLeftCommands, startCommand } from "../support/commands.ts";
import { countLogins } from "../support/login-counter.ts";
import { newerNode } from "../support/newer-node.ts";
import { noSecuredKafka, type SecuredKafka, startSecuredKafka } from "../support/secured-kafka.ts";
import { createTestApp, type TestApp, until } from "../support/test-app.ts";

const absent = noSecuredKafka();
if (absent) console.warn(`not tried: a secured Kafka that is restarted (${absent})`);

const TEST_MS = 120_000;
const root = fileURLToPath(new URL("../..", import.meta.url));
const FLOW = join(root, "test/support/kafka-flow.ts");

describe.skipIf(absent !== null)("a broker that goes away and comes back", () => {
  let kafka: SecuredKafka;
  let folder: string;
  const children = new Set<ChildProcess>();

  beforeAll(async () => {
    // Below the packages, where a bundle finds them.
    folder = mkdtempSync(join(root, "node_modules", ".kafka-restart-"));
    kafka = await startSecuredKafka();
  }, TEST_MS);
  afterAll(async () => {
    await killLeftCommands();
    for (const child of children) child.kill("SIGKILL");
    await kafka?.[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true, force: true });
  }, TEST_MS);

  test(
    "given a broker that is not up yet, when it comes up, then kafka:wait ends with 0",
    async () => {
      await kafka.stopBroker(1, "kill");
      const command = startCommand(["kafka:wait", "--timeout", "60"], kafka.env("scram-sha-512"));
      await command.said(/^\.\.\. connect .*: nothing listens/m);
      await kafka.startBroker(1);
      const { code, stdout } = await command.ended;
      expect(stdout).toMatch(/^ok {2}see the topic events\.raw/m);
      expect(code).toBe(0);
    },
    TEST_MS,
  );

  test(
    "given every stage in one process, when it runs and its broker restarts, then it logs in a few times only, spread",
    async () => {
      await using world = await createTestApp(kafka.env("scram-sha-512"));
      using logins = countLogins();
      const stop = new AbortController();
      const options = { signal: stop.signal, drainTimeoutMs: 10_000, logger: silentLogger };
      const running = runStages(allStages(world.app, { once: false }), options);
      await applyTodo(world);
      expect(logins.times.length).toBeLessThanOrEqual(14);

      // The relay and the lag of `status` look at Kafka every few seconds: on connections that are there.
      const before = logins.times.length;
      for (let look = 0; look < 10; look++) await world.app.log.identity(["events.raw"]);
      await world.app.log.endOffsets(["events.raw"]);
      expect(logins.times.length - before).toBeLessThanOrEqual(1);

      await kafka.stopBroker(1, "kill");
      const downAt = performance.now();
      await kafka.startBroker(1);
      await applyTodo(world);
      expect(logins.mostPerSecond(downAt)).toBeLessThanOrEqual(15);
      expect(logins.times.filter((time) => time > downAt).length).toBeLessThanOrEqual(25);
      stop.abort();
      await running;
    },
    TEST_MS,
  );

  test(
    "given records that flow on Bun, when the broker is killed and restarted, then all arrive and nothing warns",
    () => expectNoWarnings([process.execPath, "--no-env-file", FLOW]),
    TEST_MS,
  );

  test(
    "given the same on Node, when the broker is killed and restarted, then all arrive and nothing warns",
    async () => {
      const node = newerNode();
      if (!node) return console.warn("not tried: Node (22.18 or newer is not here; TEST_NODE can name one)");
      const built = await Bun.build({ entrypoints: [FLOW], target: "node", packages: "external", outdir: folder });
      expect(built.success).toBe(true);
      await expectNoWarnings([node, join(folder, "kafka-flow.js")]);
    },
    TEST_MS,
  );

  /** Lets records flow, takes the broker away and brings it back. */
  async function expectNoWarnings([command = "", ...args]: readonly string[]): Promise<void> {
    const child = spawn(command, args, { cwd: root, env: { PATH: process.env.PATH, ...kafka.env("scram-sha-512") } });
    children.add(child);
    let said = "";
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", (text) => (said += text));
    const closed = new Promise<void>((resolve) => child.once("close", () => resolve()));
    const sees = (pattern: RegExp) => until(async () => pattern.test(said) || child.exitCode !== null, 60_000);
    await sees(/^flowing \d\d/m);
    await kafka.stopBroker(1, "kill");
    await sees(/^interrupted/m);
    await kafka.startBroker(1);
    await sees(/^flowing again/m);
    child.kill("SIGTERM");
    await closed;
    const ended = JSON.parse(/^ended (.*)$/m.exec(said)?.[1] ?? "null");
    expect(ended, said).toMatchObject({ warnings: [], unread: 0 });
    expect(ended.written).toBeGreaterThan(10);
    expect(ended.failures).toBeGreaterThan(0);
    expect(said).not.toMatch(/warning:/i);
  }

  async function applyTodo({ app: { db } }: TestApp): Promise<void> {
    const id = `todoist:${crypto.randomUUID()}`;
    const payload = db.json({ title: "a todo" });
    await db`
      insert into lifestream.events (occurred_at, source, subject, subject_id, event_type, payload)
      values (now(), 'todoist', 'todo', ${id}, 'todo.created', ${payload})`;
    await until(async () => (await db`select from lifestream.todos where subject_id = ${id}`).length > 0, 60_000);
  }
});
