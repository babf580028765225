import type { App } from "./app.ts";
import { messageOf } from "./engine/errors.ts";
import type { StageLag, StoredPosition } from "./engine/health.ts";
import { LOG_WORDS } from "./engine/log-words.ts";
import { fresh, within } from "./engine/patience.ts";
import { EVENTS_TOPIC } from "./engine/topics.ts";
import { MATERIALIZER_GROUP } from "./pipeline/materializer.ts";
import { ROUTER_GROUP } from "./pipeline/router.ts";

/** What Kafka says of its topics. */
export interface TopicEnds {
  /** Null: it answered. */
  readonly problem: string | null;
  /** Offset after the last record, by `topic:partition`. */
  readonly ends: ReadonlyMap<string, number>;
  readonly topicIds: ReadonlyMap<string, string>;
}

export interface KafkaWatch {
  readonly brokers: readonly string[];
  ends(): Promise<TopicEnds>;
  lagOf(positions: readonly StoredPosition[], ends: TopicEnds): StageLag[];
}

/** A page does not wait longer for Kafka than this. */
const DEADLINE_MS = 2_500;
/** An answer this young is given again: pages ask every second, each answer costs Kafka connections. */
const FRESH_MS = 1_500;

/** Asks Kafka how long its topics are: one question at a time however many ask, never longer than the deadline. */
export function createKafkaWatch(app: App): KafkaWatch {
  const brokers = app.kafkaBrokers;
  const groups = groupsOf(app);
  const topics = [...new Set(groups.flatMap((group) => group.topics))];
  const ask = () =>
    brokers.length > 0 || app.transport.kind === "embedded"
      ? answerInTime(askKafka(app, topics), LOG_WORDS[app.transport.kind].away)
      : Promise.resolve(silent("no Kafka is configured"));
  return {
    brokers,
    ends: fresh(FRESH_MS, ask),
    lagOf: (positions, ends) => groups.map((group) => lagOfGroup(group, positions, ends)),
  };
}

function silent(problem: string): TopicEnds {
  return { problem, ends: new Map(), topicIds: new Map() };
}

async function askKafka({ log }: App, topics: readonly string[]): Promise<TopicEnds> {
  const [{ topicIds }, ends] = await Promise.all([log.identity(topics), log.endOffsets(topics)]);
  return { problem: null, ends, topicIds };
}

function answerInTime(question: Promise<TopicEnds>, away: string): Promise<TopicEnds> {
  const answer = question.catch((error) => silent(`${away}: ${messageOf(error).replace(/^Kafka: /, "")}`));
  return within(DEADLINE_MS, answer, () => silent(away));
}

type Group = Pick<StageLag, "stage" | "group" | "topics">;

/** The consumer groups there are: the two stages and every agent. */
function groupsOf({ registry }: App): Group[] {
  return [
    { stage: "router", group: ROUTER_GROUP, topics: [EVENTS_TOPIC] },
    { stage: "materializer", group: MATERIALIZER_GROUP, topics: [EVENTS_TOPIC] },
    ...registry.agents.map((agent) => ({ stage: agent.name, group: agent.group, topics: [agent.handles.topic] })),
  ];
}

/** A position in a topic that was re-created since counts as none. */
function lagOfGroup(group: Group, positions: readonly StoredPosition[], { ends, topicIds }: TopicEnds): StageLag {
  const own = positions.filter((position) => position.group === group.group && group.topics.includes(position.topic));
  const movedAt =
    own
      .map((position) => position.updatedAt)
      .sort()
      .at(-1) ?? null;
  if (group.topics.some((topic) => !topicIds.has(topic))) return { ...group, lag: null, movedAt };
  let lag = 0;
  for (const [key, end] of ends) {
    const cut = key.lastIndexOf(":");
    const topic = key.slice(0, cut);
    if (!group.topics.includes(topic)) continue;
    const partition = Number(key.slice(cut + 1));
    const at = own.find((position) => position.topic === topic && position.partition === partition);
    const done = at && at.topicId === topicIds.get(topic) ? at.lastOffset + 1 : 0;
    lag += Math.max(0, end - done);
  }
  return { ...group, lag, movedAt };
}
