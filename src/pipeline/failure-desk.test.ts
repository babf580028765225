import { expect, test } from "bun:test";
import { EnvironmentError } from "../engine/errors.ts";
import type { FailedWork, FailureReads, FailureSummary } from "../engine/failures.ts";
import { createRegistry } from "../engine/registry.ts";
import type { LedgerRow, Store } from "../engine/store.ts";
import { createFailureDesk } from "./failure-desk.ts";

const PERSON = { by: "ada", source: "test", reason: "it is mended" };
const ids = Array.from({ length: 350 }, (_, n) => `018f4e3a-0000-7000-8000-${String(n).padStart(12, "0")}`);

const summaryOf = (id: string) => ({ kind: "work", id, state: "open" }) as FailureSummary;

const workOf = (id: string) =>
  ({
    id,
    status: "dead",
    round: 1,
    attempt: 3,
    subject: "errand",
    subjectId: `errand:${id}`,
    correlationId: id,
  }) as FailedWork;

/** Failed work, page by page; whoever acts on it need not count it. */
const reads: FailureReads = {
  list: async () => {
    throw new Error("counted");
  },
  slice: async (filter, { after, limit }) => {
    const chosen = filter.ids ?? ids.slice(Number(after ?? 0), Number(after ?? 0) + limit);
    const next = Number(after ?? 0) + limit;
    return { failures: chosen.map(summaryOf), next: !filter.ids && next < ids.length ? String(next) : null };
  },
  count: async (_, after) => ids.length - Number(after),
  work: async (some) => some.map(workOf),
  records: async () => [],
};

/** A desk whose ledger goes away behind so many appends. */
function desk({ appends = Number.POSITIVE_INFINITY } = {}) {
  const known = new Set<string>();
  let left = appends;
  const append = async (rows: readonly LedgerRow[]) => {
    if (rows.length === 0) return [];
    left -= 1;
    if (left < 0) throw new EnvironmentError("Postgres cannot be reached");
    const added = rows.map(({ id }) => id).filter((id) => !known.has(id));
    for (const id of added) known.add(id);
    return added;
  };
  const tx = { ledger: { append } };
  const store = { transaction: (work: (given: typeof tx) => Promise<unknown>) => work(tx) } as unknown as Store;
  const registry = createRegistry([]);
  const mended = () => {
    left = Number.POSITIVE_INFINITY;
  };
  return { mended, desk: createFailureDesk({ reads, store, registry, now: () => new Date() }) };
}

test("given Postgres that goes away amid many, when acted on, then the error says how many were decided, and the rest is safe to do", async () => {
  const { desk: broken, mended } = desk({ appends: 2 });
  const act = () => broken.redrive({ type: "run_errand" }, PERSON);
  await expect(act()).rejects.toThrow(
    "Postgres cannot be reached. 200 failures were redriven before that, and stay so. Ask for the same again to go on: nothing is decided twice.",
  );
  mended();
  expect(await act()).toMatchObject({ work: 150, already: 200 });
});

test("given Postgres that is away from the start, when acted on, then the error is only that", async () => {
  const { desk: broken } = desk({ appends: 0 });
  await expect(broken.redrive(ids, PERSON)).rejects.toThrow(new EnvironmentError("Postgres cannot be reached"));
});

test.each([
  ["a filter", { type: "run_errand" }],
  ["ids", ids],
])("given %s that more match than the limit is, when acted on, then it says how many are left", async (_, which) => {
  expect(await desk().desk.redrive(which, PERSON, { limit: 130 })).toMatchObject({ work: 130, left: 220 });
  expect(await desk().desk.redrive(which, PERSON, { limit: 350 })).toMatchObject({ work: 350, left: 0 });
  expect(await desk().desk.redrive(which, PERSON)).toMatchObject({ work: 350, left: 0 });
});
