import { z } from "zod";
import { defineEvent } from "../../engine/event.ts";
import { deterministicId } from "../../engine/ids.ts";
import { foldLink } from "./fold.ts";

const visibility = z.enum(["private", "public"]);
const optionalText = z.string().nullish();
/** Browsers hand on no more, and messages of work, which name it, must fit into the log. */
const MAX_URL_CHARS = 100_000;
const address = z.string().min(1).max(MAX_URL_CHARS);

/** Id of the event that saves a link by hand: however often it is shared, it is saved once. */
export function captureId(subjectId: string): string {
  return deterministicId("capture", "link.added", subjectId);
}

/** A link was saved. Without `visibility` the configured default holds. */
export const linkAdded = defineEvent({
  type: "link.added",
  subject: "link",
  version: 1,
  payload: z.looseObject({
    url: address,
    url_norm: optionalText,
    source: optionalText,
    visibility: visibility.nullish(),
  }),
  // Somebody who shares a known link as public or private decides who sees it; a client that repeats a request under
  // an id of its own does not.
  captured: ({ id, subjectId, source, payload }, earlier) => {
    const wanted = payload.visibility === "public" || payload.visibility === "private" ? payload.visibility : null;
    if (wanted === null || id !== captureId(subjectId)) return null;
    const before = foldLink(earlier, wanted);
    if (!before || before.visibility === wanted) return null;
    const change = { type: linkVisibilityChanged.type, subject: linkVisibilityChanged.subject, subjectId };
    return { ...change, ...(source ? { source } : {}), payload: { visibility: wanted } };
  },
});

/** A link's page was read. `fetch_error` set: it could not be, and the rest may be missing. */
export const contentFetched = defineEvent({
  type: "content.fetched",
  subject: "link",
  version: 1,
  payload: z.looseObject({
    final_url: optionalText,
    title: optionalText,
    text_content: optionalText,
    html_storage_key: optionalText,
    fetch_error: optionalText,
    /** What the page says of itself; ours, absent in events of other writers. */
    description: optionalText,
    declared_tags: z.array(z.string()).nullish(),
    language: optionalText,
    site_name: optionalText,
    /** The `link.cleaned` for which it was read anew. */
    cleaned_by: optionalText,
  }),
});

/** A link got tags and a summary. `summary` is the older form of `summary_short`. */
export const enrichmentCompleted = defineEvent({
  type: "enrichment.completed",
  subject: "link",
  version: 1,
  payload: z.looseObject({
    tags: z.array(z.string()).nullish(),
    summary_short: optionalText,
    summary_long: optionalText,
    summary: optionalText,
    language: optionalText,
    model_version: optionalText,
  }),
});

/** What the site shows of a link is up to date, as of ledger position `version` where the publisher says so. */
export const publishCompleted = defineEvent({
  type: "publish.completed",
  subject: "link",
  version: 1,
  payload: z.looseObject({ published_at: optionalText, version: z.number().int().nullish() }),
});

const decided = { by: optionalText, reason: optionalText };

/** A person decided who may see a link. */
export const linkVisibilityChanged = defineEvent({
  type: "link.visibility_changed",
  subject: "link",
  version: 1,
  payload: z.looseObject({ visibility, ...decided }),
});

/**
 * A person wants a link done anew. `metadata`: tags and summary are forgotten and made again of that content. `content`:
 * what was read too, and the page is read again. The site shows what it showed until the new is there.
 */
export const linkCleaned = defineEvent({
  type: "link.cleaned",
  subject: "link",
  version: 1,
  payload: z.discriminatedUnion("scope", [
    z.looseObject({
      scope: z.literal("metadata"),
      content_event_id: z.guid(),
      content_hash: z.string().min(1),
      ...decided,
    }),
    z.looseObject({ scope: z.literal("content"), url: address, ...decided }),
  ]),
});
