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
  const fold = async (subjectId: string) => foldLink(await ledger.eventsOf(subjectId), defaultVisibility);
  const linkOf = async (subjectId: string): Promise<LinkView> => {
    const link = await fold(subjectId);
    if (!link) throw new TerminalError(`the ledger knows no link ${subjectId}`, "unknown_link");
    return link;
  };
  return {
    name: "publisher",
    group: "publisher-agent-v2",
    handles: publishLink,
    concurrency: 8,
    timeoutMs: 30_000,
    reads: ["events", "links", "link_metadata", "publish_state"],
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
    async prepare({ signal, log }) {
      const lacking = inTurn(await site.lacking(await ledger.published()));
      for (let from = 0; from < lacking.length && !signal.aborted; from += AT_ONCE) {
        await showAgain(lacking.slice(from, from + AT_ONCE), site, fold);
      }
      if (lacking.length > 0) log.info("the site shows again what was published before", { links: lacking.length });
    },
  };
}

/** Links brought back to the site at once. */
const AT_ONCE = 500;

/** The newest first, for who looks; then from the oldest on, since lists are counted from there: each is written once. */
function inTurn(newestFirst: readonly string[]): string[] {
  return [...newestFirst.slice(0, AT_ONCE), ...newestFirst.slice(AT_ONCE).reverse()];
}

type Fold = (subjectId: string) => Promise<LinkView | null>;

/** As with a single one, the ledger is asked again after writing. What it does not know is not ours to show. */
async function showAgain(ids: readonly string[], site: Site, fold: Fold): Promise<void> {
  const links = await Promise.all(ids.map(fold));
  await site.putAll(links.filter((link) => link !== null));
  const latest = await Promise.all(ids.map(fold));
  for (const [index, link] of latest.entries()) {
    const written = links[index];
    if (link && (!written || !isSame(link, written))) await show(site, link);
  }
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
