import { expect, test } from "bun:test";
import type { Log } from "../engine/log.ts";
import { silentLogger } from "../engine/logger.ts";
import type { Forwarding, KnownLog, Outbox } from "../engine/store.ts";
import { noTelemetry } from "../engine/telemetry.ts";
import { DEAD_LETTER_TOPIC, EVENTS_TOPIC } from "../engine/topics.ts";
import { createRelay } from "./relay.ts";

test("given a topic that is away for a while, when it is there under another id, then the ledger flows again", async () => {
  let topicIds = new Map([
    [EVENTS_TOPIC, "e1"],
    [DEAD_LETTER_TOPIC, "d1"],
  ]);
  let known: KnownLog | null = null;
  let now = 0;
  const reasons: string[] = [];
  const log: Partial<Log> = {
    identity: async () => ({ clusterId: "c", topicIds }),
    startOffsets: async () => new Map(),
    endOffsets: async () => new Map(),
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
      return reasons.push(reason);
    },
  };
  const relay = createRelay({
    log: log as Log,
    outbox: { next: async () => [] } as Partial<Outbox> as Outbox,
    forwarding: forwarding as Forwarding,
    topics: [EVENTS_TOPIC, DEAD_LETTER_TOPIC],
    readers: [],
    logger: silentLogger,
    telemetry: noTelemetry,
    clock: () => now,
    sleep: async () => {},
  });
  const look = async () => {
    now += 60_000;
    await relay.step({ name: "relay", holder: "me" }, new AbortController().signal);
  };
  await look();
  await look();
  topicIds = new Map([[EVENTS_TOPIC, "e1"]]);
  await look();
  expect(reasons).toEqual([]);
  topicIds = new Map([
    [EVENTS_TOPIC, "e1"],
    [DEAD_LETTER_TOPIC, "d2"],
  ]);
  await look();
  expect(reasons).toEqual(["work.dead_letter was created anew"]);
});
