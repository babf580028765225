import type { SubjectHistory } from "../../../engine/history.ts";
import { timeline } from "../../../engine/history.ts";
import { type Html, html } from "../../../engine/web/html.ts";
import { ago, briefUrl, chip, hostOf, outward } from "../../../engine/web/parts.ts";
import { chain } from "./chain-view.ts";
import type { LinkSummary } from "./list-query.ts";
import { tagList } from "./list-view.ts";
import { progress, sentence } from "./words.ts";

/** One link with all that happened to it. */
export function linkView(link: LinkSummary, history: SubjectHistory, now: Date): Html {
  return html`<article id="link" data-live class="link">
  ${heading(link, now)}
  ${link.lastError && html`<p class="reason">${sentence(link.lastError)}</p>`}
  ${link.summary && html`<p class="lead" dir="auto">${link.summary}</p>`}
  ${tagList(link.tags)}
  <h2>What happened</h2>
  ${chain(timeline(history), now)}
  ${history.moreEvents > 0 && html`<p class="soft">${history.moreEvents} earlier events are not shown.</p>`}
  ${history.parked.map((event) => html`<p class="soft">${event.type} waits for ${event.waitsFor}</p>`)}
  <h2>In a terminal</h2>
  <pre>npm run show -- ${link.subjectId}</pre>
</article>`;
}

function heading(link: LinkSummary, now: Date): Html {
  return html`<p class="soft"><a href="/">Links</a> <span>${outward(link.url, hostOf(link.url))}</span></p>
  <h1 dir="auto">${link.title?.trim() || briefUrl(link.url)}</h1>
  <p class="soft facts">${chip(link.status)} ${progress(link, now)}
    <span>added ${ago(link.addedAt, now)}${link.source ? ` from ${link.source}` : ""}</span>
    <span>${link.visibility}</span>${link.language && html` <span>${link.language}</span>`}</p>
  <p class="address">${outward(link.url, link.url)}</p>`;
}
