import type { Log, TopicState } from "../engine/ports.ts";
import type { TopicDefinition } from "../engine/topics.ts";

/** What was done about one topic, as a line for a person. */
export interface TopicReport {
  readonly name: string;
  readonly did: "created" | "repaired" | "unchanged";
  readonly detail: string;
}

/** Creates missing topics and sets settings that drifted. Partitions are reported, never changed here: order hangs on them. */
export async function ensureTopics(log: Log, topics: readonly TopicDefinition[]): Promise<TopicReport[]> {
  const before = new Map(
    (await log.describeTopics(topics.map((topic) => topic.name))).map((state) => [state.name, state]),
  );
  await log.createTopics(topics.filter((topic) => !before.has(topic.name)));
  const reports: TopicReport[] = [];
  for (const topic of topics) {
    const state = before.get(topic.name);
    reports.push(state ? await repair(log, topic, state) : created(topic));
  }
  return reports;
}

function created(topic: TopicDefinition): TopicReport {
  return { name: topic.name, did: "created", detail: `${topic.partitions} partition(s), ${settings(topic.config)}` };
}

async function repair(log: Log, topic: TopicDefinition, state: TopicState): Promise<TopicReport> {
  const drifted = Object.fromEntries(
    Object.entries(topic.config).filter(([name, value]) => state.config[name] !== value),
  );
  const partitions =
    state.partitions === topic.partitions ? "" : `; has ${state.partitions} partitions instead of ${topic.partitions}`;
  if (Object.keys(drifted).length === 0)
    return { name: topic.name, did: "unchanged", detail: `as it should be${partitions}` };
  await log.configureTopic(topic.name, drifted);
  return { name: topic.name, did: "repaired", detail: `${settings(drifted)}${partitions}` };
}

function settings(config: Readonly<Record<string, string>>): string {
  return Object.entries(config)
    .map(([name, value]) => `${name}=${value}`)
    .join(", ");
}
