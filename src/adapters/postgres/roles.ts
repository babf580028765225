import type { Agent } from "../../engine/agent.ts";
import { UserError } from "../../engine/errors.ts";
import type { Registry } from "../../engine/registry.ts";

export type Privilege = "select" | "insert" | "update" | "delete";

/** What may be done with a table; with a list, only with these columns. */
type May = { readonly [P in Privilege]?: true | readonly string[] };

export interface TableRights {
  readonly table: string;
  readonly may: May;
}

/** Somebody who logs in to Postgres, and the least that it takes to do its part. Tables are those of `lifestream`. */
export interface DatabaseRole {
  readonly name: string;
  /** The commands it is for. */
  readonly commands: readonly string[];
  /** A table may stand there several times: rights add up. */
  readonly tables: readonly TableRights[];
  readonly sequences: readonly string[];
}

export interface RolesOptions {
  readonly registry: Registry;
  /** Every table that migrations make. */
  readonly tables: readonly string[];
  /** The log is in Postgres too. */
  readonly embedded: boolean;
}

/** What whoever appends says of an event. Its position, and where it stands in Kafka, are not theirs to say. */
const FACT = [
  "id",
  "occurred_at",
  "source",
  "subject",
  "subject_id",
  "event_type",
  "schema_version",
  "payload",
  "correlation_id",
  "causation_id",
];
/** What the relay notes on an event. */
const FORWARDED = ["position", "published_to_kafka", "kafka_topic", "kafka_partition", "kafka_offset"];
/** What an agent notes on its work: never what the work is. */
const ATTEMPT = [
  "status",
  "agent",
  "started_at",
  "finished_at",
  "lease_until",
  "next_attempt_at",
  "last_error",
  "error_class",
];
/** Lists of columns that rights are about, by what a person calls them. */
export const COLUMN_LISTS: Readonly<Record<string, readonly string[]>> = {
  "the fact": FACT,
  "where it stands": FORWARDED,
  "the attempt": ATTEMPT,
};
/** Only whoever checks tokens may see them, hashed as they are. */
const TOKENS = "api_tokens";

const on = (table: string, may: May): TableRights => ({ table, may });
const reads = (tables: readonly string[]) => tables.map((table) => on(table, { select: true }));
const keeps = (tables: readonly string[]) =>
  tables.map((table) => on(table, { select: true, insert: true, update: true, delete: true }));

/** Every program asks first whether the schema is up to date, which log the ledger was sent to, and whether it is reset. */
const ENTER = reads(["schema_migrations", "log_identity", "topic_resets", "leases"]);
/** `id` is read to see whether the event was there. */
const APPEND = [on("events", { insert: FACT, select: ["id"] })];
const LEASE = keeps(["leases"]);
/** Sending dead letters, or tags. */
const ACKNOWLEDGE = on("acknowledged_offsets", { select: true, insert: true, update: true });
const CONSUME = [
  on("kafka_offsets", { select: true, insert: true, update: true }),
  on("dead_letters", { select: ["id"], insert: true }),
];
/** Handling events, and what people decided about failures. */
const HANDLE = [
  ...CONSUME,
  ...reads(["events", "outbox_batch"]),
  on("dead_letters", { select: true, insert: true, update: true }),
];
/** Ending attempts whose agent is gone, and sending again what was lost on the way to one. */
const SWEEP = [
  on("work", { update: ["status", "finished_at", "lease_until", "next_attempt_at"] }),
  on("resent_messages", { select: true, insert: true, delete: true }),
];
/** Looking what the log must still hold, and letting the whole ledger flow again. */
const START_OVER = [
  ...LEASE,
  on("event_ingest_dedupe", { delete: true }),
  on("kafka_offsets", { select: true, delete: true }),
  on("outbox_batch", { select: true, update: true }),
  on("ledger_flows", { insert: true }),
  on("topic_resets", { select: true, insert: true, delete: true }),
  on("events", { select: ["published_to_kafka"], update: ["published_to_kafka"] }),
  on("work", {
    select: ["status", "work_type", "kafka_partition", "kafka_offset", "dead_letter_sent_at"],
    update: ["status", "next_attempt_at", "dead_letter_sent_at"],
  }),
  on("dead_letter_batch", { update: ["sent_from"] }),
  on("tag_catalog", { update: ["sent_at"] }),
  on("acknowledged_offsets", { select: true, delete: true }),
  on("log_identity", { select: true, insert: true, delete: true }),
];

