import { decodeEvent } from "../engine/decode.ts";
import { BrokenOffError, DataError, messageOf } from "../engine/errors.ts";
import type { NewEvent, StoredEvent } from "../engine/event.ts";
import { actIds, type Deciding, recordAct, recordItself, workAct } from "../engine/failure-acts.ts";
import {
  type ActOptions,
  type DeskReport,
  type FailedWork,
  type FailureDesk,
  type FailureDetail,
  type FailureFilter,
  type FailureReads,
  type FailureSlice,
  type FailureSummary,
  type NotDecided,
  type Outlook,
  placeInTopic,
  type QuarantinedRecord,
} from "../engine/failures.ts";
import { failuresOf } from "../engine/history.ts";
import { emittedEventId } from "../engine/ids.ts";
import type { Registry } from "../engine/registry.ts";
import type { Store } from "../engine/store.ts";
import { EVENTS_TOPIC } from "../engine/topics.ts";
import { MAX_ATTEMPTS } from "../engine/work.ts";
import { workFailed } from "../engine/work-failed.ts";
import { toMessage } from "../engine/work-message.ts";
import { readAgain } from "./failure-desk-apply.ts";
import { ingestApart } from "./ingest-apart.ts";

export interface FailureDeskOptions {
  readonly reads: FailureReads;
  readonly store: Store;
  readonly registry: Registry;
  readonly now: () => Date;
}

const PAGE = 50;
/** Failures looked at and decided at a time; each record may have a megabyte. */
const BATCH = 100;
/** Most characters of a name or a reason. */
const WORDS = 500;

type Act = "redriven" | "discarded";

interface Report {
  work: number;
  records: number;
  readonly outlooks: Map<string, Outlook & { count: number }>;
  already: number;
  readonly unchanged: NotDecided[];
  readonly skipped: NotDecided[];
  left: number;
}

/** The desk at which people decide about failures. It writes events; router and materializer carry them out. */
export function createFailureDesk(options: FailureDeskOptions): FailureDesk {
  const { reads } = options;
  return {
    list: (filter, { after = null, limit = PAGE } = {}) => reads.list(filter, { after, limit }),
    show: (id) => showFailure(id, options),
    redrive: (which, person, how) => act("redriven", which, { person, ...how }, options),
    discard: (which, person, how) => act("discarded", which, { person, ...how }, options),
  };
}

async function act(
  kind: Act,
  which: readonly string[] | FailureFilter,
  { person, dryRun = false, limit = Number.POSITIVE_INFINITY }: ActOptions & { person: Deciding },
  options: FailureDeskOptions,
): Promise<DeskReport> {
  const report: Report = { work: 0, records: 0, outlooks: new Map(), already: 0, unchanged: [], skipped: [], left: 0 };
  try {
    for await (const batch of chosen(which, limit, options.reads, report)) {
      await decide(kind, batch, { person, dryRun, report }, options);
    }
  } catch (error) {
    throw dryRun ? error : brokenOff(error, kind, report);
  }
  return { ...report, outlooks: [...report.outlooks.values()] };
}

/** Each batch is decided for good, so a person must know of those before the error. */
function brokenOff(error: unknown, kind: Act, { work, records }: Report): unknown {
  const n = work + records;
  if (n === 0) return error;
  const done = `${n.toLocaleString("en")} ${n === 1 ? "failure was" : "failures were"} ${kind} before that, and stay so.`;
  return new BrokenOffError(error, `${done} Ask for the same again to go on: nothing is decided twice.`);
}

/** What an act is about: the ids given, or all that match as of now, page by page. */
async function* chosen(
  which: readonly string[] | FailureFilter,
  limit: number,
  reads: FailureReads,
  report: Report,
): AsyncGenerator<readonly FailureSummary[]> {
  if (!Array.isArray(which)) return yield* matching(which as FailureFilter, limit, reads, report);
  const given = [...new Set(which as readonly string[])];
  const ids = given.slice(0, limit);
  report.left = given.length - ids.length;
  for (let at = 0; at < ids.length; at += BATCH) {
    const some = ids.slice(at, at + BATCH);
    const { failures } = await reads.slice({ ids: some, all: true }, { limit: BATCH });
    const known = new Set(failures.map(({ id }) => id));
    for (const id of some) if (!known.has(id)) report.skipped.push({ id, why: "nothing that failed has this id" });
    yield failures;
  }
}

