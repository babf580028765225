import type { App } from "../../../src/app.ts";
import type { NewRecord } from "../../../src/engine/log.ts";

/** A row of the first system's ledger; times as it wrote them, with milliseconds. */
interface Row {
  readonly [column: string]: unknown;
  readonly id: string;
  readonly subject: string;
  readonly subject_id: string;
  readonly event_type: string;
  readonly source: string;
  readonly payload: unknown;
  readonly correlation_id: string | null;
}

const COLUMNS = [
  ...["id", "occurred_at", "received_at", "source", "subject", "subject_id", "event_type", "schema_version", "payload"],
  ...["correlation_id", "causation_id", "kafka_topic", "kafka_partition", "kafka_offset", "published_to_kafka"],
];

/** A broker takes no bigger records, unless told otherwise: they never got there. */
const MOST_TAKEN = 900_000;

/**
 * Fills the topics as the first system leaves them: its ledger in `events.raw`, the work it led to, work it gave up, and
 * the tags under their one key. Returns how many messages went where.
 */
export async function leaveMessages({ db, log }: Pick<App, "db" | "log">): Promise<Record<string, number>> {
  const rows = await db<Row[]>`
    select ${db(COLUMNS)} from lifestream.events where source <> 'adoption' order by received_at`;
  const left: Record<string, NewRecord[]> = {
    "events.raw": rows.map((row) => ({
      key: row.subject_id,
      value: JSON.stringify({ ...row, published_to_kafka: false }),
      headers: { event_type: row.event_type, source: row.source },
    })),
    "work.fetch_link": rows.flatMap((row) => (row.event_type === "link.added" ? [workOf(row, "fetch_link")] : [])),
    "work.enrich_link": rows.flatMap((row) =>
      row.event_type === "content.fetched" ? [workOf(row, "enrich_link")] : [],
    ),
    "work.publish_link": rows.flatMap((row) =>
      row.event_type === "enrichment.completed" ? [workOf(row, "publish_link")] : [],
    ),
    "work.dead_letter": rows.flatMap((row) => (row.event_type === "work.failed" ? [deadLetterOf(row)] : [])),
    "tags.catalog": [{ key: "all", value: JSON.stringify(await tagsOf(db)), headers: {} }],
  };
  const taken = Object.entries(left).map(
    ([topic, records]) => [topic, records.filter(({ value }) => value.length < MOST_TAKEN)] as const,
  );
  for (const [topic, records] of taken) await log.append(topic, records);
  return Object.fromEntries(taken.map(([topic, records]) => [topic, records.length]));
}

type WorkType = "fetch_link" | "enrich_link" | "publish_link";

/** A work message: no id, and a page's whole text where it is to be enriched. */
function workMessage({ id, subject_id, payload, correlation_id }: Row, work_type: WorkType, attempt = 1) {
  const said = payload as Record<string, unknown>;
  const wanted = {
    fetch_link: { url: said.url },
    enrich_link: { title: said.title, text_content: said.text_content },
    publish_link: {},
  };
  return {
    subject_id,
    work_type,
    correlation_id: correlation_id ?? id,
    triggered_by_event_id: id,
    attempt,
    max_attempts: 3,
    created_at: "2024-03-01T08:00:00.123Z",
    ...(attempt > 1 && { last_error: "connect timeout" }),
    payload: wanted[work_type],
  };
}

function workOf(row: Row, type: WorkType): NewRecord {
  const message = workMessage(row, type);
  return { key: row.subject_id, value: JSON.stringify(message), headers: { work_type: type, attempt: "1" } };
}

function deadLetterOf(row: Row): NewRecord {
  const value = {
    original_work: workMessage(row, "fetch_link", 3),
    final_error: "connect timeout",
    failed_at: "2024-03-01T09:00:00.123Z",
    agent: "fetcher",
  };
  return { key: row.subject_id, value: JSON.stringify(value), headers: { work_type: "fetch_link", agent: "fetcher" } };
}

async function tagsOf(db: App["db"]): Promise<string[]> {
  const rows = await db<
    { tag: string }[]
  >`select distinct unnest(tags) as tag from lifestream.link_metadata order by 1`;
  return rows.map(({ tag }) => tag);
}
