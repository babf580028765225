import type { DeskReport, FailureDesk } from "../engine/failures.ts";
import type { FormRoute, PageRoute, PageView } from "../engine/web/types.ts";
import { decisionView } from "./failure-decision-view.ts";
import { type Choice, choiceOf, decidingOf, fieldOf, filterEntries, isFailureId, whichOf } from "./failure-fields.ts";
import { failureView } from "./failure-view.ts";
import { FAILURE_ACTS_DONE, failuresView, type Outcome } from "./failures-view.ts";
import { Problem } from "./problems.ts";

const REFRESH_S = 30;
/** Most failures that one request decides about: a fraction of those there is time for before it is cut off. */
const AT_ONCE = 1_000;

export interface FailuresDeps {
  readonly failures: FailureDesk;
  readonly now: () => Date;
}

/** The failure desk as pages: what failed for good, and forms that decide about it. */
export function failurePages({ failures: desk, now }: FailuresDeps): { pages: PageRoute[]; forms: FormRoute[] } {
  return {
    pages: [
      { path: "/failures", navigation: "Failures", render: ({ query }) => listPage(desk, query, now()) },
      // Before the page of one: that takes any word for an id.
      { path: "/failures/decide", render: ({ query }) => decisionPage(desk, query, now()) },
      { path: "/failures/:id", render: ({ params }) => onePage(desk, params.id ?? "", null, now()) },
    ],
    forms: [
      { path: "/failures/redrive", submit: (form) => decide(desk, "redriven", form, now()) },
      {
        path: "/failures/discard",
        submit: async (form) =>
          fieldOf(form, "reason") === "" ? askedWhy(desk, form, now()) : decide(desk, "discarded", form, now()),
      },
    ],
  };
}

async function listPage(desk: FailureDesk, query: URLSearchParams, now: Date): Promise<PageView> {
  const { filter, fields, problem } = choiceOf(query, now);
  const after = query.get("after");
  const page = await desk.list(filter, { after });
  const body = failuresView({ page, fields, problem, first: after === null, outcome: outcomeOf(query), now });
  return { title: "Failures", refreshSeconds: REFRESH_S, body };
}

async function onePage(desk: FailureDesk, id: string, problem: string | null, now: Date): Promise<PageView | null> {
  const failure = isFailureId(id) ? await desk.show(id) : null;
  return failure && { title: "Failure", refreshSeconds: REFRESH_S, body: failureView(failure, problem, now) };
}

/** What would become of deciding about several, and the form that does. Null: the address names no act. */
async function decisionPage(desk: FailureDesk, query: URLSearchParams, now: Date): Promise<PageView | null> {
  const act = FAILURE_ACTS_DONE.find((known) => known === query.get("act"));
  if (!act) return null;
  return decisionOf(desk, act, query, null, now);
}

async function decisionOf(
  desk: FailureDesk,
  act: Outcome["done"],
  form: URLSearchParams,
  problem: string | null,
  now: Date,
): Promise<PageView> {
  const choice = soundChoice(form, now);
  const report = await desk[act === "redriven" ? "redrive" : "discard"](
    whichOf(choice),
    decidingOf(form, act, choice),
    { dryRun: true, limit: AT_ONCE },
  );
  // A minute's thought must not be swept away, so this page stays as it is.
  return { title: "Decide", refreshSeconds: 3_600, body: decisionView({ act, choice, report, problem }) };
}

/** Discarding takes a reason: the page that the form was on asks for it. */
async function askedWhy(desk: FailureDesk, form: URLSearchParams, now: Date): Promise<PageView> {
  const problem = "Say why it is to be discarded.";
  const { ids } = soundChoice(form, now);
  if (ids === null || ids.length > 1) return decisionOf(desk, "discarded", form, problem, now);
  return (await onePage(desk, ids[0] ?? "", problem, now)) ?? gone();
}

/** Carries out what a form says, about those chosen or about all that match as of now. */
async function decide(
  desk: FailureDesk,
  act: Outcome["done"],
  form: URLSearchParams,
  now: Date,
): Promise<{ location: string }> {
  const choice = soundChoice(form, now);
  const who = decidingOf(form, act, choice);
  const report = await desk[act === "redriven" ? "redrive" : "discard"](whichOf(choice), who, { limit: AT_ONCE });
  return { location: backTo(act, choice, report) };
}

function soundChoice(form: URLSearchParams, now: Date): Choice {
  const choice = choiceOf(form, now);
  if (choice.problem) throw new Problem(422, choice.problem);
  if (choice.ids?.length === 0) throw form.has("id") ? gone() : new Problem(422, "Choose at least one failure first.");
  return choice;
}

function gone(): never {
  throw new Problem(404, "There is no such failure.");
}

function backTo(done: Outcome["done"], { ids, fields }: Choice, report: DeskReport): string {
  const { work, records, already, unchanged, skipped, left } = report;
  const counts = { count: work + records, already, unchanged: unchanged.length, skipped: skipped.length, left };
  const told = Object.entries(counts).filter(([name, n]) => name === "count" || n > 0);
  // Whoever presses again means the same ones.
  const filter = left > 0 && ids === null ? filterEntries(fields) : [];
  const entries = [["done", done], ...told.map(([name, n]) => [name, String(n)]), ...filter];
  return `/failures?${new URLSearchParams(entries as string[][])}`;
}

function outcomeOf(query: URLSearchParams): Outcome | null {
  const done = FAILURE_ACTS_DONE.find((known) => known === query.get("done"));
  const number = (name: string, otherwise: string) => Number(query.get(name) ?? otherwise);
  const outcome = {
    count: number("count", "none"),
    already: number("already", "0"),
    unchanged: number("unchanged", "0"),
    skipped: number("skipped", "0"),
    left: number("left", "0"),
  };
  const isSound = Object.values(outcome).every((n) => Number.isSafeInteger(n) && n >= 0);
  return done && isSound ? { done, ...outcome } : null;
}
