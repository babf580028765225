import { UserError } from "../../../engine/errors.ts";
import { timeline } from "../../../engine/history.ts";
import { sleep } from "../../../engine/sleep.ts";
import { html } from "../../../engine/web/html.ts";
import type { ApiHost, DomainApi, PageView } from "../../../engine/web/types.ts";
import type { Visibility } from "../subject.ts";
import { captureEndpoint, linkEvent, type MakeLinkAdded } from "./capture.ts";
import { linkView } from "./link-view.ts";
import { countByStatus, findLink, LINK_STATUSES, type LinkStatus, listLinks, summaryOf } from "./list-query.ts";
import { addForm, type FormState, linkList } from "./list-view.ts";

const LISTED_WITHIN_MS = 1_500;
const LISTED_POLL_MS = 50;
const NEW_LINK = { url: "", chosen: false, problem: null };

/** The pages of links, their form and their endpoints. */
export function linksApi(linkAdded: MakeLinkAdded, defaultVisibility: Visibility): (host: ApiHost) => DomainApi {
  return (host) => apiOf({ host, linkAdded, exception: defaultVisibility === "private" ? "public" : "private" });
}

interface Parts {
  readonly host: ApiHost;
  readonly linkAdded: MakeLinkAdded;
  /** The visibility that is not the default one: what the form's box stands for. */
  readonly exception: Visibility;
}

function apiOf(parts: Parts): DomainApi {
  const { host, linkAdded } = parts;
  return {
    pages: [
      { path: "/", navigation: "Links", render: ({ query }) => listPage(parts, query, NEW_LINK) },
      // The form's own address: where a browser stands after it sent something wrong.
      { path: "/links", render: ({ query }) => listPage(parts, query, NEW_LINK) },
      { path: "/links/:id", render: ({ params }) => linkPage(host, params.id ?? "") },
    ],
    forms: [{ path: "/links", submit: (fields) => addLink(parts, fields) }],
    endpoints: [
      captureEndpoint(host, linkAdded),
      {
        method: "GET",
        path: "/api/links/:id",
        scope: "read",
        handle: async ({ params }) => linkJson(host, params.id ?? ""),
      },
    ],
  };
}

async function listPage(
  { host, exception }: Parts,
  query: URLSearchParams,
  form: Omit<FormState, "exception">,
): Promise<PageView> {
  const status = LINK_STATUSES.find((known): known is LinkStatus => known === query.get("status"));
  const after = query.get("after");
  const id = query.get("added");
  const model = await host.read(async (sql) => ({
    page: await listLinks(sql, { status, after }),
    counts: await countByStatus(sql),
    added: id ? { id, listed: (await findLink(sql, id)) !== null } : null,
  }));
  const list = linkList({ ...model, status, first: after === null, exception, now: host.now() });
  return {
    title: "Links",
    refreshSeconds: 30,
    body: html`${after === null ? addForm({ ...form, exception }) : null}${list}`,
  };
}

async function linkPage(host: ApiHost, subjectId: string): Promise<PageView | null> {
  const [listed, history] = await Promise.all([host.read((sql) => findLink(sql, subjectId)), host.history(subjectId)]);
  if (!history) return null;
  // Its first event may be in the ledger and not yet in the tables.
  const link = listed ?? summaryOf(history.events);
  if (!link) return null;
  return { title: link.title?.trim() || link.url, body: linkView(link, history, host.now()) };
}

async function addLink(parts: Parts, fields: URLSearchParams) {
  const url = (fields.get("url") ?? "").trim();
  const { host, linkAdded, exception } = parts;
  const chosen = fields.get("visibility") === exception;
  try {
    const event = linkEvent(linkAdded, { url, source: "web", visibility: chosen ? exception : undefined });
    await host.ingest([event]);
    await untilListed(host, event.subjectId);
    return { location: `/?${new URLSearchParams({ added: event.subjectId })}` };
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return listPage(parts, new URLSearchParams(), { url, chosen, problem: error.message });
  }
}

/** Waits a moment for the pipeline to list a link, so that the page that comes next has it. */
async function untilListed(host: ApiHost, subjectId: string): Promise<void> {
  const signal = AbortSignal.timeout(LISTED_WITHIN_MS);
  while (!signal.aborted && (await host.read((sql) => findLink(sql, subjectId))) === null) {
    await sleep(LISTED_POLL_MS, signal).catch(() => {});
  }
}

async function linkJson(host: ApiHost, subjectId: string) {
  const [link, history] = await Promise.all([host.read((sql) => findLink(sql, subjectId)), host.history(subjectId)]);
  return link && history ? { body: { link, steps: timeline(history) } } : null;
}
