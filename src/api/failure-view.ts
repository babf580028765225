import type { StoredEvent } from "../engine/event.ts";
import type { FailureDetail } from "../engine/failures.ts";
import type { FailedAttempt } from "../engine/history.ts";
import { renderBytes, visible } from "../engine/raw-bytes.ts";
import { type Html, html } from "../engine/web/html.ts";
import { ago, chip, count } from "../engine/web/parts.ts";
import { deciderFields } from "./failure-forms.ts";

/** One failure: what happened, what people decided, what came, what would come of redriving it; and the forms. */
export function failureView(failure: FailureDetail, problem: string | null, now: Date): Html {
  const { summary, outlook, attempts, acts, original } = failure;
  return html`<article id="failure" data-live>
<p class="soft"><a href="/failures">Failures</a> <span>${summary.kind === "work" ? "work that was given up" : "a record that nobody could read"}</span></p>
<h1>${visible(summary.type)}</h1>
<p class="soft facts">${chip(summary.state)} ${summary.subjectId && html`<span>of ${subject(summary.subjectId)}</span>`} <span>failed ${ago(summary.at, now)}</span> <code>${visible(summary.errorClass)}</code></p>
<p class="reason" dir="auto">${visible(summary.error) || "No reason was given"}</p>
<p class="soft">${outlook.helps ? "If redriven" : "Redriving does not help"}: ${visible(outlook.text)}.</p>
${attempts.length > 0 ? html`<h2>Attempts</h2><ol class="attempts">${attempts.map((attempt) => attemptRow(attempt, now))}</ol>` : null}
${acts.length > 0 ? html`<h2>Decided</h2><ol class="attempts">${acts.map((act) => actRow(act, now))}</ol>` : null}
<h2>As it came</h2>
${original.place && html`<p class="soft">${visible(original.place)}</p>`}
${Object.entries(original.headers).map(([name, text]) => html`<p class="soft"><code>${visible(name)}</code> <span>${visible(text)}</span></p>`)}
${bytes("Key", original.key, `/failures/${summary.id}/key`)}
${bytes("Value", original.value, `/failures/${summary.id}/value`)}
</article>
${summary.state === "redriven" ? null : forms(failure, problem)}`;
}

function subject(id: string): Html {
  const shown = html`<code dir="auto">${visible(id)}</code>`;
  return /^link:[0-9a-f]+$/.test(id) ? html`<a href="/links/${id}">${shown}</a>` : shown;
}

function attemptRow({ round, attempt, at, error, errorClass }: FailedAttempt, now: Date): Html {
  return html`<li><span class="soft">${round > 1 ? `Round ${round}, attempt` : "Attempt"} ${attempt} failed ${ago(at, now)}</span> <code>${visible(errorClass ?? "unexpected")}</code> <span class="reason">${visible(error)}</span></li>`;
}

function actRow({ type, occurredAt, payload }: StoredEvent, now: Date): Html {
  const text = (name: string) => visible(String(payload[name] ?? ""));
  return html`<li><code>${type}</code> by ${text("by")} ${ago(occurredAt, now)}${payload.reason ? `: ${text("reason")}` : ""}
<span class="soft">It was: ${text("error")}</span></li>`;
}

function bytes(name: string, raw: Uint8Array | null, path: string): Html {
  const { as, text, size, isCut } = renderBytes(raw);
  if (as === "nothing") return html`<p class="soft">${name}: nothing</p>`;
  return html`<p class="soft">${name}: ${as}, ${count(size, "byte")}${isCut ? ", cut here" : ""} <a href="${path}" download>as a file</a></p><pre dir="ltr">${text}</pre>`;
}

function forms({ summary: { id, state } }: FailureDetail, problem: string | null): Html {
  return html`<h2>Decide</h2>
<form class="desk" method="post" action="/failures/redrive"><input type="hidden" name="id" value="${id}">
${deciderFields()} <button type="submit">Redrive</button></form>
${
  state === "open"
    ? html`<form class="desk" method="post" action="/failures/discard"><input type="hidden" name="id" value="${id}">
${deciderFields({ needsReason: true, problem })} <button class="quiet" type="submit">Discard</button>
${problem && html`<p class="reason" role="alert">${problem}</p>`}</form>`
    : null
}`;
}