async function* matching(
  filter: FailureFilter,
  limit: number,
  reads: FailureReads,
  report: Report,
): AsyncGenerator<readonly FailureSummary[]> {
  let left = limit;
  let after: string | null = null;
  do {
    const { failures, next }: FailureSlice = await reads.slice(filter, { after, limit: Math.min(BATCH, left) });
    yield failures;
    left -= failures.length;
    after = next;
  } while (after !== null && left > 0);
  if (after !== null) report.left = await reads.count(filter, after);
}

interface Deed {
  readonly person: Deciding;
  readonly dryRun: boolean;
  readonly report: Report;
}

/** Decides about a batch: says what cannot be decided, and appends an event for each of the rest. */
async function decide(
  act: Act,
  failures: readonly FailureSummary[],
  { person, dryRun, report }: Deed,
  { reads, store, registry, now }: FailureDeskOptions,
): Promise<void> {
  const deciding = { ...person, by: storable(person.by) || "unknown", reason: storable(person.reason) || "unknown" };
  const ids = (kind: FailureSummary["kind"]) => failures.filter((one) => one.kind === kind).map(({ id }) => id);
  const events: { event: NewEvent; id: string; kind: "work" | "records" }[] = [];
  const foresees = dryRun && act === "redriven";
  for (const work of await reads.work(ids("work"))) {
    const refusal = workRefusal(act, work);
    if (refusal) refused(work.id, refusal, report);
    else {
      events.push({ event: workAct(act, work, deciding), id: work.id, kind: "work" });
      if (foresees) foreseen(workOutlook(work, registry), report);
    }
  }
  for (const record of await reads.records(ids("record"))) {
    const refusal = recordRefusal(act, record);
    if (refusal) refused(record.id, refusal, report);
    else {
      const event = recordAct(act, { ...record, ...subjectOf(record) }, deciding);
      events.push({ event, id: record.id, kind: "records" });
      if (foresees) foreseen(await recordOutlook(record, registry, store), report);
    }
  }
  if (dryRun) {
    for (const { kind } of events) report[kind] += 1;
    return;
  }
  const offered = events.values();
  const acts = events.map(({ event }) => event);
  for await (const outcome of ingestApart(acts, { store, registry, now })) {
    const { id = "", kind = "records" } = offered.next().value ?? {};
    if ("refused" in outcome) report.skipped.push({ id, why: messageOf(outcome.refused) });
    else if (outcome.isNew) report[kind] += 1;
    else report.already += 1;
  }
}

/** Why there is nothing to decide, and whether that is so because it was decided just so before. */
interface Refusal {
  readonly why: string;
  readonly because: "asked" | "decided" | "otherwise";
}

function workRefusal(act: Act, { status, redriveAsked }: FailedWork): Refusal | null {
  const redrives = act === "redriven";
  if (redriveAsked) return { why: "its redrive was asked for already", because: redrives ? "asked" : "otherwise" };
  if (status === "dead" || (status === "discarded" && redrives)) return null;
  if (status === "discarded") return { why: "it was discarded already", because: "decided" };
  return { why: `it was redriven, and is ${status}`, because: redrives ? "decided" : "otherwise" };
}

function recordRefusal(act: Act, { state }: QuarantinedRecord): Refusal | null {
  if (state === "open" || (state === "discarded" && act === "redriven")) return null;
  if (state === "discarded") return { why: "it was discarded already", because: "decided" };
  return { why: "it was redriven, and could be read", because: act === "redriven" ? "decided" : "otherwise" };
}

function refused(id: string, { why, because }: Refusal, report: Report): void {
  if (because === "asked") report.already += 1;
  else (because === "decided" ? report.unchanged : report.skipped).push({ id, why });
}

