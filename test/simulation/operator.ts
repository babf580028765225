import { type Deciding, recordAct, workAct } from "../../src/engine/failure-acts.ts";
import type { Registry } from "../../src/engine/registry.ts";
import type { Store } from "../../src/engine/store.ts";
import { ingest } from "../../src/pipeline/ingest.ts";
import { isOpen } from "./memory-set-aside.ts";
import type { MemoryDatabase } from "./memory-store.ts";
import type { Scheduler, SimProcess } from "./scheduler.ts";

interface Desk {
  readonly scheduler: Scheduler;
  readonly database: MemoryDatabase;
  readonly registry: Registry;
  /** Where the operator's command runs. */
  readonly process: SimProcess;
}

const OPERATOR: Deciding = { by: "operator", source: "cli", reason: "so the dice say" };

/** A person decides about some of the work that was given up, in a round that may be over when the word arrives. */
export async function decideOnWork({ scheduler, database, registry, process }: Desk): Promise<string> {
  const givenUp = database.work.where(({ status }) => status === "dead" || status === "discarded");
  const chosen = givenUp.filter(() => scheduler.chance(0.7));
  const acts = chosen.map((work) =>
    workAct(scheduler.chance(0.75) ? "redriven" : "discarded", { ...work, error: work.lastError }, OPERATOR),
  );
  await append(acts, { scheduler, database, registry, process });
  return acts.length > 0 ? `a person decides about work: ${acts.map(({ type }) => type)}` : "";
}

/** A person decides about the records that were set aside; `all`: has each of them read again. */
export async function decideOnRecords({ all }: { all: boolean }, desk: Desk): Promise<string> {
  const { scheduler, database } = desk;
  const open = database.setAside.records.where(isOpen);
  const chosen = open.filter(() => all || scheduler.chance(0.7));
  const acts = chosen.map((record) => {
    const { subject, subject_id: subjectId } = JSON.parse(new TextDecoder().decode(record.value ?? undefined));
    const kind = all || scheduler.chance(0.75) ? "redriven" : "discarded";
    return recordAct(kind, { ...record, subject, subjectId }, OPERATOR);
  });
  await append(acts, desk);
  return acts.length > 0 ? `a person decides about records: ${acts.map(({ type }) => type)}` : "";
}

/** As the failure desk does. A command that fails is given again, or not. */
async function append(acts: readonly ReturnType<typeof workAct>[], { scheduler, database, registry, process }: Desk) {
  const store = database.storeFor(process) as unknown as Store;
  const now = scheduler.clock(process).date;
  if (acts.length > 0) await ingest(acts, { store, registry, now }).catch(() => {});
}
