/** A reset that is killed, that meets stages which run, or another one; over the log in Postgres. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import type { App } from "../../src/app.ts";
import { liveStages } from "../../src/cli/live-stages.ts";
import { linkAddedEvent } from "../../src/domains/links/index.ts";
import { messageOf } from "../../src/engine/errors.ts";
import type { Log } from "../../src/engine/log.ts";
import type { Logger } from "../../src/engine/logger.ts";
import type { Forwarding } from "../../src/engine/store.ts";
import { ingest } from "../../src/pipeline/ingest.ts";
import {
  aloneResetting,
  clusterChanged,
  RESET_LEASE,
  type ResetTarget,
  resetTopics,
} from "../../src/pipeline/reset.ts";
import { runCommand } from "../support/commands.ts";
import type { DatabaseLogins } from "../support/database-logins.ts";
import { stateDigest } from "../support/digest.ts";
import { servePages, type TestPages } from "../support/pages.ts";
import { isApplied, settled } from "../support/settled.ts";
import { createTestApp, type TestApp, until } from "../support/test-app.ts";

const TEST_MS = 60_000;
const EVENTS = 20;

let pages: TestPages;
let world: TestApp;
let logins: DatabaseLogins;
/** Who resets. */
let admin: App;
let state: Record<string, string>;

beforeAll(async () => {
  pages = await servePages();
  world = await createTestApp({ STREAM_TRANSPORT: "embedded", FETCH_ALLOW_HOSTS: pages.host });
  logins = await world.logins();
  admin = logins.app("admin");
  const { store, registry } = world.app;
  const todos = Array.from({ length: EVENTS }, (_, n) => ({
    type: "todo.created",
    subject: "todo",
    subjectId: `t:${n}`,
    payload: { title: `todo ${n}` },
  }));
  await ingest([...todos, linkAddedEvent({ url: `${pages.origin}/ok/0`, source: "test" })], {
    store,
    registry,
    now: () => new Date(),
  });
  await world.runUntil(world.stages(), () => settled(world.app));
  state = await stateDigest(world.app);
}, TEST_MS);

afterAll(async () => {
  await world[Symbol.asyncDispose]();
  await pages[Symbol.asyncDispose]();
}, TEST_MS);

const target = (): ResetTarget => {
  const { log, store, registry } = admin;
  return { log, forwarding: store.forwarding, topics: registry.topics };
};

const reset = (what: Partial<ResetTarget> = {}) =>
  resetTopics({ ...target(), ...what, signal: AbortSignal.timeout(TEST_MS) });

const KILLED = "killed by the test";

/** It dies as it is about to call this, or once that is done. */
function dying<T extends object>(of: T, method: keyof T & string, when: "before" | "after"): T {
  return new Proxy(of, {
    get(inner, name) {
      const value: unknown = Reflect.get(inner, name);
      if (typeof value !== "function") return value;
      if (name !== method) return value.bind(inner);
      return async (...args: unknown[]) => {
        if (when === "after") await Reflect.apply(value, inner, args);
        throw new Error(KILLED);
      };
    },
  });
}

const log = (method: keyof Log & string, when: "before" | "after") => () => ({
  log: dying(admin.log, method, when),
});
const forwarding = (method: keyof Forwarding & string, when: "before" | "after") => () => ({
  forwarding: dying(admin.store.forwarding, method, when),
});

const partitions = async () => {
  const { topics } = await world.app.log.describeTopics(world.app.registry.topics.map(({ name }) => name));
  return Object.fromEntries(topics.map(({ name, replicas }) => [name, replicas.length]));
};

test.each([
  ["planned", forwarding("beginReset", "after")],
  ["deleted", log("deleteTopics", "after")],
  ["gone", log("createTopics", "before")],
  ["created", log("createTopics", "after")],
  ["before-start", forwarding("startOver", "before")],
  ["started", forwarding("startOver", "after")],
] as const)(
  "given a reset that was killed at %s, when it is run again, then topics, vocabulary and state are whole",
  async (_, killed) => {
    const { app } = world;
    // Without the vocabulary, which only this reset knows to have been missing.
    await app.log.deleteTopics(["tags.catalog"]);
    await app.log.addPartitions("work.fetch_link", 5);
    const before = { ...(await partitions()), "tags.catalog": 1 };
    expect(await reset(killed()).catch(messageOf)).toContain(KILLED);
    const events = await reset();
    expect(await partitions()).toEqual(before);
    expect(await app.store.forwarding.resetUnderWay()).toEqual(new Map());
    expect(events + (await app.store.outbox.pending())).toBeGreaterThan(EVENTS);
    expect(await app.db`select from lifestream.tag_catalog where sent_at is not null`).toHaveLength(0);
    await world.runUntil(world.stages(), () => settled(app));
    expect(await stateDigest(app)).toEqual(state);
  },
  TEST_MS,
);

