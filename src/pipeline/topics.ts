import { EnvironmentError, messageOf } from "../engine/errors.ts";
import type { Log } from "../engine/log.ts";
import type { TopicDefinition } from "../engine/topics.ts";
import { deniedPlan, placementOn, planTopic, type TopicPlan } from "./topic-plan.ts";

/** What was done about one topic. */
export interface TopicReport extends TopicPlan {
  /** Partitions that it lacks and nobody allowed to add. */
  readonly notGrown: boolean;
  /** Null: done. Else why not, in a sentence. */
  readonly failed: string | null;
}

/** Numbers of partitions asked for, by topic: above those of its definition. */
export type PartitionWishes = ReadonlyMap<string, number>;

/** Compares the topics with what they should be on this cluster; changes nothing. */
export async function planTopics(
  log: Log,
  topics: readonly TopicDefinition[],
  wishes: PartitionWishes = new Map(),
): Promise<TopicPlan[]> {
  const survey = await log.describeTopics(topics.map((topic) => topic.name));
  const placement = placementOn(await log.cluster());
  const states = new Map(survey.topics.map((state) => [state.name, state]));
  return topics.map((definition) => {
    if (survey.denied.includes(definition.name)) return deniedPlan(definition, placement);
    const state = states.get(definition.name) ?? null;
    return planTopic({ definition, placement, state, partitions: wishes.get(definition.name) });
  });
}

/** Creates what is missing and sets what drifted; partitions are added only with `grow`. Goes on after a failure. */
export async function applyPlans(
  log: Log,
  plans: readonly TopicPlan[],
  { grow = false }: { grow?: boolean } = {},
): Promise<TopicReport[]> {
  const reports: TopicReport[] = [];
  for (const plan of plans) {
    const mayGrow = plan.did !== "repaired" || grow;
    const notGrown = plan.partitions.wanted > plan.partitions.has && !mayGrow;
    reports.push({ ...plan, notGrown, failed: await apply(log, plan, mayGrow) });
  }
  return reports;
}

async function apply(
  log: Log,
  { name, did, definition, placement, settings, partitions }: TopicPlan,
  mayGrow: boolean,
) {
  try {
    if (did === "created") {
      const { replication } = placement;
      await log.createTopics([{ ...definition, config: settings, partitions: partitions.wanted, replication }]);
    }
    if (did !== "repaired") return null;
    if (Object.keys(settings).length > 0) await log.configureTopic(name, settings);
    if (mayGrow && partitions.wanted > partitions.has) await log.addPartitions(name, partitions.wanted);
    return null;
  } catch (error) {
    return messageOf(error);
  }
}

/** Creates missing topics and sets settings that drifted; throws at the first that cannot be done. */
export async function ensureTopics(
  log: Log,
  topics: readonly TopicDefinition[],
  wishes?: PartitionWishes,
): Promise<TopicReport[]> {
  const reports = await applyPlans(log, await planTopics(log, topics, wishes));
  const failed = reports.find((report) => report.failed !== null || report.did === "denied");
  if (failed) throw new EnvironmentError(`the topic ${failed.name}: ${failed.failed ?? failed.notes.join("; ")}`);
  return reports;
}
