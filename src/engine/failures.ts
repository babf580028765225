import type { StoredEvent } from "./event.ts";
import type { Deciding } from "./failure-acts.ts";
import type { FailedAttempt } from "./history.ts";
import type { AcceptedWork, DeadRecord, Decision } from "./store.ts";
import type { WorkStatus } from "./work.ts";

/*
 * The failure desk: work that was given up and records that nobody could read, side by side. Whoever sits at it decides
 * by events (`failure-acts.ts`).
 */

export type FailureKind = "work" | "record";

/** `open`: nobody has decided yet, or it failed again. */
export type FailureState = "open" | "redriven" | "discarded";

/** Which failures; what is left out does not matter. */
export interface FailureFilter {
  readonly ids?: readonly string[];
  /** The kind of work, or the event type or topic of a record. */
  readonly type?: string;
  readonly errorClass?: string;
  /** Failed at or after this moment, ISO 8601. */
  readonly since?: string;
  readonly subjectId?: string;
  /** Only work, on subjects of this kind (`link`). */
  readonly workOn?: string;
  /** Redriven fewer times than this. */
  readonly maxRedrives?: number;
  /** Those that were decided too. */
  readonly all?: boolean;
}

/** A line of the list. */
export interface FailureSummary {
  readonly kind: FailureKind;
  readonly id: string;
  readonly type: string;
  /** Null: a record without a readable key. */
  readonly subjectId: string | null;
  readonly state: FailureState;
  readonly error: string;
  readonly errorClass: string;
  readonly at: string;
  /** Of work, over all rounds; 0 for records. */
  readonly attempts: number;
  readonly redrives: number;
  /** The last one. */
  readonly decision: Decision | null;
}

export interface FailureSlice {
  readonly failures: readonly FailureSummary[];
  /** Where the next one begins; null: this is the last. */
  readonly next: string | null;
}

export interface FailurePage extends FailureSlice {
  /** How many there are in all. */
  readonly total: number;
}

export interface FailedWork extends AcceptedWork {
  readonly status: WorkStatus;
  readonly error: string | null;
  readonly errorClass: string | null;
  readonly agent: string | null;
  readonly finishedAt: string | null;
  readonly decision: Decision | null;
  /** Asked for, and waits for its dead letter to be sent. */
  readonly redriveAsked: boolean;
}

export interface QuarantinedRecord extends DeadRecord {
  readonly state: FailureState;
  readonly tries: number;
  readonly at: string;
  readonly decision: Decision | null;
}

/** What the desk reads of Postgres. */
export interface FailureReads {
  /** Newest first; the same however many are added meanwhile. */
  list(filter: FailureFilter, page: { after?: string | null; limit: number }): Promise<FailurePage>;
  /** As `list`; all of them are not counted, which costs as much as reading them. */
  slice(filter: FailureFilter, page: { after?: string | null; limit: number }): Promise<FailureSlice>;
  /** How many there are from where a page begins. */
  count(filter: FailureFilter, after: string): Promise<number>;
  work(ids: readonly string[]): Promise<FailedWork[]>;
  records(ids: readonly string[]): Promise<QuarantinedRecord[]>;
}

/** One failure with all that is known of it. */
export interface FailureDetail {
  readonly summary: FailureSummary;
  /** What would come of redriving it now. */
  readonly outlook: Outlook;
  /** Of work, first to last. */
  readonly attempts: readonly FailedAttempt[];
  /** What people decided, first to last, with the failure that each answered. */
  readonly acts: readonly StoredEvent[];
  /** What failed, as it came: a record's bytes, or the message of the work. */
  readonly original: {
    readonly key: Uint8Array | null;
    readonly value: Uint8Array | null;
    readonly headers: Readonly<Record<string, string>>;
    /** Where a record stood. */
    readonly place: string | null;
  };
}

/** What would come of redriving something; `helps`: false where it is known to fail again, or cannot be redriven. */
export interface Outlook {
  readonly helps: boolean;
  readonly text: string;
}

/** What became of an act on several failures. */
export interface DeskReport {
  readonly work: number;
  readonly records: number;
  /** What would come of redriving them, those alike counted together; only a dry run looks. */
  readonly outlooks: readonly (Outlook & { readonly count: number })[];
  /** Asked for before, and not carried out yet. */
  readonly already: number;
  /** Decided so before, and carried out. */
  readonly unchanged: readonly NotDecided[];
  /** What cannot be decided so. */
  readonly skipped: readonly NotDecided[];
  /** How many more were meant, beyond the limit. */
  readonly left: number;
}

export interface NotDecided {
  readonly id: string;
  readonly why: string;
}

export interface ActOptions {
  /** Only say what would become of it. */
  readonly dryRun?: boolean;
  /** At most so many. */
  readonly limit?: number;
}

export interface FailureDesk {
  list(filter: FailureFilter, page?: { after?: string | null; limit?: number }): Promise<FailurePage>;
  /** Null: there is no such failure. */
  show(id: string): Promise<FailureDetail | null>;
  /** Redrives these, or all that are open and match. */
  redrive(which: readonly string[] | FailureFilter, person: Deciding, options?: ActOptions): Promise<DeskReport>;
  /** Discards these, or all that are open and match. */
  discard(which: readonly string[] | FailureFilter, person: Deciding, options?: ActOptions): Promise<DeskReport>;
}

/** Where a record stood in its topic, as people read it; one that no topic took has no place. */
export function placeInTopic({ partition, offset }: { readonly partition: number; readonly offset: number }): string {
  return offset < 0 ? "refused, so it has no place there" : `partition ${partition}, offset ${offset}`;
}