test(
  "given only an agent that runs, or only a relay, when a reset is asked for, then it names it and touches nothing",
  async () => {
    const { app } = world;
    const before = await app.log.identity(["events.raw"]);
    await world.runUntil(world.some("fetcher"), async () => {
      await until(async () => (await liveStages(app)).length > 0);
      expect(await liveStages(app)).toEqual(["the fetcher"]);
      const refused = await runCommand(["kafka:reset", "--yes"], logins.env("admin"));
      expect([refused.code, refused.stderr]).toEqual([
        1,
        expect.stringContaining("still running: the fetcher; stop them"),
      ]);
      return true;
    });
    await world.runUntil(world.some("relay"), async () => {
      await until(async () => (await liveStages(app)).length > 0);
      expect(await liveStages(app)).toEqual([expect.stringMatching(/^the relay \(/)]);
      return true;
    });
    expect(await liveStages(app)).toEqual([]);
    await app.db`
      update lifestream.work set status = 'running', agent = 'fetcher', lease_until = now() + interval '1 hour'
      where work_type = 'fetch_link'`;
    expect(await liveStages(app)).toEqual([expect.stringMatching(/^work of the fetcher, until \d\d:\d\d:\d\d UTC$/)]);
    await app.db`update lifestream.work set status = 'done', lease_until = null where work_type = 'fetch_link'`;
    expect(await app.log.identity(["events.raw"])).toEqual(before);
  },
  TEST_MS,
);

test(
  "given a reset under way, when stages start, then they wait and say so once, and a second reset ends with a sentence",
  async () => {
    const { app } = world;
    const { store, clock } = admin;
    const told: string[] = [];
    const logger: Logger = {
      ...world.app.logger,
      warn: (message, fields) => told.push(`${fields?.stage}: ${message}`),
    };
    const telling = ["relay", "materializer", "catalog"];
    const stages = (await world.stages({ logger })).filter(({ name }) => telling.includes(name));
    const alone = { leases: store.leases, clock };
    await aloneResetting({ ...alone, holder: "first" }, async () => {
      const second = await aloneResetting({ ...alone, holder: "second" }, async () => "began").catch(messageOf);
      expect(second).toContain("another reset is under way (first)");
      const waiting = [
        "relay: waiting: a reset of the topics is under way (first)",
        "materializer: waiting: a reset of the topics is under way (first)",
        "catalog: waiting: a reset of the topics is under way (first)",
      ];
      await world.runUntil(stages, async () => {
        await until(async () => told.length >= waiting.length);
        await reset();
        // Long enough for a stage to look once more.
        await until(async () => (await app.log.identity(["events.raw"])).topicIds.size > 0);
        expect(await liveStages(app)).toEqual([]);
        return true;
      });
      expect(told.toSorted()).toEqual(waiting.toSorted());
      expect(await store.leases.holderOf(RESET_LEASE)).toBe("first");
    });
    expect(await store.leases.holderOf(RESET_LEASE)).toBeNull();
    await world.runUntil(stages, () => isApplied(app, ["materializer-v1"]));
    await world.runUntil(world.stages(), () => settled(app));
    expect(await stateDigest(world.app)).toEqual(state);
  },
  TEST_MS,
);

test(
  "given topics that were made anew by others, when a reset is asked for if the cluster changed, then it is done, and once",
  async () => {
    const { app } = world;
    const command = ["kafka:reset", "--if-cluster-changed", "--yes"];
    expect(await clusterChanged(target())).toBe(false);
    await app.log.deleteTopics(["events.raw"]);
    await app.log.createTopics(
      app.registry.topics.filter(({ name }) => name === "events.raw").map((topic) => ({ ...topic, replication: 1 })),
    );
    expect(await clusterChanged(target())).toBe(true);
    const changed = await runCommand(command, logins.env("admin"));
    expect([changed.code, changed.stdout]).toEqual([0, expect.stringContaining("events flow again")]);
    expect(await runCommand(command, logins.env("admin"))).toMatchObject({
      code: 0,
      stdout: "same cluster: nothing to do\n",
    });
  },
  TEST_MS,
);
