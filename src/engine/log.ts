import type { MembershipChange } from "./telemetry.ts";
import type { TopicDefinition } from "./topics.ts";

/*
 * The port to the transport: `Log` is Kafka, or anything that keeps partitions, offsets and groups. Stages know only this,
 * so the same stage code runs over other implementations.
 */

export interface TopicPartition {
  readonly topic: string;
  readonly partition: number;
}

/** Where a record stands in the log. */
export interface RecordPosition extends TopicPartition {
  readonly offset: number;
}

export interface NewRecord {
  readonly key: string;
  readonly value: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** A record as it came, bytes untouched: whether it makes sense is the consumer's question. */
export interface LogRecord extends RecordPosition {
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
  readonly headers: Readonly<Record<string, string>>;
  readonly timestamp: number;
}

/** Consecutive records of one partition. */
export interface RecordBatch extends TopicPartition {
  /** Identity of the topic it was read from: a re-created topic has another one. */
  readonly topicId: string;
  /** Which assignment it was read under. */
  readonly epoch: number;
  readonly records: readonly LogRecord[];
}

export interface SubscribeOptions {
  readonly group: string;
  readonly topics: readonly string[];
  readonly signal: AbortSignal;
  /** Most records in one batch. */
  readonly maxBatch: number;
  /**
   * Asked whenever partitions are assigned: the offset to start from for each, by `positionKey`; one that is gone means
   * the oldest there is. What is left out starts at the group's committed offset, else at the beginning.
   */
  readonly startAt: (partitions: readonly (TopicPartition & { topicId: string })[]) => Promise<Map<string, number>>;
  /** Told of what happens to the membership. */
  readonly onChange?: (change: MembershipChange) => void;
}

/**
 * A member of a consumer group. Iterating yields batches of the partitions it owns; it rejoins by itself. All members of
 * a group subscribe to the same topics. A member that ends without a word is replaced when its session is over (10 s).
 */
export interface Subscription extends AsyncIterable<RecordBatch>, AsyncDisposable {
  /**
   * False once partitions were assigned anew, even to the same member: what was read before must not be applied, and
   * nothing after it either. Reading starts again at the store's positions.
   */
  owns(batch: RecordBatch): boolean;
  /** Tells the group how far it is (for lag monitors); truth is the position in the store. Returns at once. */
  commit(partition: TopicPartition, nextOffset: number): void;
}

/** A topic as the cluster has it. */
export interface TopicState {
  readonly name: string;
  readonly id: string;
  /** The brokers that hold a copy, by partition. */
  readonly replicas: readonly (readonly number[])[];
  /** The settings in effect; null: they are not for this login to read. */
  readonly config: Readonly<Record<string, string>> | null;
}

/** What the cluster says of topics asked for by name; one in neither list does not exist. */
export interface TopicSurvey {
  readonly topics: readonly TopicState[];
  /** Not for this login to see, whether they exist or not. */
  readonly denied: readonly string[];
}

export interface ClusterShape {
  /** Ids of the brokers that are up. */
  readonly brokers: readonly number[];
  /** What its operator set for topics that name nothing themselves; null: this login may not ask. */
  readonly defaults: { readonly replication: number | null; readonly minIsr: number | null } | null;
}

/** A topic to be made, with the number of copies that suits the cluster. */
export interface PlacedTopic extends TopicDefinition {
  readonly replication: number;
}

export interface LogIdentity {
  readonly clusterId: string;
  /** Topic name -> topic id, for those that exist. */
  readonly topicIds: ReadonlyMap<string, string>;
}

/**
 * The transport. At-least-once: an append whose answer is lost may be in the log, and is sent again. What each
 * implementation must do is tried by `test/contract/log-contract.ts`; a server that is away is an EnvironmentError.
 */
export interface Log {
  /**
   * Appends to the partition that `partitionOf` the key names (`partition.ts`), in the order of the calls; resolves when
   * all of it is acknowledged. Positions come back in the order of the records. A record of more than about a megabyte
   * is a DataError `too_large`; records before it may be in the log by then, none after it. `among`: keys are shared
   * among the first so many partitions, left out: among all; where there are fewer, that is an EnvironmentError.
   */
  append(topic: string, records: readonly NewRecord[], among?: number): Promise<RecordPosition[]>;
  subscribe(options: SubscribeOptions): Subscription;
  /** Offset after the last record, by `positionKey`. */
  endOffsets(topics: readonly string[]): Promise<Map<string, number>>;
  /** Offset of the first record that is still there, or where the next one goes; by `positionKey`. */
  startOffsets(topics: readonly string[]): Promise<Map<string, number>>;
  /** Throws where a topic is not for this login to see: it would look like one that was deleted. */
  identity(topics: readonly string[]): Promise<LogIdentity>;
  /** How many members each of these groups has now; one that died without a word counts until its session is over. */
  members(groups: readonly string[]): Promise<ReadonlyMap<string, number>>;
  cluster(): Promise<ClusterShape>;
  describeTopics(names: readonly string[]): Promise<TopicSurvey>;
  /** Creates topics; one that exists already is left as it is. */
  createTopics(topics: readonly PlacedTopic[]): Promise<void>;
  /** Up to `total` partitions; members that run notice within seconds, and share them. */
  addPartitions(name: string, total: number): Promise<void>;
  /** `confirm` is asked once all is ready, right before they are deleted; none is where it throws. */
  deleteTopics(names: readonly string[], confirm?: () => Promise<void>): Promise<void>;
  configureTopic(name: string, config: Readonly<Record<string, string>>): Promise<void>;
  close(): Promise<void>;
}

export type AccessOperation = "read" | "write" | "create" | "delete" | "alter" | "describe" | "alter_configs";

/** Leave to do one thing with one topic or consumer group. */
export interface Right {
  readonly kind: "topic" | "group";
  readonly name: string;
  readonly operation: AccessOperation;
}

/** A right that somebody has, e.g. `User:stream-relay`. */
export interface Grant extends Right {
  readonly principal: string;
}

/** The cluster's list of who may do what. Names are the cluster's own, prefix included. */
export interface AccessList {
  /** Which of these grants are there already; and, in words, what else these principals were given. */
  compare(wanted: readonly Grant[]): Promise<{ missing: readonly Grant[]; extra: readonly string[] }>;
  add(grants: readonly Grant[]): Promise<void>;
  /** Which of these rights the present login lacks, by whatever way it might have them. */
  lacking(rights: readonly Right[]): Promise<readonly Right[]>;
}

/** Key of a partition in maps: `topic:partition`. */
export function positionKey({ topic, partition }: TopicPartition): string {
  return `${topic}:${partition}`;
}
