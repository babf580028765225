import { WORK_STATUSES, workMatrix } from "../../api/work-matrix.ts";
import { UserError } from "../../engine/errors.ts";
import { placeInTopic } from "../../engine/failures.ts";
import type { PipelineHealth } from "../../engine/health.ts";
import { LOG_WORDS } from "../../engine/log-words.ts";
import { count, exactTime, relativeTime } from "../../engine/web/parts.ts";
import { pipelineHealth } from "../../server.ts";
import type { CommandInput } from "../command.ts";
import { type Context, createContext, openCommandApp } from "../context.ts";
import { columns, cut, paint, plain } from "../format.ts";
import { transportInUse } from "../transport.ts";
import { colourOf } from "./show.ts";

/** Ledger, lag per stage, work by state, dead letters, servers in use. Kafka may be away: then it says so. */
export async function status({ options }: CommandInput): Promise<void> {
  const context = createContext();
  await using app = await openCommandApp("status", { kafka: hasLog(context), withAgents: true }, context);
  const health = await pipelineHealth(app);
  console.log(options.json ? JSON.stringify(health, null, 2) : render(health));
}

function hasLog({ config }: Context): boolean {
  try {
    return transportInUse(config) !== null;
  } catch (error) {
    if (error instanceof UserError) return false;
    throw error;
  }
}

function render(health: PipelineHealth): string {
  return [
    section("servers", servers(health)),
    section("ledger", ledger(health)),
    section("stages", stages(health)),
    section("work", work(health)),
    ...(health.resent.total > 0 ? [section("messages sent again", resent(health))] : []),
    section("dead letters", deadLetters(health)),
    ...(health.tooNew.total > 0 ? [section("waiting for a newer program", tooNew(health))] : []),
    ...(health.parked.total > 0 ? [section("waiting for a parent", parked(health))] : []),
    section("leases", leases(health)),
  ].join("\n\n");
}

function section(title: string, rows: readonly (readonly string[])[]): string {
  return `${paint("cyan", title)}\n${columns(rows.map(([first = "", ...rest]) => [`  ${first}`, ...rest]))}`;
}

function servers({ servers: used }: PipelineHealth): string[][] {
  const pooler = used.pooler ? paint("yellow", "  a transaction pooler: no LISTEN, so it is slower") : "";
  const problem = used.kafkaProblem ? paint("red", `  ${used.kafkaProblem}`) : "";
  return [
    ["Postgres", `${used.postgres}${pooler}`],
    ["Log", `${describeLog(used)}${problem}`],
  ];
}

function describeLog({ transport: { kind, why }, kafka }: PipelineHealth["servers"]): string {
  return `${kind === "kafka" ? `Kafka ${kafka.join(", ")}` : "embedded, tables in Postgres"}  ${paint("dim", why)}`;
}

function ledger({ ledger: held, servers: { transport } }: PipelineHealth): string[][] {
  const { events, exact, unpublished, oldestUnpublishedAt, flowedAnew } = held;
  const oldest = oldestUnpublishedAt
    ? `  the oldest came ${relativeTime(Date.parse(oldestUnpublishedAt) - Date.now())}`
    : "";
  return [
    ["events", `${exact ? "" : "about "}${events.toLocaleString("en")}`],
    [LOG_WORDS[transport.kind].unsent, `${unpublished.toLocaleString("en")}${oldest}`],
    ...anew(flowedAnew),
  ];
}

/** Each time that all of it was sent again, the last one first. */
function anew({ total, latest }: PipelineHealth["ledger"]["flowedAnew"]): string[][] {
  const lines = latest.map(({ at, reason, events }, index) => [
    index === 0 ? "sent again" : "",
    `${exactTime(at)}, ${count(events, "event")}: ${plain(reason)}`,
  ]);
  return [...lines, ...timesBefore(total - latest.length).map((line) => ["", line])];
}

function timesBefore(more: number): string[] {
  return more > 0 ? [paint("dim", `and ${count(more, "time")} before`)] : [];
}

function stages({ stages: list, servers: { kafkaProblem, transport } }: PipelineHealth): string[][] {
  const why = kafkaProblem ? LOG_WORDS[transport.kind].away : 'a topic is missing, run "npm run kafka:init"';
  const lag = (n: number | null) => {
    if (n === null) return paint("yellow", `unknown: ${why}`);
    return n === 0 ? paint("green", "caught up") : `${n.toLocaleString("en")} behind`;
  };
  return list.map((stage) => [stage.stage, paint("dim", stage.topics.join(", ")), lag(stage.lag)]);
}

function work({ work: counts }: PipelineHealth): string[][] {
  if (counts.length === 0) return [["none yet"]];
  const heads = ["", ...WORK_STATUSES.map((name) => paint("dim", name))];
  const rows = workMatrix(counts).map(({ type, byStatus }) => [
    type,
    ...byStatus.map((n, i) => (n === 0 ? paint("dim", "0") : paint(colourOf(WORK_STATUSES[i] ?? "done"), String(n)))),
  ]);
  return [heads, ...rows];
}

/** Each time that messages to agents were lost and sent again, the last one first. */
function resent({ resent: { total, latest } }: PipelineHealth): string[][] {
  const lines = latest.map(
    ({ at, reason, messages }) => `${exactTime(at)}, ${count(messages, "message")}: ${plain(reason)}`,
  );
  return [...lines, ...timesBefore(total - latest.length)].map((line) => [line]);
}

function deadLetters({ deadWork, deadRecords }: PipelineHealth): string[][] {
  if (deadWork.total + deadRecords.total === 0) return [["none"]];
  const items = [
    ...deadWork.latest.map((item) => [
      item.at ? exactTime(item.at) : "",
      item.type,
      plain(item.subjectId),
      reason(item.error),
    ]),
    ...deadRecords.latest.map((item) => [exactTime(item.at), item.topic, placeInTopic(item), reason(item.error)]),
  ];
  const more = deadWork.total + deadRecords.total - items.length;
  const older = more > 0 ? `and ${count(more, "older one")}; ` : "";
  return [...items, [paint("dim", `${older}"npm run dlq -- list" says more, "npm run dlq -- redrive" tries again`)]];
}

function reason(error: string): string {
  return paint("red", cut(plain(error), 120) || "no reason was given");
}

function tooNew({ tooNew: waiting }: PipelineHealth): string[][] {
  return waiting.latest.map(({ error, events }) => [count(events, "event"), plain(error)]);
}

function parked({ parked: waiting }: PipelineHealth): string[][] {
  return waiting.latest.map((item) => [item.projection, count(item.events, "event"), `for ${plain(item.waitsFor)}`]);
}

function leases({ leases: list }: PipelineHealth): string[][] {
  if (list.length === 0) return [["nobody holds one: no relay or dispatcher runs"]];
  return list.map((lease) => [
    lease.name,
    lease.held ? lease.holder : paint("yellow", `ran out, last held by ${lease.holder}`),
  ]);
}
