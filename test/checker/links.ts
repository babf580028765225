import type { Fact } from "./ledger.ts";
import { added, type Link, next, statusOf } from "./link.ts";
import { normalUrl } from "./normal-url.ts";
import type { ExpectedTable, Row } from "./table.ts";

/** Events that wait for their link where it is not known. */
const WAITS = [
  "work.failed",
  "content.fetched",
  "enrichment.completed",
  "publish.completed",
  "link.visibility_changed",
  "link.cleaned",
];

/** Links with all that hangs on them, and the tags they have had. */
export class Links {
  readonly #links = new Map<string, Link>();
  readonly #early = new Map<string, Fact[]>();
  readonly #tags = new Map<string, string>();

  constructor(readonly defaultVisibility: string) {}

  apply(fact: Fact): void {
    if (fact.subject !== "link") return;
    const link = this.#links.get(fact.subjectId);
    if (link) this.#set(link, fact);
    else if (fact.type === "link.added") this.#add(fact);
    else if (WAITS.includes(fact.type)) {
      this.#early.set(fact.subjectId, [...(this.#early.get(fact.subjectId) ?? []), fact]);
    }
  }

  #add(fact: Fact): void {
    const urlNorm = String(fact.payload.url_norm ?? normalUrl(String(fact.payload.url)));
    this.#links.set(fact.subjectId, added(fact, urlNorm, this.defaultVisibility));
    for (const early of this.#early.get(fact.subjectId) ?? []) {
      const link = this.#links.get(fact.subjectId);
      if (link) this.#set(link, early);
    }
    this.#early.delete(fact.subjectId);
  }

  #set(link: Link, fact: Fact): void {
    this.#links.set(link.subjectId, next(link, fact));
    if (fact.type !== "enrichment.completed") return;
    for (const tag of (fact.payload.tags as string[] | null | undefined) ?? []) {
      const seen = this.#tags.get(tag);
      if (!seen || Date.parse(fact.at) < Date.parse(seen)) this.#tags.set(tag, fact.at);
    }
  }

  tables(): ExpectedTable[] {
    const links = [...this.#links.values()];
    return [
      { name: "links", key: ["subject_id"], rows: links.map(linkRow) },
      { name: "link_content", key: ["subject_id"], rows: links.flatMap(contentRow) },
      { name: "link_metadata", key: ["subject_id"], rows: links.flatMap(metadataRow) },
      { name: "publish_state", key: ["subject_id"], rows: links.flatMap(publishRow) },
      { name: "tag_catalog", key: ["tag"], rows: [...this.#tags].map(([tag, first_seen]) => ({ tag, first_seen })) },
      { name: "subjects", key: ["subject", "subject_id"], rows: links.map(subjectRow), where: "subject = 'link'" },
    ];
  }

  parked(): Row[] {
    return [...this.#early.values()].flat().map(({ id }) => ({ projection: "links", event_id: id }));
  }
}

function linkRow(link: Link): Row {
  return {
    subject_id: link.subjectId,
    url: link.url,
    url_norm: link.urlNorm,
    source: link.source,
    created_at: link.firstAddedAt,
    status: statusOf(link),
    visibility: link.visibility,
    retry_count: link.retryCount,
    last_error: link.lastError,
    last_error_at: link.lastErrorAt,
  };
}

function contentRow({ subjectId, content }: Link): Row[] {
  if (!content) return [];
  const { final_url, title, text_content, html_storage_key, fetch_error } = content.payload;
  const told = { final_url, title, text_content, html_storage_key, fetch_error };
  return [{ subject_id: subjectId, ...told, fetched_at: content.at }];
}

function metadataRow({ subjectId, metadata }: Link): Row[] {
  if (!metadata) return [];
  const { tags, summary_short, summary, summary_long, language, model_version } = metadata.payload;
  const told = { tags: tags ?? [], summary_short: summary_short ?? summary, summary_long, language, model_version };
  return [{ subject_id: subjectId, ...told, updated_at: metadata.at }];
}

function publishRow({ subjectId, publish }: Link): Row[] {
  if (!publish) return [];
  const { desired, published, at } = publish;
  return [
    {
      subject_id: subjectId,
      desired_version: desired,
      published_version: published,
      dirty: desired > published,
      last_published_at: at,
    },
  ];
}

function subjectRow({ subjectId, addedAt, visibility }: Link): Row {
  return { subject: "link", subject_id: subjectId, created_at: addedAt, visibility };
}
