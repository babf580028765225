import { expect, test } from "bun:test";
import type { Log } from "../engine/log.ts";
import { silentLogger } from "../engine/logger.ts";
import type { Forwarding, KnownLog, Outbox, OutboxRow, SentRow } from "../engine/store.ts";
import { noTelemetry } from "../engine/telemetry.ts";
import { DEAD_LETTER_TOPIC, EVENTS_TOPIC } from "../engine/topics.ts";
import { createRelay } from "./relay.ts";

const AS_IT_WAS = { [EVENTS_TOPIC]: "e1", [DEAD_LETTER_TOPIC]: "d1" };

/** A relay whose log has the topics that it is told of, by their ids. `rows`: what is to be sent, once. */
function aRelay(rows: readonly OutboxRow[] = []) {
  const world = { topicIds: AS_IT_WAS as Record<string, string>, reasons: [] as string[], marked: [] as SentRow[][] };
  let known: KnownLog | null = null;
  let now = 0;
  const log: Partial<Log> = {
    identity: async () => ({ clusterId: "c", topicIds: new Map(Object.entries(world.topicIds)) }),
    startOffsets: async () => new Map(),
    endOffsets: async () => new Map([[`${EVENTS_TOPIC}:0`, 1]]),
    append: async (topic, records) => records.map((_, offset) => ({ topic, partition: 0, offset })),
  };
  const forwarding: Partial<Forwarding> = {
    knownIdentity: async () => known,
    noteIdentity: async (identity) => {
      known = identity;
    },
    partitions: async () => 1,
    sentState: async () => ({ acknowledged: new Map(), places: [] }),
    startOver: async (_lease, identity, reason) => {
      known = identity;
      return world.reasons.push(reason);
    },
  };
  const outbox: Partial<Outbox> = {
    next: async (_lease, _limit, sent) => {
      world.marked.push([...sent]);
      return world.marked.length === 1 ? [...rows] : [];
    },
  };
  const relay = createRelay({
    log: log as Log,
    outbox: outbox as Outbox,
    forwarding: forwarding as Forwarding,
    topics: [EVENTS_TOPIC, DEAD_LETTER_TOPIC],
    readers: [],
    logger: silentLogger,
    telemetry: noTelemetry,
    clock: () => now,
    sleep: async () => {},
  });
  const step = () => relay.step({ name: "relay", holder: "me" }, new AbortController().signal);
  /** A step a minute later, when the log is looked at again. */
  const look = () => {
    now += 60_000;
    return step();
  };
  return { world, step, look };
}

test("given a topic that is away for a while, when it is there under another id, then the ledger flows again", async () => {
  const { world, look } = aRelay();
  await look();
  await look();
  world.topicIds = { [EVENTS_TOPIC]: "e1" };
  await look();
  expect(world.reasons).toEqual([]);
  world.topicIds = { ...AS_IT_WAS, [DEAD_LETTER_TOPIC]: "d2" };
  await look();
  expect(world.reasons).toEqual(["work.dead_letter was created anew"]);
});

test("given a batch that was sent and not marked, when the ledger flows again, then it is not marked as sent in the new flow", async () => {
  const row = { id: "one", position: 1, key: "k", value: "{}", headers: {} };
  const { world, step, look } = aRelay([row]);
  await look();
  world.topicIds = { ...AS_IT_WAS, [EVENTS_TOPIC]: "e2" };
  await look();
  expect(world.reasons).toEqual(["events.raw was created anew"]);
  // Still under the lease, as far as it knows: giving the whole ledger up for sending took longer than renewing it.
  await step();
  expect(world.marked).toEqual([[], []]);
});
