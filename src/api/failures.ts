import type { FailureDesk, FailureFilter } from "../engine/failures.ts";
import { MOMENT_FORMS, momentOf } from "../engine/moment.ts";
import type { FormRoute, PageRoute, PageView } from "../engine/web/types.ts";
import { failureView } from "./failure-view.ts";
import { FAILURE_ACTS_DONE, type FilterFields, failuresView, type Outcome } from "./failures-view.ts";
import { Problem } from "./problems.ts";

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const REFRESH_S = 30;

export interface FailuresDeps {
  readonly failures: FailureDesk;
  readonly now: () => Date;
}

/** The failure desk as pages: what failed for good, and forms that decide about it. */
export function failurePages({ failures: desk, now }: FailuresDeps): { pages: PageRoute[]; forms: FormRoute[] } {
  const view = (id: string, problem: string | null) => onePage(desk, id, problem, now());
  return {
    pages: [
      { path: "/failures", navigation: "Failures", render: ({ query }) => listPage(desk, query, now()) },
      { path: "/failures/:id", render: ({ params }) => view(params.id ?? "", null) },
    ],
    forms: [
      { path: "/failures/redrive", submit: (fields) => redrive(desk, fields, now()) },
      {
        path: "/failures/discard",
        async submit(fields) {
          const id = idOf(fields);
          const reason = (fields.get("reason") ?? "").trim();
          if (reason === "") return (await view(id, "Say why it is to be discarded.")) ?? gone();
          const { work, records } = await desk.discard([id], { ...WEB, reason });
          return { location: backTo("discarded", work + records) };
        },
      },
    ],
  };
}

/** Whoever sits at the page: it knows no names. */
const WEB = { by: "web", source: "web" };

async function listPage(desk: FailureDesk, query: URLSearchParams, now: Date): Promise<PageView> {
  const { filter, fields, problem } = filterOf(query, now);
  const after = query.get("after");
  const page = await desk.list(filter, { after });
  const body = failuresView({ page, fields, problem, first: after === null, outcome: outcomeOf(query), now });
  return { title: "Failures", refreshSeconds: REFRESH_S, body };
}

async function onePage(desk: FailureDesk, id: string, problem: string | null, now: Date): Promise<PageView | null> {
  const failure = UUID.test(id) ? await desk.show(id) : null;
  return failure && { title: "Failure", refreshSeconds: REFRESH_S, body: failureView(failure, problem, now) };
}

/** One by its id, or all that match the filter that the form was made with. */
async function redrive(desk: FailureDesk, form: URLSearchParams, now: Date): Promise<{ location: string }> {
  const reason = (form.get("reason") ?? "").trim() || null;
  const { filter, problem } = filterOf(form, now);
  if (problem) throw new Problem(422, problem);
  const { all: _, ...open } = filter;
  const { work, records } = await desk.redrive(form.has("id") ? [idOf(form)] : open, { ...WEB, reason });
  return { location: backTo("redriven", work + records) };
}

function idOf(fields: URLSearchParams): string {
  const id = fields.get("id") ?? "";
  if (!UUID.test(id)) throw gone();
  return id;
}

function gone(): never {
  throw new Problem(404, "There is no such failure.");
}

function backTo(done: Outcome["done"], count: number): string {
  return `/failures?${new URLSearchParams({ done, count: String(count) })}`;
}

function outcomeOf(query: URLSearchParams): Outcome | null {
  const done = FAILURE_ACTS_DONE.find((known) => known === query.get("done"));
  const count = Number(query.get("count") ?? Number.NaN);
  return done && Number.isSafeInteger(count) && count >= 0 ? { done, count } : null;
}

/** Most characters of a field that are looked at. */
const FIELD = 500;

function filterOf(query: URLSearchParams, now: Date) {
  const field = (name: string) => (query.get(name) ?? "").replaceAll("\0", "").trim().slice(0, FIELD);
  const [type, errorClass, subject, since] = ["type", "class", "subject", "since"].map(field) as [
    string,
    string,
    string,
    string,
  ];
  const fields: FilterFields = { type, class: errorClass, subject, since, all: query.get("all") === "1" };
  const moment = since === "" ? null : momentOf(since, now);
  const filter: FailureFilter = {
    ...(type ? { type } : {}),
    ...(errorClass ? { errorClass } : {}),
    ...(subject ? { subjectId: subject } : {}),
    ...(moment ? { since: moment } : {}),
    ...(fields.all ? { all: true } : {}),
  };
  const problem = since !== "" && moment === null ? `"${since}" is no time: give ${MOMENT_FORMS}.` : null;
  return { filter, fields, problem };
}
