import { expect, test } from "bun:test";
import { z } from "zod";
import { EnvironmentError } from "../engine/errors.ts";
import { defineEvent } from "../engine/event.ts";
import { createRegistry } from "../engine/registry.ts";
import type { LedgerRow, Store } from "../engine/store.ts";
import { ingestApart } from "./ingest-apart.ts";

const said = defineEvent({ type: "word.said", subject: "word", version: 1, payload: z.looseObject({}) });
const registry = createRegistry([{ name: "words", events: [said] }]);

/** A ledger that takes every row, and writes down which. */
function ledger(append = async (rows: readonly LedgerRow[]) => rows.map(({ id }) => id)) {
  const taken: string[] = [];
  const tx = {
    ledger: {
      append: async (rows: readonly LedgerRow[]) => {
        const ids = await append(rows);
        taken.push(...rows.map(({ subjectId }) => subjectId));
        return ids;
      },
    },
  };
  const store = { transaction: (work: (given: typeof tx) => Promise<unknown>) => work(tx) } as unknown as Store;
  return { taken, options: { store, registry, now: () => new Date() } };
}

const event = (subjectId: string) => ({ type: said.type, subject: said.subject, subjectId, payload: {} });

test("given one event that the ledger refuses among others, when ingested apart, then it alone is refused, and said so", async () => {
  const { taken, options } = ledger();
  const outcomes = await Array.fromAsync(ingestApart([event("a"), event("b".repeat(2_001)), event("c")], options));
  const refused = { refused: { message: "the subject id is longer than 2000 bytes", errorClass: "too_large" } };
  expect(outcomes).toMatchObject([{ isNew: true }, refused, { isNew: true }]);
  expect(taken.filter(Boolean)).toEqual(["a", "c"]);
});

test("given a ledger that is away, when ingested apart, then nothing is refused: it is thrown", async () => {
  const { options } = ledger(async () => {
    throw new EnvironmentError("away");
  });
  await expect(Array.fromAsync(ingestApart([event("a"), event("b")], options))).rejects.toBeInstanceOf(
    EnvironmentError,
  );
});

test("given a ledger that goes away amid events that are offered alone, when ingested apart, then what is in it is told before", async () => {
  let calls = 0;
  const { options } = ledger(async (rows) => {
    calls += 1;
    if (calls > 2) throw new EnvironmentError("away");
    return rows.map(({ id }) => id);
  });
  const told: unknown[] = [];
  const telling = async () => {
    for await (const one of ingestApart([event("a"), event("b".repeat(2_001)), event("c")], options)) told.push(one);
  };
  await expect(telling()).rejects.toBeInstanceOf(EnvironmentError);
  expect(told).toMatchObject([{ isNew: true }, { refused: {} }]);
});
