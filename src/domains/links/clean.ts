import { UserError } from "../../engine/errors.ts";
import type { NewEvent, StoredEvent } from "../../engine/event.ts";
import { contentHash } from "./content-hash.ts";
import { contentFetched, linkCleaned } from "./events.ts";

/** Who decided, from where, and why. */
interface Deciding {
  readonly by: string;
  readonly source: string;
  readonly reason: string | null;
}

/** A link as the tables and the ledger have it. */
interface KnownLink {
  readonly subjectId: string;
  readonly url: string;
  readonly events: readonly StoredEvent[];
}

/**
 * The event that has a link done anew: its tags and summary, with `full` what was read too. Throws UserError where the
 * ledger does not hold what was read, as of links that another program read.
 */
export function cleanedEvent(link: KnownLink, { full, by, source, reason }: Deciding & { full: boolean }): NewEvent {
  const { subjectId, url } = link;
  const about = full ? { scope: "content", url } : { scope: "metadata", ...contentOf(link) };
  const payload = { ...about, by, ...(reason ? { reason } : {}) };
  return { type: linkCleaned.type, subject: linkCleaned.subject, subjectId, source, payload };
}

/** The content that was read last, unless that was to be forgotten since. */
function contentOf({ events, url }: KnownLink) {
  const last = events.findLast(
    ({ type, payload }) =>
      (type === contentFetched.type && !payload.fetch_error) ||
      (type === linkCleaned.type && payload.scope === "content"),
  );
  if (last?.type !== contentFetched.type)
    throw new UserError(`the ledger does not hold what was read of ${url}: with --full the page is read again`);
  return { content_event_id: last.id, content_hash: contentHash(last.payload) };
}
