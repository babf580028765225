import { type Admin, metadataV12, ResponseError } from "@platformatic/kafka";
import type { KafkaConfig } from "../../config.ts";
import { RefusedError } from "../../engine/errors.ts";
import { causes } from "./causes.ts";
import { GRANT, topicsOf, who } from "./problem-words.ts";

type MetadataAnswer = Awaited<ReturnType<typeof metadataV12.api.async>>;
type TopicAnswer = MetadataAnswer["topics"][number];

export interface NamedTopics {
  readonly clusterId: string;
  /** Those that exist and may be seen; if asked for, with the operations that this login may do, as bits. */
  readonly present: ReadonlyMap<string, TopicAnswer>;
  readonly denied: readonly string[];
}

/** Kafka's error codes. A topic without a leader is there: it was only just made, or a broker is away. */
const UNKNOWN_TOPIC = 3;
const LEADER_NOT_AVAILABLE = 5;
const TOPIC_AUTHORIZATION_FAILED = 29;
const ANSWERS = [0, UNKNOWN_TOPIC, LEADER_NOT_AVAILABLE, TOPIC_AUTHORIZATION_FAILED];

/**
 * Asks for topics by name and keeps the answer to each: the client's own `listTopics` leaves out silently what it may
 * not see, and its `metadata` gives up all topics for one that is missing.
 */
export async function lookUp(
  admin: Admin,
  names: readonly string[],
  { withOperations = false } = {},
): Promise<NamedTopics> {
  const known = await admin.metadata({ topics: [] });
  const connection = await admin.connections.getFirstAvailable([...known.brokers.values()]);
  // Not from `known`: the client keeps the first cluster id it ever saw, also when another cluster answers now.
  const { clusterId, topics } = await metadataV12.api
    .async(connection, [...names], false, withOperations)
    .catch(answerWithErrors);
  const isDenied = (topic: TopicAnswer) => topic.errorCode === TOPIC_AUTHORIZATION_FAILED;
  const isPresent = (topic: TopicAnswer) => topic.errorCode !== UNKNOWN_TOPIC && !isDenied(topic);
  return {
    clusterId: clusterId ?? "",
    present: new Map(topics.filter(isPresent).map((topic) => [topic.name ?? "", topic])),
    denied: topics.filter(isDenied).map((topic) => topic.name ?? ""),
  };
}

/** An answer in which some topic has an error is thrown by the client, but complete. */
function answerWithErrors(error: unknown): MetadataAnswer {
  if (!(error instanceof ResponseError)) throw error;
  const { response } = error as ResponseError & { response: MetadataAnswer };
  if (response.topics.some((topic) => !ANSWERS.includes(topic.errorCode))) throw error;
  return response;
}

/** For whoever cannot go on without them. */
export function refuseDenied(config: KafkaConfig, { denied }: NamedTopics): void {
  if (denied.length === 0) return;
  throw new RefusedError(`Kafka: ${who({ config })} may not use ${topicsOf({ config, topics: denied })}: ${GRANT}`);
}

/** True where Kafka said no for want of a right, rather than for any other reason. */
export function isDenied(error: unknown): boolean {
  return [...causes(error)].some((inner) => String(inner.apiId).endsWith("_AUTHORIZATION_FAILED"));
}
