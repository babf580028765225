import type { WorkStatus } from "./work.ts";

/** How the pipeline is doing: what `/status` and the `status` command show. */
export interface PipelineHealth {
  readonly at: string;
  readonly servers: {
    /** `host:port/database`. */
    readonly postgres: string;
    /** Behind a transaction pooler there is no LISTEN: everything works, a little slower. */
    readonly pooler: boolean;
    /** Which log carries the events, and why this one. */
    readonly transport: { readonly kind: "kafka" | "embedded"; readonly why: string };
    /** Kafka's addresses; none where the log is in Postgres. */
    readonly kafka: readonly string[];
    /** Null: the log answered. */
    readonly kafkaProblem: string | null;
  };
  readonly ledger: LedgerHealth;
  readonly stages: readonly StageLag[];
  readonly work: readonly { readonly type: string; readonly status: WorkStatus; readonly count: number }[];
  /** When work was sent again, as its messages were lost before an agent took them, and why: the last few times. */
  readonly resent: Latest<Resent>;
  readonly deadWork: Latest<DeadWork>;
  readonly deadRecords: Latest<DeadRecordInfo>;
  /** Events of a schema version that no program here knew when they came; one that does applies them by itself. */
  readonly tooNew: Latest<{ readonly error: string; readonly events: number; readonly since: string }>;
  readonly parked: Latest<{
    readonly projection: string;
    readonly waitsFor: string;
    readonly events: number;
    readonly since: string;
  }>;
  readonly leases: readonly LeaseInfo[];
}

export interface LedgerHealth {
  readonly events: number;
  /** False: so many that they are estimated. */
  readonly exact: boolean;
  readonly unpublished: number;
  readonly oldestUnpublishedAt: string | null;
  /** When all of it began to flow again, and why: a reset, a log made anew, or one that had lost something. */
  readonly flowedAnew: Latest<Flow>;
}

export interface Flow {
  readonly at: string;
  readonly reason: string;
  readonly events: number;
}

export interface Resent {
  readonly at: string;
  readonly reason: string;
  readonly messages: number;
}

/** The latest few, and how many there are in all. */
export interface Latest<T> {
  readonly total: number;
  readonly latest: readonly T[];
}

/** How far a consumer group is behind the topics it reads. */
export interface StageLag {
  readonly stage: string;
  readonly group: string;
  readonly topics: readonly string[];
  /** Records not handled yet; null: unknown, as Kafka did not answer or a topic is missing. */
  readonly lag: number | null;
  readonly movedAt: string | null;
}

export interface DeadWork {
  readonly id: string;
  readonly type: string;
  readonly subjectId: string;
  readonly attempts: number;
  readonly error: string;
  readonly errorClass: string | null;
  readonly at: string | null;
}

export interface DeadRecordInfo {
  readonly id: string;
  readonly stage: string;
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly error: string;
  readonly errorClass: string;
  readonly at: string;
}

export interface LeaseInfo {
  readonly name: string;
  readonly holder: string;
  readonly expiresAt: string;
  readonly held: boolean;
}

/** What is in Postgres of the pipeline's health; lag needs Kafka's word too. */
export interface StoredHealth
  extends Pick<
    PipelineHealth,
    "ledger" | "work" | "resent" | "deadWork" | "deadRecords" | "tooNew" | "parked" | "leases"
  > {
  readonly positions: readonly StoredPosition[];
}

export interface StoredPosition {
  readonly group: string;
  readonly topic: string;
  readonly partition: number;
  readonly lastOffset: number;
  readonly topicId: string | null;
  readonly updatedAt: string;
}
