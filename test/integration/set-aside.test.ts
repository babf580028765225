/** What lies aside goes through the same states in Postgres and in the simulation, whatever comes to it and in any order. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import type { DeadRecord, TxDeadLetters } from "../../src/engine/store.ts";
import { EVENTS_TOPIC } from "../../src/engine/topics.ts";
import { MemorySetAside } from "../simulation/memory-set-aside.ts";
import { seededRandom } from "../support/random.ts";
import { createTestApp, type TestApp } from "../support/test-app.ts";

const SEQUENCES = 150;
const STEPS = 8;

let world: TestApp;

beforeAll(async () => {
  world = await createTestApp({ STREAM_TRANSPORT: "embedded", KAFKA_BROKERS: "" });
}, 60_000);
afterAll(() => world[Symbol.asyncDispose](), 60_000);

type Step = (letters: Changes, id: string) => unknown;

/** What changes a record, as both stores have it. */
interface Changes {
  put(records: readonly DeadRecord[]): unknown;
  putUnrouted(records: readonly DeadRecord[]): unknown;
  healed(act: Act): unknown;
  failedAgain(act: Act, failure: typeof FAILURE): unknown;
  routed(act: Act): unknown;
  unroutedAgain(act: Act, failure: typeof FAILURE): unknown;
  discard(acts: readonly Act[]): unknown;
}

type Act = Parameters<TxDeadLetters["healed"]>[0];

const FAILURE = { stage: "tried", error: "wrong again", errorClass: "wrong_again" };

const recordOf = (id: string, stage: string): DeadRecord => {
  const bytes = { key: Buffer.from("k"), value: Buffer.from(id), headers: {} };
  return { id, stage, topic: EVENTS_TOPIC, partition: 0, offset: 1, ...bytes, error: stage, errorClass: stage };
};

const act = (id: string, tries: number, second: number): Act => ({
  id,
  tries,
  at: `2026-01-01T00:00:0${second}.000Z`,
  by: "ada",
  reason: null,
});

function steps(random: () => number): { name: string; take: Step }[] {
  return Array.from({ length: STEPS }, () => {
    const tries = Math.floor(random() * 3);
    const second = Math.floor(random() * 3);
    const all: [string, Step][] = [
      ["put", (letters, id) => letters.put([recordOf(id, "materializer")])],
      ["putUnrouted", (letters, id) => letters.putUnrouted([recordOf(id, "router")])],
      [`healed ${tries}`, (letters, id) => letters.healed(act(id, tries, second))],
      [`failedAgain ${tries}`, (letters, id) => letters.failedAgain(act(id, tries, second), FAILURE)],
      [`routed ${tries}`, (letters, id) => letters.routed(act(id, tries, second))],
      [`unroutedAgain ${tries}`, (letters, id) => letters.unroutedAgain(act(id, tries, second), FAILURE)],
      [`discard ${tries}`, (letters, id) => letters.discard([act(id, tries, second)])],
    ];
    const [name, take] = all[Math.floor(random() * all.length)] ?? ["nothing", () => {}];
    return { name, take };
  });
}

test("given acts and records in any order, when both stores take them, then both come to the same", async () => {
  const random = seededRandom(1);
  const memory = new MemorySetAside({ now: () => 0, undo: () => [], notify: () => {} });
  for (let n = 0; n < SEQUENCES; n += 1) {
    const id = crypto.randomUUID();
    const taken = steps(random);
    const [row] = await world.app.store.transaction(async (tx) => {
      for (const { take } of taken) {
        await take(tx.deadLetters, id);
        take(memory, id);
      }
      return await tx.sql`
        select status, tries, unrouted, stage, error, error_class as "errorClass" from lifestream.dead_letters
        where id = ${id}`;
    });
    const known = memory.records.get(id);
    const { status, tries, unrouted, stage, error, errorClass } = known ?? {};
    const expected = known ? { status, tries, unrouted, stage, error, errorClass } : undefined;
    expect({ taken: taken.map(({ name }) => name), row: row && { ...row } }).toEqual({
      taken: taken.map(({ name }) => name),
      row: expected,
    });
  }
}, 60_000);
