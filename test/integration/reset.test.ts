/** A reset that is killed, that meets stages which run, or another one; over the log in Postgres. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import type { App } from "../../src/app.ts";
import { liveStages } from "../../src/cli/live-stages.ts";
import { linkAddedEvent } from "../../src/domains/links/index.ts";
import { EnvironmentError, LeaseLostError, messageOf } from "../../src/engine/errors.ts";
import type { Log } from "../../src/engine/log.ts";
import type { Logger } from "../../src/engine/logger.ts";
import type { Forwarding, Leases } from "../../src/engine/store.ts";
import { ingest } from "../../src/pipeline/ingest.ts";
import { clusterChanged, type ResetTarget, resetTopics } from "../../src/pipeline/reset.ts";
import { type HeldReset, RESET_LEASE } from "../../src/pipeline/reset-lease.ts";
import { relayStage } from "../../src/stages.ts";
import { killLeftCommands, runCommand, startCommand } from "../support/commands.ts";
import type { DatabaseLogins } from "../support/database-logins.ts";
import { stateDigest } from "../support/digest.ts";
import { servePages, type TestPages } from "../support/pages.ts";
import { isApplied, settled } from "../support/settled.ts";
import { aloneInTest, resetAlone } from "../support/start-over.ts";
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
  await killLeftCommands();
  await world[Symbol.asyncDispose]();
  await pages[Symbol.asyncDispose]();
}, TEST_MS);

const target = (): ResetTarget => {
  const { log, store, registry } = admin;
  return { log, forwarding: store.forwarding, topics: registry.topics };
};

const reset = (what: Partial<ResetTarget> = {}) => resetAlone(admin, what);

const identity = () => world.app.log.identity(world.app.registry.topics.map(({ name }) => name));

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

/** A logger of which the warnings are kept, with the stage. */
function listening(): { readonly logger: Logger; readonly told: string[] } {
  const told: string[] = [];
  const warn: Logger["warn"] = (message, fields) => told.push(`${fields?.stage}: ${message}`);
  return { logger: { ...world.app.logger, warn }, told };
}

test(
  "given a reset under way, when stages start, then they wait and say so once, and a second reset ends with a sentence",
  async () => {
    const { app } = world;
    const { store } = admin;
    const { logger, told } = listening();
    const telling = ["relay", "materializer", "catalog"];
    const stages = (await world.stages({ logger })).filter(({ name }) => telling.includes(name));
    const first = async (held: HeldReset) => {
      const second = await aloneInTest(admin, async () => "began").catch(messageOf);
      expect(second).toContain("another reset is under way (first)");
      const waiting = [
        "relay: waiting: a reset of the topics is under way (first)",
        "materializer: waiting: a reset of the topics is under way (first)",
        "catalog: waiting: a reset of the topics is under way (first)",
      ];
      await world.runUntil(stages, async () => {
        await until(async () => told.length >= waiting.length);
        await resetTopics({ ...target(), held, signal: AbortSignal.timeout(TEST_MS) });
        // Long enough for a stage to look once more.
        await until(async () => (await app.log.identity(["events.raw"])).topicIds.size > 0);
        expect(await liveStages(app)).toEqual([]);
        return true;
      });
      expect(told.toSorted()).toEqual(waiting.toSorted());
      expect(await store.leases.holderOf(RESET_LEASE)).toBe("first");
    };
    await aloneInTest(admin, first, "first");
    expect(await store.leases.holderOf(RESET_LEASE)).toBeNull();
    await world.runUntil(stages, () => isApplied(app, ["materializer-v1"]));
    await world.runUntil(world.stages(), () => settled(app));
    expect(await stateDigest(world.app)).toEqual(state);
  },
  TEST_MS,
);

test(
  "given a reset under way, when a stage that starts cannot ask Postgres at first, then it says so, asks again and waits",
  async () => {
    const { logger, told } = listening();
    const { store } = world.app;
    let failures = 2;
    const holderOf: Leases["holderOf"] = async (name) => {
      if (failures-- > 0) throw new EnvironmentError("Postgres cannot be reached");
      return store.leases.holderOf(name);
    };
    const app = { ...world.app, logger, store: { ...store, leases: { ...store.leases, holderOf } } };
    const underWay = () =>
      world.runUntil([relayStage(app, { once: false })], async () => {
        await until(async () => told.length > 1);
        expect(await liveStages(app)).toEqual([]);
        return true;
      });
    await aloneInTest(admin, underWay, "first");
    expect(told).toEqual([
      "relay: waiting: Postgres cannot be reached; nothing is lost, it is tried again by itself",
      "relay: waiting: a reset of the topics is under way (first)",
    ]);
  },
  TEST_MS,
);

/** It is frozen once this is done, for the first time, until another reset is through. */
function frozen<T extends object>(of: T, method: keyof T & string, others: () => Promise<void>): T {
  let isFirst = true;
  return new Proxy(of, {
    get(inner, name) {
      const value: unknown = Reflect.get(inner, name);
      if (typeof value !== "function" || name !== method) return value;
      return async (...args: unknown[]) => {
        const answer: unknown = await Reflect.apply(value, inner, args);
        if (isFirst) {
          isFirst = false;
          await others();
        }
        return answer;
      };
    },
  });
}

