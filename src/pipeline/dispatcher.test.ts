import { expect, test } from "bun:test";
import { DataError, EnvironmentError, LeaseLostError } from "../engine/errors.ts";
import type { Log, NewRecord } from "../engine/log.ts";
import { silentLogger } from "../engine/logger.ts";
import type { DueWork, Forwarding, Schedule } from "../engine/store.ts";
import { noTelemetry } from "../engine/telemetry.ts";
import { createDispatcher } from "./dispatcher.ts";

const lease = { name: "dispatcher", holder: "me" };
const work = (id: string, type: string, url = ""): DueWork =>
  ({
    id,
    type,
    subjectId: `link:${id}`,
    attempt: 1,
    attemptsBefore: 0,
    round: 1,
    maxAttempts: 3,
    payload: { url },
  }) as never;

/** A dispatcher with this to do, before a log that lacks topics and takes no message of over a thousand characters. */
function aDispatcher({
  due = [],
  dead = [],
  tooNew = 0,
  frozenMs = 0,
}: {
  due?: readonly DueWork[];
  dead?: readonly DueWork[];
  tooNew?: number;
  /** How long it is frozen while its lease is confirmed. */
  frozenMs?: number;
}) {
  const missing = new Set<string>();
  const appends: string[] = [];
  const marked: string[] = [];
  const givenUp: string[] = [];
  const sentTo = new Map<string, number>();
  let sweeps = 0;
  let offers = 0;
  let now = 0;
  const offsets = new Map<string, number>();
  const starts = new Map([["work.fetch:0", 0]]);
  const append = async (topic: string, records: readonly NewRecord[]) => {
    appends.push(`${topic} ${records.length}`);
    if (missing.has(topic)) throw new EnvironmentError(`no ${topic}`);
    if (records.some(({ value }) => value.length > 1_000)) throw new DataError("too large", "too_large");
    return records.map(() => {
      const offset = offsets.get(topic) ?? 0;
      offsets.set(topic, offset + 1);
      return { topic, partition: 0, offset };
    });
  };
  const schedule: Partial<Schedule> = {
    due: async (_limit, closed = []) =>
      due.filter(({ id, type }) => ![...marked, ...givenUp].includes(id) && !closed.includes(`work.${type}`)),
    deadUnsent: async () => dead.filter(({ id }) => !marked.includes(id)),
    markQueued: async (_lease, sent) => {
      marked.push(...sent.map(({ id }) => id));
      for (const { id, position } of sent) sentTo.set(id, position.offset);
    },
    unmarkedFrom: async () => null,
    beginDeadLetters: async () => {
      now += frozenMs;
    },
    markDeadSent: async (_lease, letters) => void marked.push(...letters.map(({ id }) => id)),
    giveUp: async (_lease, { id }, error) => {
      expect(error.errorClass).toBe("too_large");
      givenUp.push(id);
    },
    nextDueInMs: async () => 0,
    requeueDeleted: async (_lease, from) => {
      const isDeleted = (id: string) => (sentTo.get(id) ?? 0) < (from.get("work.fetch:0") ?? 0);
      const deleted = marked.filter(isDeleted);
      for (const id of deleted) marked.splice(marked.indexOf(id), 1);
      return deleted.length;
    },
    sweep: async () => {
      sweeps += 1;
      return { expired: 0, lost: 0 };
    },
  };
  const dispatcher = createDispatcher({
    log: { append, endOffsets: async () => new Map(), startOffsets: async () => starts } as Partial<Log> as Log,
    forwarding: { acknowledgedIn: async () => new Map() } as Partial<Forwarding> as Forwarding,
    topics: ["work.fetch"],
    logger: silentLogger,
    schedule: schedule as Schedule,
    telemetry: noTelemetry,
    offerTooNew: async () => {
      offers += 1;
      return tooNew;
    },
    clock: { now: () => now, deadline: () => new AbortController().signal },
  });
  const pass = (ms: number) => {
    now += ms;
  };
  return {
    step: () => dispatcher.step(lease, new AbortController().signal),
    dispatcher,
    missing,
    starts,
    appends,
    marked,
    givenUp,
    sweeps: () => sweeps,
    offers: () => offers,
    pass,
  };
}

