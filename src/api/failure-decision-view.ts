import type { DeskReport } from "../engine/failures.ts";
import { visible } from "../engine/raw-bytes.ts";
import { type Html, html } from "../engine/web/html.ts";
import { count } from "../engine/web/parts.ts";
import type { Choice } from "./failure-fields.ts";
import { deciderFields, hiddenFilter } from "./failure-forms.ts";
import type { Outcome } from "./failures-view.ts";

export interface DecisionModel {
  readonly act: Outcome["done"];
  readonly choice: Choice;
  /** Of a dry run. */
  readonly report: DeskReport;
  readonly problem: string | null;
}

/** Most lines of outlooks, and of what cannot be decided. */
const SHOWN = 20;

/** What would become of deciding about several failures at once, and the form that does it. */
export function decisionView({ act, choice, report, problem }: DecisionModel): Html {
  const { work, records, outlooks, already, unchanged, skipped, left } = report;
  const total = work + records;
  const undecided = [...unchanged, ...skipped];
  return html`<p class="soft"><a href="/failures">Failures</a></p>
<h1>${act === "redriven" ? "Redrive" : "Discard"} ${count(total, "failure")}?</h1>
<p class="soft">${choice.ids ? "Of those that were chosen" : "Of all that match now"}, ${count(work, "piece of work", "pieces of work")} and ${count(records, "record")} would be ${act}.</p>
${left > 0 ? html`<p class="soft">That is as many as one request decides about. ${count(left, "other")} of the same choice remain: press again for them afterwards.</p>` : null}
${already > 0 ? html`<p class="soft">${count(already, "other")}: asked for before, and not carried out yet.</p>` : null}
${lines(
  outlooks.map(({ text, count: n }) => `${n.toLocaleString("en")}: ${text}`),
  "outlook",
)}
${lines(
  undecided.map(({ id, why }) => `${id}: ${why}`),
  "failure",
)}
${total > 0 ? form(act, choice, total, problem) : html`<p class="empty">There is nothing left to decide.</p>`}`;
}

function lines(texts: readonly string[], what: string): Html | null {
  if (texts.length === 0) return null;
  const more = texts.length - SHOWN;
  return html`<ul class="attempts">${texts.slice(0, SHOWN).map((text) => html`<li dir="auto">${visible(text)}</li>`)}
${more > 0 ? html`<li class="soft">and ${count(more, `other ${what}`)}</li>` : null}</ul>`;
}

function form(act: DecisionModel["act"], { ids, fields }: Choice, total: number, problem: string | null): Html {
  const which = ids
    ? html`${ids.map((id) => html`<input type="hidden" name="id" value="${id}">`)}`
    : hiddenFilter(fields);
  const needsReason = act === "discarded";
  return html`<form class="desk" method="post" action="/failures/${needsReason ? "discard" : "redrive"}">
${which}${deciderFields({ needsReason, problem })}
<button type="submit">${needsReason ? "Discard" : "Redrive"} ${total === 1 ? "it" : `all ${total.toLocaleString("en")}`}</button>
${problem && html`<p class="reason" role="alert">${problem}</p>`}</form>`;
}