/** One role per stage and agent, and for capturing, looking and looking after. Nobody may delete events. */
export function databaseRoles({ registry, tables, embedded }: RolesOptions): DatabaseRole[] {
  const state = ["subjects", ...registry.projections.flatMap((projection) => projection.tables)];
  const everything = reads(tables.filter((table) => table !== TOKENS));
  const log = embedded ? EMBEDDED : KAFKA;
  const roles: DatabaseRole[] = [
    role(
      "relay",
      ["kafka:publish"],
      [
        ...START_OVER,
        on("events", { select: true, update: FORWARDED }),
        on("dead_letters", { select: ["id", "status"], insert: true, update: ["status", "error", "error_class"] }),
        ...log.append,
      ],
      ["events_position_seq"],
    ),
    role(
      "router",
      ["router"],
      [
        ...HANDLE,
        ...LEASE,
        ...APPEND,
        on("work", { select: true, insert: true, update: true }),
        on("dead_letter_batch", { select: true, update: ["sent_from"] }),
        ...SWEEP,
        ACKNOWLEDGE,
        ...log.append,
        ...log.subscribe,
        ...log.tidy,
      ],
      log.sequences,
    ),
    role(
      "materializer",
      ["kafka:materialize"],
      [
        ...HANDLE,
        ...LEASE,
        ...keeps(["parked_events", "tag_catalog", ...state]),
        ACKNOWLEDGE,
        ...log.append,
        ...log.subscribe,
        ...log.tidy,
      ],
      log.sequences,
    ),
    ...registry.agents.map((agent) => agentRole(agent, log)),
    role("web", ["web", "add"], [...everything, ...APPEND, on(TOKENS, { select: true, update: ["last_used_at"] })]),
    // Not a program of ours: it asks nothing, not even after the schema.
    {
      name: "capture",
      commands: ["programs that insert events by SQL"],
      tables: [on("events", { insert: FACT })],
      sequences: [],
    },
    role("reader", ["show", "status", "verify"], everything),
    role(
      "admin",
      [
        "kafka:init",
        "kafka:reset",
        "dlq",
        "retry:failed",
        "recover:stuck",
        "clean:link",
        "admin:set-visibility",
        "token",
        "doctor",
      ],
      [
        ...everything,
        ...APPEND,
        ...START_OVER,
        ...SWEEP,
        on(TOKENS, { select: true, insert: true, delete: true }),
        ...log.administer,
      ],
    ),
  ];
  const twice = roles.find((one, index) => roles.findIndex((other) => other.name === one.name) !== index);
  if (twice) throw new UserError(`the agent "${twice.name}" has the name of another role: rights would be mixed up`);
  return roles;
}

function role(
  name: string,
  commands: readonly string[],
  tables: readonly TableRights[],
  sequences: readonly string[] = [],
): DatabaseRole {
  return { name, commands, tables: [...ENTER, ...tables], sequences };
}

/** It does its work and says what came of it. What its clients read beyond that, it says itself. */
function agentRole({ name, reads: alsoRead = [] }: Agent, log: LogRights): DatabaseRole {
  const work = on("work", { select: true, update: ATTEMPT });
  return role(
    name,
    [`agent:${name}`],
    [...CONSUME, ...APPEND, work, ...reads(alsoRead), ...log.subscribe],
    log.sequences,
  );
}

/** What parts of the log in Postgres ask of its tables. */
interface LogRights {
  readonly append: readonly TableRights[];
  readonly subscribe: readonly TableRights[];
  /** Retention and compaction; whoever subscribes without it leaves that to others. */
  readonly tidy: readonly TableRights[];
  readonly administer: readonly TableRights[];
  /** For whoever subscribes. */
  readonly sequences: readonly string[];
}

const KAFKA: LogRights = { append: [], subscribe: [], tidy: [], administer: [], sequences: [] };

const EMBEDDED: LogRights = {
  append: [
    ...reads(["log_cluster", "log_topics"]),
    on("log_partitions", { select: true, update: ["next_offset"] }),
    on("log_records", { insert: true }),
  ],
  subscribe: [
    ...reads(["log_cluster", "log_topics", "log_partitions", "log_records"]),
    on("log_groups", { select: true, insert: true, update: true }),
    on("log_shares", { select: true, insert: true, update: true }),
    ...keeps(["log_members"]),
  ],
  tidy: [
    on("log_cluster", { update: ["cleaner", "cleaner_until"] }),
    on("log_partitions", { update: ["start_offset", "compacted_to"], delete: true }),
    on("log_records", { delete: true }),
    on("log_groups", { delete: true }),
  ],
  administer: keeps(["log_topics", "log_partitions", "log_groups", "log_shares"]),
  sequences: ["log_epochs"],
};
