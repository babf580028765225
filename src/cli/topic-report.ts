import { changesOf, type TopicPlan } from "../pipeline/topic-plan.ts";
import type { TopicReport } from "../pipeline/topics.ts";
import { columns, paint } from "./format.ts";

/** What more partitions mean, said before anybody agrees to them. */
export const ORDERING = [
  "More partitions send some subjects' later records elsewhere than their earlier ones. Events stay in order: kafka:publish",
  "takes to new partitions of events.raw once everything sent before has been read. Work is claimed once, in whatever",
  "order. Stages that run look into new partitions within seconds.",
].join("\n");

const WORDS = { created: "would be created", repaired: "would be repaired", unchanged: "unchanged", denied: "denied" };

/** One line a topic: what was done, or would be, and with what; below it what stays undone. */
export function topicLines(plans: readonly (TopicPlan | TopicReport)[], { dryRun = false } = {}): string {
  const rows = plans.flatMap((plan) => {
    const failed = "failed" in plan ? plan.failed : null;
    const said = failed ? paint("red", "failed") : dryRun ? WORDS[plan.did] : didOf(plan);
    const [first = "", ...rest] = remarks(plan, { failed, dryRun });
    return [[plan.name, said, first], ...rest.map((remark) => ["", "", remark])];
  });
  return columns(rows);
}

/** Where all there was to do is to add partitions, and nobody allowed it, nothing was done. */
function didOf(plan: TopicPlan | TopicReport): TopicPlan["did"] {
  const waits = "notGrown" in plan && plan.notGrown && changesOf(plan) === "";
  return waits ? "unchanged" : plan.did;
}

function remarks(
  plan: TopicPlan | TopicReport,
  { failed, dryRun }: { failed: string | null; dryRun: boolean },
): string[] {
  const changes = changesOf(plan);
  const done = changes === "" && plan.did === "unchanged" && plan.notes.length === 0 ? "as it should be" : changes;
  return [failed ?? "", failed ? "" : done, growth(plan, dryRun), ...plan.notes.map(warn)].filter(Boolean);
}

function growth(plan: TopicPlan | TopicReport, dryRun: boolean): string {
  const { has, wanted } = plan.partitions;
  if (has === 0 || wanted <= has) return "";
  const done = !dryRun && "notGrown" in plan && !plan.notGrown;
  return done ? `${has} -> ${wanted} partitions` : warn(`${has} partitions; ${wanted} only with --yes`);
}

const warn = (text: string) => paint("yellow", text);

/** How an operator gives topics the copies that the cluster has room for; null where all have them. */
export function missingCopies(plans: readonly TopicPlan[], topicPrefix: string, brokers: string): string | null {
  const few = plans.filter((plan) => plan.reassignment !== null);
  const [first] = few;
  if (!first) return null;
  const names = few.map(({ name, copies, placement }) => `${name} (${copies} of ${placement.replication})`);
  const partitions = few.flatMap(({ name, reassignment }) =>
    (reassignment ?? []).map((replicas, partition) => ({ topic: topicPrefix + name, partition, replicas })),
  );
  return [
    warn(`Fewer copies than the cluster has room for: ${names.join(", ")}.`),
    "Copying moves data between brokers, so it is yours to start. Save this as copies.json:",
    JSON.stringify({ version: 1, partitions }),
    "then, with a login that has ALTER on the cluster, and kafka:init once more when it is through:",
    `kafka-reassign-partitions.sh --bootstrap-server ${brokers} --reassignment-json-file copies.json --execute`,
  ].join("\n");
}
