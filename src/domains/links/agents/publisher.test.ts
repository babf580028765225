import { describe, expect, test } from "bun:test";
import { RetryableError, TerminalError } from "../../../engine/errors.ts";
import type { Payload, StoredEvent } from "../../../engine/event.ts";
import { silentLogger } from "../../../engine/logger.ts";
import type { Work } from "../../../engine/work.ts";
import type { LinkView } from "../fold.ts";
import type { LinkLedger, Site } from "../ports.ts";
import { createPublisher } from "./publisher.ts";

const ID = "link:0123456789abcdef";
const NOW = new Date("2025-03-01T12:00:00Z");

/** A ledger and a site in memory. `onWrite` runs in the middle of each write, when the world may change. */
function aWorld(onWrite: (append: (type: string, payload: Payload) => void, writes: number) => void = () => {}) {
  const events: StoredEvent[] = [];
  const shown = new Map<string, LinkView>();
  let writes = 0;
  const append = (type: string, payload: Payload) => {
    const position = events.length + 1;
    const at = new Date(Date.UTC(2025, 0, position)).toISOString();
    const about = { subject: "link", subjectId: ID, type, payload, position };
    const chain = { source: "test", schemaVersion: 1, correlationId: null, causationId: null };
    events.push({ id: crypto.randomUUID(), occurredAt: at, receivedAt: at, ...about, ...chain });
  };
  const write = async (change: () => void) => {
    writes += 1;
    onWrite(append, writes);
    change();
  };
  const site: Site = {
    put: (link) => write(() => void shown.set(link.subjectId, link)),
    putAll: (links) =>
      write(() => {
        for (const link of links) shown.set(link.subjectId, link);
      }),
    lacking: async (ids) => ids.filter((id) => !shown.has(id)),
    remove: (subjectId) => write(() => void shown.delete(subjectId)),
  };
  const ledger: LinkLedger = {
    event: async (id) => events.find((event) => event.id === id) ?? null,
    eventsOf: async (subjectId) => events.filter((event) => event.subjectId === subjectId),
    tagCatalog: async () => [],
    published: async () => [...new Set(events.map((event) => event.subjectId))],
  };
  const publisher = createPublisher({ ledger, site, defaultVisibility: "public" });
  const run = (signal = new AbortController().signal) =>
    publisher.run(work, { signal, log: silentLogger, now: () => NOW });
  const prepare = () => publisher.prepare?.({ signal: new AbortController().signal, log: silentLogger });
  const appendEnriched = () => {
    append("link.added", { url: "https://example.com/a" });
    append("enrichment.completed", { tags: ["old"] });
  };
  return { append, appendEnriched, shown, run, prepare, writes: () => writes, publisher };
}

const work: Work = {
  id: "w1",
  type: "publish_link",
  subjectId: ID,
  correlationId: "c1",
  triggeredByEventId: "e1",
  attempt: 1,
  round: 1,
  attemptsBefore: 0,
  maxAttempts: 3,
  createdAt: NOW.toISOString(),
  lastError: null,
  payload: {},
};

describe("publisher", () => {
  test("given an enriched public link, when it is published, then the site shows it and the event says so", async () => {
    const world = aWorld();
    world.append("link.added", { url: "https://example.com/a" });
    world.append("content.fetched", { title: "A" });
    world.append("enrichment.completed", { tags: ["x"], summary_short: "S" });
    expect(await world.run()).toEqual([
      {
        type: "publish.completed",
        subject: "link",
        subjectId: ID,
        payload: { published_at: "2025-03-01T12:00:00.000Z", version: 3 },
      },
    ]);
    expect(world.shown.get(ID)).toMatchObject({ title: "A", tags: ["x"], summaryShort: "S" });
    expect(world.writes()).toBe(1);
  });

  test("given a link nobody enriched yet, when it is to be published, then nothing is shown and nothing is said", async () => {
    const world = aWorld();
    world.append("link.added", { url: "https://example.com/a" });
    expect(await world.run()).toEqual([]);
    expect(world.shown.size).toBe(0);
  });

  test("given a link made private, when it is published, then it leaves the site and the event is the same", async () => {
    const world = aWorld();
    world.appendEnriched();
    await world.run();
    world.append("link.visibility_changed", { visibility: "private" });
    const [event] = await world.run();
    expect(world.shown.size).toBe(0);
    expect(event).toMatchObject({ type: "publish.completed", payload: { version: 3 } });
  });

  const changes: [string, Payload][] = [
    ["link.visibility_changed", { visibility: "private" }],
    ["link.added", { url: "https://example.com/a", visibility: "private" }],
  ];
  for (const [type, payload] of changes) {
    test(`given ${type} makes it private while it is written, when the run ends, then it is not shown`, async () => {
      const world = aWorld((append, writes) => {
        if (writes === 1) append(type, payload);
      });
      world.appendEnriched();
      expect(await world.run()).toHaveLength(1);
      expect(world.shown.size).toBe(0);
      expect(world.writes()).toBe(2);
    });
  }

  test("given an old run and a newer one, when the old one writes last, then it corrects itself", async () => {
    const world = aWorld((append, writes) => {
      if (writes === 1) append("enrichment.completed", { tags: ["new"] });
    });
    world.appendEnriched();
    const [event] = await world.run();
    expect(world.shown.get(ID)?.tags).toEqual(["new"]);
    expect(event?.payload.version).toBe(3);
  });

  test("given a link that changes at every write, when it is published, then the work is put off", async () => {
    const world = aWorld((append) => append("link.visibility_changed", { visibility: "public" }));
    world.appendEnriched();
    const error = await world.run().catch((thrown) => thrown);
    expect(error).toBeInstanceOf(RetryableError);
    expect(error.errorClass).toBe("link_keeps_changing");
    expect(world.writes()).toBe(5);
  });

  test("given a link the ledger does not know, when it is published, then the work is over", async () => {
    const world = aWorld();
    world.append("content.fetched", { title: "too early" });
    const error = await world.run().catch((thrown) => thrown);
    expect(error).toBeInstanceOf(TerminalError);
    expect(world.writes()).toBe(0);
  });

  test("given the deadline passed, when it is published, then nothing is written", async () => {
    const world = aWorld();
    world.appendEnriched();
    expect(world.run(AbortSignal.abort())).rejects.toThrow();
    expect(world.writes()).toBe(0);
  });

  test("given a site that lost a published link, when the agent starts, then it is shown again and nothing is said", async () => {
    const world = aWorld();
    world.appendEnriched();
    await world.prepare();
    expect(world.shown.get(ID)?.tags).toEqual(["old"]);
    await world.prepare();
    expect(world.writes()).toBe(1);
  });

  test("given a link made private while it is brought back, when that is over, then it is not shown", async () => {
    const world = aWorld((append, writes) => {
      if (writes === 1) append("link.visibility_changed", { visibility: "private" });
    });
    world.appendEnriched();
    await world.prepare();
    expect(world.shown.size).toBe(0);
  });

  test("given the contract, when the agent is registered, then name, group, topic and limits are these", () => {
    const { name, group, handles, concurrency, timeoutMs } = aWorld().publisher;
    expect({ name, group, topic: handles.topic, concurrency, timeoutMs }).toEqual({
      name: "publisher",
      group: "publisher-agent-v2",
      topic: "work.publish_link",
      concurrency: 8,
      timeoutMs: 30_000,
    });
  });
});
