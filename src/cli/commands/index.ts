import { MAX_ATTEMPTS } from "../../engine/work.ts";
import type { CommandSpec } from "../command.ts";

const ONCE = ["--once", "work until caught up, then exit"] as const;
const JSON_OUT = ["--json", "print JSON"] as const;
const YES = ["--yes", "do not ask for confirmation"] as const;

/** Every command, in the order `--help` shows them. */
export const commands: readonly CommandSpec[] = [
  {
    name: "start",
    summary: "run everything: local Postgres and Kafka, every stage and agent, and the web page",
    load: async () => (await import("./start.ts")).start,
  },
  {
    name: "stack",
    summary: "run only the local Postgres and Kafka, in the foreground",
    load: async () => (await import("./stack.ts")).stack,
  },
  {
    name: "web",
    summary: "run only the web page and the capture API, on configured servers",
    details:
      "Listens on 127.0.0.1, or on STREAM_WEB_HOST under the names in STREAM_WEB_ALLOWED_HOSTS; port STREAM_WEB_PORT.\nAnswers /healthz, /readyz and /metrics too.",
    load: async () => (await import("./web.ts")).web,
  },
  {
    name: "demo",
    summary: "show it: pages of its own through the whole pipeline, on throw-away data",
    load: async () => (await import("./demo.ts")).demo,
  },
  {
    name: "add",
    usage: "<kind> [words...]",
    summary: "capture something: one event in the ledger; from standard input one per line",
    passThrough: true,
    details:
      "Kinds: link URL [--public|--private], todo TITLE, temp SENSOR CELSIUS [TIME], note LINK TEXT.\nMany at once: npm run add -- link < urls.txt",
    load: async () => (await import("./add.ts")).add,
  },
  {
    name: "show",
    usage: "<subject>",
    summary: "all that is known of a subject: state, events with what caused them, work with attempts and errors",
    options: [JSON_OUT],
    load: async () => (await import("./show.ts")).show,
  },
  {
    name: "status",
    summary: "ledger, lag per stage, work by state, dead letters, servers in use",
    options: [JSON_OUT],
    load: async () => (await import("./status.ts")).status,
  },
  {
    name: "dlq",
    usage: "<action> [ids...]",
    summary: "failed work and unreadable records: list, show ID, redrive [ID...], discard [ID...] --reason TEXT",
    options: [
      ["--type <type>", "this kind of work, event type or topic"],
      ["--class <class>", "this class of error, e.g. http_5xx"],
      ["--since <time>", "failed since then: 90min, 2h, 7d, or a time"],
      ["--subject <subject>", "of this subject, or the link of this address"],
      ["--all", "list those that were decided about too"],
      ["--limit <n>", "at most so many (list: 50 unless told otherwise)"],
      ["--reason <text>", "why, for the ledger"],
      ["--by <name>", "who decides (default: who is logged in)"],
      ["--dry-run", "redrive, discard: only say what would happen"],
      ["--raw", "show: the bytes as they came, and nothing else"],
      JSON_OUT,
    ],
    details: `Every decision is an event of the ledger; router and materializer carry it out.\nRedriven work begins again at attempt 1 of ${MAX_ATTEMPTS}; a redriven record is read by the program as it is now.`,
    load: async () => (await import("./dlq.ts")).dlq,
  },
  {
    name: "retry:failed",
    summary: "another round of attempts for links whose work failed for good",
    options: [
      ["--dry-run", "only say what would happen"],
      ["--limit <n>", "at most so many"],
      ["--subject-id <subject>", "only this link"],
      ["--max-retries <n>", "leave out what was redriven so often already"],
      ["--reason <text>", "why, for the ledger"],
      ["--by <name>", "who decides (default: who is logged in)"],
    ],
    load: async () => (await import("./retry-failed.ts")).retryFailed,
  },
  {
    name: "recover:stuck",
    summary: "find work and links without a way on, and move them on",
    options: [
      ["--dry-run", "only say what would happen"],
      ["--by <name>", "who decides (default: who is logged in)"],
    ],
    load: async () => (await import("./recover-stuck.ts")).recoverStuck,
  },
  {
    name: "clean:link",
    usage: "<link>",
    summary: "forget a link's tags and summary and make them again; with --full, read its page again too",
    options: [
      ["--full", "forget what was read as well"],
      ["--dry-run", "only say what would happen"],
      ["--reason <text>", "why, for the ledger"],
      ["--by <name>", "who decides (default: who is logged in)"],
    ],
    details: "A link is an id, or its address. The site shows what it showed until the new is there.",
    load: async () => (await import("./clean-link.ts")).cleanLink,
  },
  {
    name: "admin:set-visibility",
    usage: "<visibility> [links...]",
    summary: "make links private or public: those named, or all, or those of a status",
    options: [
      ["--all", "every link"],
      ["--status <status>", "those that are new, fetched, enriched, published or error"],
      ["--dry-run", "only say what would happen"],
      ["--reason <text>", "why, for the ledger"],
      ["--by <name>", "who decides (default: who is logged in)"],
    ],
    load: async () => (await import("./set-visibility.ts")).setVisibility,
  },
  {
    name: "doctor",
    summary: "for whoever is stuck: checks Postgres and Kafka, and says what is wrong and what to do",
    options: [
      JSON_OUT,
      ["--dns", "explain stale DNS in any case"],
      ["--as <stage>", "check the rights that this stage needs (default: the one that the login is for)"],
    ],
    load: async () => (await import("./doctor.ts")).doctor,
  },
  {
    name: "token",
    usage: "<action> [name]",
    summary: "tokens for capture over HTTP: create NAME, list, revoke NAME",
    options: [["--scope <scope>", "capture (default), read or admin"]],
    load: async () => (await import("./token.ts")).token,
  },
  {
    name: "rebuild",
    usage: "[projections...]",
    summary: "fold the ledger beside the state tables and bring them to what it gives",
    options: [
      ["--all", "every projection"],
      ["--dry-run", "only compare; exit 1 where rows would change or cannot be compared"],
    ],
    details: "Nobody reads less meanwhile; writers wait while the differences are applied, in one transaction.",
    load: async () => (await import("./rebuild.ts")).runRebuild,
  },
  {
    name: "verify",
    summary:
      "compare the state tables with a fold of the ledger; exit 1 where they differ, effects are doubled, or rows cannot be compared",
    options: [
      JSON_OUT,
      ["--timeout <s>", "how long to wait for events that are on the way to the tables (default: 10)"],
    ],
    load: async () => (await import("./verify.ts")).runVerify,
  },
  {
    name: "db:migrate",
    summary: "create or upgrade the schema; adopts the first system's database; idempotent",
    options: [
      ["--dry-run", "only say what would be applied"],
      ["--all", "of an adoption, list every row that is told of, however many"],
      ["--roles", "then make a role for each stage, with the least rights it needs, or repair them"],
      ["--role-prefix <prefix>", "before each stage's name in its role (default stream_)"],
    ],
    load: async () => (await import("./db-migrate.ts")).dbMigrate,
  },
  {
    name: "kafka:init",
    summary: "create the topics and repair settings that drifted; with --acls the rights of each stage; idempotent",
    options: [
      ["--dry-run", "only print what would be done"],
      ["--partitions <topic=count...>", "have at least this many partitions, e.g. events.raw=6"],
      ["--yes", "add partitions (read what it says about order first)"],
      ["--acls", "instead of topics: grant each stage's login the least rights it needs"],
      ["--principal-prefix <prefix>", "before each stage's name in its login (default stream-)"],
    ],
    load: async () => (await import("./kafka-init.ts")).kafkaInit,
  },
  {
    name: "kafka:wait",
    summary: "wait until the cluster can be used, naming each step",
    options: [["--timeout <seconds>", "give up after this long (default 60)"]],
    load: async () => (await import("./kafka-wait.ts")).kafkaWait,
  },
  {
    name: "kafka:reset",
    summary: "recreate the topics and let the whole ledger flow again",
    options: [
      YES,
      ["--if-cluster-changed", "do nothing on the same cluster"],
      ["--force", "also while stages run: they lose their topics, wait, and begin again with the ledger"],
    ],
    load: async () => (await import("./kafka-reset.ts")).kafkaReset,
  },
  {
    name: "kafka:publish",
    summary: "the outbox relay: events not yet in Kafka -> events.raw",
    options: [ONCE],
    load: async () => (await import("./stages.ts")).relay,
  },
  {
    name: "router",
    summary: "events.raw -> work topics: idempotency, retries, dead letters",
    options: [ONCE],
    load: async () => (await import("./stages.ts")).router,
  },
  {
    name: "kafka:materialize",
    summary: "events.raw -> state tables",
    options: [ONCE],
    load: async () => (await import("./stages.ts")).materialize,
  },
  ...(["fetcher", "enricher", "publisher"] as const).map((agent) => ({
    name: `agent:${agent}`,
    summary: { fetcher: "read the pages of links", enricher: "tag and summarize", publisher: "write pages and feeds" }[
      agent
    ],
    options: [ONCE],
    load: async () => (await import("./stages.ts")).agent(agent),
  })),
];
