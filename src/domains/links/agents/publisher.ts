import type { Agent } from "../../../engine/agent.ts";
import { RetryableError, TerminalError } from "../../../engine/errors.ts";
import { foldLink, type LinkView } from "../fold.ts";
import type { LinkLedger, Site } from "../ports.ts";
import type { Visibility } from "../subject.ts";
import { publishLink } from "../work.ts";

/** What the publisher works with. */
export interface PublisherOptions {
  readonly ledger: LinkLedger;
  readonly site: Site;
  /** Holds for links whose events never said who may see them. */
  readonly defaultVisibility: Visibility;
}

/** As often as this a link may change under our hands before the work is put off. */
const ROUNDS = 5;

/**
 * Brings the public site in line with what the ledger says of a link. It asks the ledger again after writing: a link
 * made private meanwhile must not stay public because two workers wrote in the wrong order.
 */
export function createPublisher({ ledger, site, defaultVisibility }: PublisherOptions): Agent {
  const linkOf = async (subjectId: string): Promise<LinkView> => {
    const link = foldLink(await ledger.eventsOf(subjectId), defaultVisibility);
    if (!link) throw new TerminalError(`the ledger knows no link ${subjectId}`, "unknown_link");
    return link;
  };
  return {
    name: "publisher",
    group: "publisher-agent-v2",
    handles: publishLink,
    concurrency: 8,
    timeoutMs: 30_000,
    reads: ["events"],
    async run(work, { signal, log, now }) {
      let link = await linkOf(work.subjectId);
      // Nothing to show yet: its enrichment will ask for publishing. What was shown before must still go.
      if (!link.enriched && link.visibility === "public") return [];
      for (let round = 1; round <= ROUNDS; round++) {
        signal.throwIfAborted();
        await show(site, link);
        const latest = await linkOf(work.subjectId);
        if (isSame(link, latest)) return [completed(link, now())];
        log.debug("the link changed while it was published", { subject_id: link.subjectId, round });
        link = latest;
      }
      throw new RetryableError(`${work.subjectId} keeps changing while it is published`, "link_keeps_changing");
    },
  };
}

async function show(site: Site, link: LinkView): Promise<void> {
  if (link.visibility === "public") await site.put(link);
  else await site.remove(link.subjectId);
}

/** Adding a link again may change who sees it without moving its version. */
function isSame(a: LinkView, b: LinkView): boolean {
  return a.version === b.version && a.visibility === b.visibility;
}

function completed(link: LinkView, at: Date) {
  return {
    type: "publish.completed",
    subject: "link",
    subjectId: link.subjectId,
    payload: { published_at: at.toISOString(), version: link.version },
  };
}
