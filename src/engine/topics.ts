/** A topic as `kafka:init` makes it. */
export interface TopicDefinition {
  readonly name: string;
  readonly partitions: number;
  readonly config: Readonly<Record<string, string>>;
  readonly purpose: string;
}

const DAY_MS = 86_400_000;
/** A sender's clock may be wrong by a day: Kafka would refuse its records, or delete them at once. */
const BROKERS_CLOCK = { "message.timestamp.type": "LogAppendTime" };
const keptFor = (days: number) => ({
  "cleanup.policy": "delete",
  "retention.ms": String(days * DAY_MS),
  ...BROKERS_CLOCK,
});

export const EVENTS_TOPIC = "events.raw";
export const TAGS_TOPIC = "tags.catalog";
export const DEAD_LETTER_TOPIC = "work.dead_letter";

/** Topics every installation has; each kind of work adds its own (`workTopic`). The one list there is. */
export const CORE_TOPICS: readonly TopicDefinition[] = [
  { name: EVENTS_TOPIC, partitions: 3, config: keptFor(7), purpose: "all events, keyed by subject" },
  {
    name: TAGS_TOPIC,
    partitions: 1,
    config: {
      "cleanup.policy": "compact",
      "max.compaction.lag.ms": "3600000",
      "segment.ms": "3600000",
      ...BROKERS_CLOCK,
    },
    purpose: "the tag vocabulary, one key per tag",
  },
  { name: DEAD_LETTER_TOPIC, partitions: 1, config: keptFor(30), purpose: "work that failed for good" },
];

/** The topic of one kind of work. */
export function workTopic(name: string): TopicDefinition {
  return { name, partitions: 3, config: keptFor(7), purpose: "work waiting for an agent" };
}
