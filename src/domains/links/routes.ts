import type { Payload } from "../../engine/event.ts";
import { defineRoute } from "../../engine/route.ts";
import { contentHash } from "./content-hash.ts";
import {
  captureId,
  contentFetched,
  enrichmentCompleted,
  linkAdded,
  linkCleaned,
  linkVisibilityChanged,
} from "./events.ts";
import { enrichLink, fetchLink, publishLink } from "./work.ts";

/** A link is fetched once, however often it is shared. A later generation of fetching would be another key. */
export const fetchKey = (subjectId: string): string => `${subjectId}#1`;

const fetchAdded = defineRoute({
  on: linkAdded,
  dispatch: fetchLink,
  key: (event) => fetchKey(event.subjectId),
  plan: (event) => ({ url: event.payload.url }),
});

/** The same content is enriched once, and once more each time that it was read because a person wanted it anew. */
export const enrichKey = (subjectId: string, content: Payload): string =>
  [subjectId, contentHash(content), ...(content.cleaned_by ? [content.cleaned_by] : [])].join("#");

const enrichFetched = defineRoute({
  on: contentFetched,
  dispatch: enrichLink,
  key: (event) => enrichKey(event.subjectId, event.payload),
  plan: (event) =>
    event.payload.fetch_error ? null : { content_event_id: event.id, content_hash: contentHash(event.payload) },
});

/** Each version of what can be shown is published once. */
const publishEnriched = defineRoute({
  on: enrichmentCompleted,
  dispatch: publishLink,
  key: (event) => event.id,
  plan: () => ({}),
});

const publishVisibility = defineRoute({
  on: linkVisibilityChanged,
  dispatch: publishLink,
  key: (event) => event.id,
  plan: () => ({}),
});

/**
 * A link that others share again with a visibility may have changed who sees it. What is captured through us says so by
 * an event of its own.
 */
const publishSharedAgain = defineRoute({
  on: linkAdded,
  dispatch: publishLink,
  key: (event) => event.id,
  plan: (event) => (event.payload.visibility && event.id !== captureId(event.subjectId) ? {} : null),
});

const fetchCleaned = defineRoute({
  on: linkCleaned,
  dispatch: fetchLink,
  key: (event) => `${event.subjectId}#${event.id}`,
  plan: ({ id, payload }) => (payload.scope === "content" ? { url: payload.url, cleaned_by: id } : null),
});

const enrichCleaned = defineRoute({
  on: linkCleaned,
  dispatch: enrichLink,
  key: (event) => `${event.subjectId}#${event.id}`,
  plan: ({ payload }) =>
    payload.scope === "metadata"
      ? { content_event_id: payload.content_event_id, content_hash: payload.content_hash }
      : null,
});

export const linkRoutes = [
  fetchAdded,
  enrichFetched,
  publishEnriched,
  publishVisibility,
  publishSharedAgain,
  fetchCleaned,
  enrichCleaned,
];