const frozenLog = (method: keyof Log & string) => (others: () => Promise<void>) => ({
  log: frozen(admin.log, method, others),
});
const frozenStore = (method: keyof Forwarding & string) => (others: () => Promise<void>) => ({
  forwarding: frozen(admin.store.forwarding, method, others),
});

/** With the deletion asked for, before the request for it is out. */
const frozenDeleting = (others: () => Promise<void>) => {
  const deleteTopics: Log["deleteTopics"] = async (names, confirm) => {
    await others();
    await admin.log.deleteTopics(names, confirm);
  };
  return { log: { ...admin.log, deleteTopics } };
};

test.each([
  ["before its plan is written down", frozenLog("describeTopics")],
  ["with its plan written down", frozenStore("beginReset")],
  ["about to delete the topics", frozenDeleting],
  ["with the topics deleted", frozenLog("deleteTopics")],
  ["about to create them", frozenLog("cluster")],
  ["with the topics created", frozenLog("createTopics")],
  ["about to let the ledger flow", frozenLog("endOffsets")],
] as const)(
  "given a reset that is frozen %s, when another has taken its place and it wakes, then it touches nothing and says so",
  async (_, frozenAt) => {
    const { db, store } = world.app;
    const seen = async () => ({
      identity: await identity(),
      begun: await store.forwarding.resetUnderWay(),
      flows: (await db`select generation from lifestream.ledger_flows`).length,
      sent: (await db`select from lifestream.events where published_to_kafka`).length,
    });
    let before: Awaited<ReturnType<typeof seen>> | undefined;
    const others = async () => {
      await db`update lifestream.leases set holder = 'second' where name = ${RESET_LEASE}`;
      await resetAlone(admin, {}, "second");
      await world.runUntil(world.stages(), () => settled(world.app));
      before = await seen();
    };
    expect(await reset(frozenAt(others)).catch(messageOf)).toMatch(
      /^this reset stood still .* touches nothing more; "npm run kafka:reset -- --if-cluster-changed" does what is left/,
    );
    expect(before?.begun).toEqual(new Map());
    expect(await seen()).toEqual(before as never);
    expect(await clusterChanged(target())).toBe(false);
    expect(await stateDigest(world.app)).toEqual(state);
  },
  TEST_MS,
);

test(
  "given a lease that another has had since, when a reset is begun or the ledger is to flow with it, then nothing is changed",
  async () => {
    const { db, store } = world.app;
    const { forwarding, leases } = store;
    const lease = { name: RESET_LEASE, holder: "first" };
    await leases.acquire({ ...lease, holder: "second" }, TEST_MS);
    await leases.acquire({ name: "relay", holder: "third" }, TEST_MS);
    for (const held of [true, false]) {
      const log = { ...(await identity()), flowFrom: new Map() };
      await expect(forwarding.beginReset(lease, new Map([["events.raw", 1]]))).rejects.toThrow(LeaseLostError);
      for (const lost of [lease, { name: "relay", holder: "first" }]) {
        await expect(forwarding.startOver(lost, log, "a test")).rejects.toThrow(LeaseLostError);
      }
      expect([held, await leases.renew(lease, TEST_MS)]).toEqual([held, false]);
      // What nobody has any more is lost as well.
      await leases.release({ ...lease, holder: "second" });
    }
    expect(await forwarding.resetUnderWay()).toEqual(new Map());
    expect(await leases.holderOf("relay")).toBe("third");
    expect(await db`select from lifestream.events where not published_to_kafka`).toHaveLength(0);
    await leases.release({ name: "relay", holder: "third" });
  },
  TEST_MS,
);

const EVENTS_RAW = "events.raw";
const IF_CHANGED = ["kafka:reset", "--if-cluster-changed", "--yes"];

/** As another system, or a new cluster, leaves it: the topic is there, and is not the one that was sent to. */
async function makeAnewElsewhere(): Promise<void> {
  const { log, registry } = world.app;
  await log.deleteTopics([EVENTS_RAW]);
  const made = registry.topics.filter(({ name }) => name === EVENTS_RAW);
  await log.createTopics(made.map((topic) => ({ ...topic, replication: 1 })));
}

test(
  "given topics that were made anew by others, when a reset is asked for if the cluster changed, then it is done, and once",
  async () => {
    expect(await clusterChanged(target())).toBe(false);
    await makeAnewElsewhere();
    expect(await clusterChanged(target())).toBe(true);
    const changed = await runCommand(IF_CHANGED, logins.env("admin"));
    expect([changed.code, changed.stdout]).toEqual([0, expect.stringContaining("events flow again")]);
    expect(await runCommand(IF_CHANGED, logins.env("admin"))).toMatchObject({
      code: 0,
      stdout: "same cluster: nothing to do\n",
    });
  },
  TEST_MS,
);

test(
  "given topics made anew and a reset under way, when a second is asked for if the cluster changed, then it waits and does nothing",
  async () => {
    await makeAnewElsewhere();
    const first = async (held: HeldReset) => {
      const second = startCommand(IF_CHANGED, logins.env("admin"));
      await second.said(/another reset is under way \(first\): waiting for its end\n/);
      await resetTopics({ ...target(), held, signal: AbortSignal.timeout(TEST_MS) });
      return { second, made: await identity() };
    };
    const { second, made } = await aloneInTest(admin, first, "first");
    expect(await second.ended).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/\nsame cluster: nothing to do\n$/),
    });
    expect(await identity()).toEqual(made);
  },
  TEST_MS,
);
