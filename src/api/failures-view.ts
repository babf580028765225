import type { FailurePage, FailureSummary } from "../engine/failures.ts";
import { visible } from "../engine/raw-bytes.ts";
import { type Html, html } from "../engine/web/html.ts";
import { ago, chip, count } from "../engine/web/parts.ts";
import { type FilterFields, filterEntries } from "./failure-fields.ts";
import { hiddenFilter } from "./failure-forms.ts";

export const FAILURE_ACTS_DONE = ["redriven", "discarded"] as const;

/** What the form before this page did. */
export interface Outcome {
  readonly done: (typeof FAILURE_ACTS_DONE)[number];
  readonly count: number;
  /** Asked for before, and not carried out yet. */
  readonly already: number;
  /** Decided so before. */
  readonly unchanged: number;
  /** What could not be decided so. */
  readonly skipped: number;
  /** Meant too, and more than one request decides about. */
  readonly left: number;
}

export interface FailuresModel {
  readonly page: FailurePage;
  readonly fields: FilterFields;
  readonly problem: string | null;
  /** False from the second page on: nothing live above older ones. */
  readonly first: boolean;
  readonly outcome: Outcome | null;
  readonly now: Date;
}

/** The list of failures with its filter, and the forms that lead to a decision about all of them or those chosen. */
export function failuresView({ page, fields, problem, first, outcome, now }: FailuresModel): Html {
  return html`<h1>Failures</h1>
${outcome && html`<p class="notice" role="status">${outcomeText(outcome)}</p>`}
${filterForm(fields, problem)}
${first && page.total > 0 && problem === null ? decideAll(page.total, fields) : null}
<section id="failures" aria-label="Failures"${first ? html` data-live` : null}>
${page.failures.length === 0 ? empty(fields) : html`<p class="soft">${count(page.total, "failure")}</p>`}
<ul class="letters">${page.failures.map((failure) => item(failure, now))}</ul>
${page.failures.some(isDecidable) ? decideChosen() : null}
${page.next ? html`<p class="pager"><a rel="next" href="/failures?${queryOf(fields, page.next)}">Older failures</a></p>` : null}
</section>`;
}

function outcomeText({ done, count: n, already, unchanged, skipped, left }: Outcome): string {
  const told = [
    n > 0 && `${count(n, "failure")} ${done}. The list follows as soon as router and materializer have carried it out.`,
    already > 0 && `${count(already, "failure")} asked for before: the router has not come to it yet.`,
    unchanged > 0 && `${count(unchanged, "failure")} ${done} before: nothing was left to do.`,
    skipped > 0 && `${count(skipped, "failure")} could not be ${done}.`,
    left > 0 && `${count(left, "failure")} of the same choice remain: once the list has followed, press again.`,
  ].filter((text) => text !== false);
  return told.join(" ") || "Nothing was left to decide.";
}

function filterForm(fields: FilterFields, problem: string | null): Html {
  const field = (name: "type" | "class" | "subject" | "since", label: string, hint: string) =>
    html`<label>${label} <input name="${name}" value="${fields[name]}" placeholder="${hint}" maxlength="500" autocomplete="off"></label>`;
  return html`<form class="desk" method="get" action="/failures">
${field("type", "Type", "fetch_link")} ${field("class", "Class", "http_5xx")} ${field("subject", "Subject", "https://…")} ${field("since", "Since", "2h, 7d")}
<label class="check"><input name="all" type="checkbox" value="1"${fields.all ? html` checked` : null}> decided ones too</label>
<button type="submit">Filter</button>
${problem && html`<p class="reason" role="alert">${problem}</p>`}
</form>`;
}

function decideAll(total: number, fields: FilterFields): Html {
  const all = fields.all ? "all open ones" : total === 1 ? "it" : `all ${total.toLocaleString("en")}`;
  return html`<form class="desk" method="get" action="/failures/decide">
${hiddenFilter(fields)}<button name="act" value="redriven">Redrive ${all} …</button>
<button class="quiet" name="act" value="discarded">Discard ${all} …</button>
</form>`;
}

function decideChosen(): Html {
  return html`<form class="desk" id="chosen" method="get" action="/failures/decide"><input type="hidden" name="chosen" value="1">
<button class="quiet" name="act" value="redriven">Redrive chosen …</button>
<button class="quiet" name="act" value="discarded">Discard chosen …</button>
</form>`;
}

const isDecidable = ({ state }: FailureSummary) => state !== "redriven";

function item(failure: FailureSummary, now: Date): Html {
  const { kind, id, type, subjectId, state, error, errorClass, at, attempts, redrives, decision } = failure;
  return html`<li id="f-${id}">
<p class="line"><span>${isDecidable(failure) ? html`<input type="checkbox" form="chosen" id="c-${id}" name="id" value="${id}" aria-label="Choose this one"> ` : null}<a href="/failures/${id}"><b>${visible(type)}</b></a> ${subjectId === null ? null : html`of <code dir="auto">${visible(subjectId)}</code>`}</span> <span>${chip(state)} <span class="soft">${ago(at, now)}</span></span></p>
<p class="reason" dir="auto">${visible(error) || "No reason was given"}</p>
<p class="soft"><code>${visible(errorClass)}</code> <span>${kind === "work" ? count(attempts, "attempt") : "a record"}</span>
${redrives > 0 && html`<span>redriven ${count(redrives, "time")}</span>`}
${decision && html`<span>${visible(decision.by)}${decision.reason ? `: ${visible(decision.reason)}` : ""}</span>`}</p></li>`;
}

function empty(fields: FilterFields): Html {
  const filtered = fields.type || fields.class || fields.subject || fields.since;
  return html`<p class="empty">${filtered ? "Nothing that failed matches." : "Nothing has failed for good."}</p>`;
}

function queryOf(fields: FilterFields, after: string): string {
  const all = fields.all ? [["all", "1"]] : [];
  return new URLSearchParams([...filterEntries(fields), ...all, ["after", after]] as string[][]).toString();
}