function foreseen(outlook: Outlook, { outlooks }: Report): void {
  const alike = outlooks.get(outlook.text);
  if (alike) alike.count += 1;
  else outlooks.set(outlook.text, { ...outlook, count: 1 });
}

/** Postgres keeps neither NUL nor halves of surrogate pairs. */
function storable(text: string): string {
  return text.replaceAll("\0", "").toWellFormed().trim().slice(0, WORDS);
}

/** What a record is about, as far as it says so: the act then stands in the same partition as the subject's events. */
function subjectOf(record: QuarantinedRecord): { subject: string; subjectId: string } {
  if (record.topic !== EVENTS_TOPIC) return recordItself(record);
  try {
    const { subject, subjectId } = decodeEvent({ ...record, timestamp: 0 }).event;
    return { subject, subjectId };
  } catch (error) {
    if (error instanceof DataError) return recordItself(record);
    throw error;
  }
}

async function showFailure(id: string, options: FailureDeskOptions): Promise<FailureDetail | null> {
  const { reads, store, registry } = options;
  const [summary] = (await reads.slice({ ids: [id], all: true }, { limit: 1 })).failures;
  if (!summary) return null;
  const acts = (upTo: number): Promise<StoredEvent[]> => store.ledger.find(actIds(summary.kind, id, upTo));
  if (summary.kind === "work") {
    const [work] = await reads.work([id]);
    return work ? { summary, ...(await workDetail(work, options)), acts: await acts(work.round) } : null;
  }
  const [record] = await reads.records([id]);
  if (!record) return null;
  const { key, value, headers, topic } = record;
  return {
    summary,
    outlook: await recordOutlook(record, registry, store),
    attempts: [],
    acts: await acts(record.tries),
    original: { key, value, headers, place: `${topic}, ${placeInTopic(record)}` },
  };
}

async function workDetail(work: FailedWork, { store, registry }: FailureDeskOptions) {
  const numbers = Array.from({ length: work.attempt }, (_, index) => index + 1);
  const failed = await store.ledger.find(numbers.map((n) => emittedEventId(work.id, workFailed.type, 0, n)));
  return {
    outlook: workOutlook(work, registry),
    attempts: failuresOf(work, failed),
    original: {
      key: Buffer.from(work.subjectId),
      value: Buffer.from(JSON.stringify(toMessage(work))),
      headers: { work_type: work.type },
      place: null,
    },
  };
}

function workOutlook(work: FailedWork, registry: Registry): Outlook {
  const refusal = workRefusal("redriven", work);
  if (refusal) return { helps: false, text: refusal.why };
  if (!registry.work.has(work.type)) return { helps: false, text: `nobody in this program does ${work.type}` };
  return { helps: true, text: `it begins again at attempt 1 of ${MAX_ATTEMPTS}, as round ${work.round + 1}` };
}

async function recordOutlook(record: QuarantinedRecord, registry: Registry, { ledger }: Store): Promise<Outlook> {
  const refusal = recordRefusal("redriven", record);
  if (refusal) return { helps: false, text: refusal.why };
  try {
    const event = await readAgain(record, registry, ledger);
    if (!event) return { helps: true, text: "it is a work message now, and the registry of work answers for its work" };
    const source = event.position === null ? ", which the ledger does not hold," : "";
    return {
      helps: true,
      text: `${event.type} of ${event.subjectId}${source} can be read now${effectOf(event, registry)}`,
    };
  } catch (error) {
    if (!(error instanceof DataError)) throw error;
    return { helps: false, text: `it would fail again: ${messageOf(error)}` };
  }
}

function effectOf({ type }: StoredEvent, registry: Registry): string {
  const projections = registry.projections.filter(({ handlers }) => handlers.some((handler) => handler.type === type));
  const work = (registry.routes.get(type) ?? []).map((route) => route.dispatch.type);
  const applied = projections.length > 0 ? `: applied to ${projections.map(({ name }) => name).join(", ")}` : "";
  return work.length > 0 ? `${applied}; may ask for ${[...new Set(work)].join(", ")}` : applied;
}
