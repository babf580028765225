import type { FailurePage, FailureSummary } from "../engine/failures.ts";
import { visible } from "../engine/raw-bytes.ts";
import { type Html, html } from "../engine/web/html.ts";
import { ago, chip, count } from "../engine/web/parts.ts";

/** What was typed into the filter. */
export interface FilterFields {
  readonly type: string;
  readonly class: string;
  readonly subject: string;
  readonly since: string;
  readonly all: boolean;
}

export const FAILURE_ACTS_DONE = ["redriven", "discarded"] as const;

/** What the form before this page did. */
export interface Outcome {
  readonly done: (typeof FAILURE_ACTS_DONE)[number];
  readonly count: number;
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

/** The list of failures with its filter, and the form that redrives all of them. */
export function failuresView({ page, fields, problem, first, outcome, now }: FailuresModel): Html {
  return html`<h1>Failures</h1>
${outcome && html`<p class="notice" role="status">${outcomeText(outcome)}</p>`}
${filterForm(fields, problem)}
${first && page.total > 0 && problem === null ? redriveAll(page.total, fields) : null}
<section id="failures" aria-label="Failures"${first ? html` data-live` : null}>
${page.failures.length === 0 ? empty(fields) : html`<p class="soft">${count(page.total, "failure")}</p>`}
<ul class="letters">${page.failures.map((failure) => item(failure, now))}</ul>
${page.next ? html`<p class="pager"><a rel="next" href="/failures?${queryOf(fields, page.next)}">Older failures</a></p>` : null}
</section>`;
}

function outcomeText({ done, count: n }: Outcome): string {
  if (n === 0) return "Nothing was left to decide: somebody did so before.";
  return `${count(n, "failure")} ${done}. The list follows as soon as router and materializer have carried it out.`;
}

function filterForm(fields: FilterFields, problem: string | null): Html {
  const field = (name: "type" | "class" | "subject" | "since", label: string, hint: string) =>
    html`<label>${label} <input name="${name}" value="${fields[name]}" placeholder="${hint}" maxlength="500" autocomplete="off"></label>`;
  return html`<form class="desk" method="get" action="/failures">
${field("type", "Type", "fetch_link")} ${field("class", "Class", "http_5xx")} ${field("subject", "Subject", "link:…")} ${field("since", "Since", "2h, 7d")}
<label class="check"><input name="all" type="checkbox" value="1"${fields.all ? html` checked` : null}> decided ones too</label>
<button type="submit">Filter</button>
${problem && html`<p class="reason" role="alert">${problem}</p>`}
</form>`;
}

function redriveAll(total: number, fields: FilterFields): Html {
  const hidden = (["type", "class", "subject", "since"] as const).filter((name) => fields[name] !== "");
  return html`<form class="desk" method="post" action="/failures/redrive">
${hidden.map((name) => html`<input type="hidden" name="${name}" value="${fields[name]}">`)}
<label>Reason <input name="reason" maxlength="500" autocomplete="off"></label>
<button type="submit">Redrive ${fields.all ? "all open ones" : total === 1 ? "it" : `all ${total.toLocaleString("en")}`}</button>
</form>`;
}

function item(failure: FailureSummary, now: Date): Html {
  const { kind, id, type, subjectId, state, error, errorClass, at, attempts, redrives, decision } = failure;
  return html`<li id="f-${id}">
<p class="line"><span><a href="/failures/${id}"><b>${visible(type)}</b></a> ${subjectId === null ? null : html`of <code dir="auto">${visible(subjectId)}</code>`}</span> <span>${chip(state)} <span class="soft">${ago(at, now)}</span></span></p>
<p class="reason" dir="auto">${visible(error) || "No reason was given"}</p>
<p class="soft"><code>${visible(errorClass)}</code> <span>${kind === "work" ? count(attempts, "attempt") : "a record"}</span>
${redrives > 0 && html`<span>redriven ${count(redrives, "time")}</span>`}
${decision && html`<span>${visible(decision.by)}${decision.reason ? `: ${visible(decision.reason)}` : ""}</span>`}</p></li>`;
}

function empty(fields: FilterFields): Html {
  const filtered = fields.type || fields.class || fields.subject || fields.since;
  return html`<p class="empty">${filtered ? "Nothing that failed matches." : "Nothing has failed for good."}</p>`;
}

function queryOf({ all, ...texts }: FilterFields, after: string): string {
  const given = Object.entries(texts).filter(([, text]) => text !== "");
  return new URLSearchParams([...given, ...(all ? [["all", "1"]] : []), ["after", after]] as string[][]).toString();
}