test("given one topic that is missing, when work is due for several, then the others' is marked and sent once", async () => {
  const at = aDispatcher({ due: [work("a", "fetch"), work("b", "enrich"), work("c", "publish")] });
  at.missing.add("work.fetch");
  await at.step();
  expect(at.marked).toEqual(["b", "c"]);
  expect(at.dispatcher.trouble?.()?.message).toBe("no work.fetch");
  // What waits there is long due, and must not make the loop spin.
  expect(await at.dispatcher.nextDueInMs?.()).toBeNull();
  await at.step();
  expect(at.appends).toEqual(["work.fetch 1", "work.enrich 1", "work.publish 1"]);
  at.missing.clear();
  at.pass(5_000);
  await at.step();
  expect(at.marked).toEqual(["b", "c", "a"]);
  expect(at.dispatcher.trouble?.()).toBeNull();
});

test("given messages that retention deleted, when no agent has taken them, then they are sent again", async () => {
  const at = aDispatcher({ due: [work("a", "fetch"), work("b", "fetch")] });
  await at.step();
  at.starts.set("work.fetch:0", 1);
  at.pass(14_000);
  await at.step();
  expect(at.appends).toEqual(["work.fetch 2"]);
  at.pass(2_000);
  // The first step finds them, and the next one sends them.
  expect(await at.step()).toBe(true);
  await at.step();
  expect(at.appends).toEqual(["work.fetch 2", "work.fetch 1"]);
  expect(at.marked).toEqual(["b", "a"]);
});

test("given a missing dead-letter topic, when agents vanish and work is due, then both are seen to meanwhile", async () => {
  const at = aDispatcher({ due: [work("a", "fetch")], dead: [work("d", "fetch")] });
  at.missing.add("work.dead_letter");
  await at.step();
  at.pass(2_000);
  await at.step();
  expect(at.sweeps()).toBe(2);
  expect(at.marked).toEqual(["a"]);
});

test("given a log that takes nothing, when a step fails, then it says so, and the sweep was done before", async () => {
  const at = aDispatcher({ due: [work("a", "fetch")], dead: [work("d", "fetch")] });
  at.missing.add("work.fetch").add("work.dead_letter");
  await expect(at.step()).rejects.toThrow("no work.fetch");
  expect(at.sweeps()).toBe(1);
});

test("given work that no message can carry, when it is due, then it alone is given up", async () => {
  const due = [work("a", "fetch"), work("b", "fetch", "x".repeat(2_000)), work("c", "fetch")];
  const at = aDispatcher({ due });
  await at.step();
  expect(at.marked).toEqual(["a", "c"]);
  expect(at.givenUp).toEqual(["b"]);
});

test("given dead work that no message can carry, when its dead letter is sent, then it goes without the payload", async () => {
  const at = aDispatcher({ dead: [work("a", "fetch", "x".repeat(2_000))] });
  await at.step();
  expect(at.marked).toEqual(["a"]);
  expect(at.appends).toEqual(["work.dead_letter 1", "work.dead_letter 1"]);
});

test("given a dispatcher that was frozen since its lease was confirmed, when it goes on, then it sends no dead letter", async () => {
  const at = aDispatcher({ dead: [work("d", "fetch")], frozenMs: 10_000 });
  await expect(at.step()).rejects.toThrow(LeaseLostError);
  expect(at.appends).toEqual([]);
});

test("given an older program that sets aside again what is too new, when days pass, then it is offered ever more rarely", async () => {
  const at = aDispatcher({ tooNew: 1 });
  for (let minute = 0; minute < 10 * 24 * 60; minute += 1) {
    await at.step();
    at.pass(60_000);
  }
  expect(at.offers()).toBeLessThan(20);
});
