import { stateAdopted } from "../../../engine/adopted.ts";
import type { StoredEvent } from "../../../engine/event.ts";
import type { WorkItem } from "../../../engine/history.ts";
import { type Html, html } from "../../../engine/web/html.ts";
import { until } from "../../../engine/web/parts.ts";
import type { LinkSummary, OpenWork } from "./list-query.ts";

/** What people call the steps, to complete "waiting to be …", "… now". */
const STEPS: Record<string, { done: string; doing: string; noun: string }> = {
  fetch_link: { done: "read", doing: "reading the page", noun: "Read the page" },
  enrich_link: { done: "tagged", doing: "tagging and summarizing", noun: "Tag and summarize" },
  publish_link: { done: "published", doing: "publishing", noun: "Publish" },
};

const step = (type: string) => STEPS[type] ?? { done: `worked on (${type})`, doing: `working (${type})`, noun: type };

/** The name of a piece of work. */
export const workName = (type: string): string => step(type).noun;

/** What an event says, in a few words. */
export function eventName(event: StoredEvent): string {
  const visibility = event.payload.visibility;
  switch (event.type) {
    case "link.added":
      return "Added";
    case "content.fetched":
      return event.payload.fetch_error ? "The page could not be read" : "Page read";
    case "enrichment.completed":
      return "Tagged and summarized";
    case "publish.completed":
      return "Up to date on the site";
    case "link.visibility_changed":
      return visibility === "public" ? "Made public" : visibility === "private" ? "Made private" : "Visibility changed";
    case stateAdopted.type:
      return "Taken over from an earlier system";
    case "link.cleaned":
      return event.payload.scope === "content" ? "To be read anew" : "To be tagged anew";
    case "work.failed":
      return "An attempt failed";
    case "work.redriven":
      return "Put back to work by a person";
    case "work.discarded":
      return "Given up by a person";
    case "work.requested":
      return "Work asked for by a person";
    default:
      return event.type;
  }
}

/** Where a link stands, in words: "attempt 2 of 3 in 12 s", "reading the page". Null: nothing is under way. */
export function progress({ work }: Pick<LinkSummary, "work">, now: Date): Html | null {
  const text = work ? workProgress(work, now) : null;
  return text && html`<span class="${work?.status === "dead" ? "over" : "doing"}">${text}</span>`;
}

/** The same of one piece of work. */
export function workProgress(work: OpenWork | WorkItem, now: Date): Html | null {
  const again = work.attempt > 1;
  switch (work.status) {
    case "pending":
      if (!again) return html`waiting to be ${step(work.type).done}`;
      return html`attempt ${work.attempt} of ${work.maxAttempts} ${until(work.nextAttemptAt, now)}`;
    case "queued":
      return again
        ? html`attempt ${work.attempt} of ${work.maxAttempts} is next`
        : html`waiting to be ${step(work.type).done}`;
    case "running":
      return html`${step(work.type).doing}${again ? ` (attempt ${work.attempt} of ${work.maxAttempts})` : ""} …`;
    case "failed":
      return html`attempt ${work.attempt} of ${work.maxAttempts} failed`;
    case "dead":
      return work.attempt === 1
        ? html`given up after the first attempt: another could not help`
        : html`given up after ${work.attempt} attempts`;
    default:
      return null;
  }
}

/** A reason as a sentence: a capital letter first (but for names of hosts), a full stop last. */
export function sentence(text: string): string {
  const trimmed = text.trim();
  if (trimmed === "") return "No reason was given.";
  const isName = /^\S+\.\S/.test(trimmed);
  const first = isName ? trimmed : trimmed.charAt(0).toUpperCase() + trimmed.slice(1);
  return /[.!?…]$/.test(first) ? first : `${first}.`;
}
