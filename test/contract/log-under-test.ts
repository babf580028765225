import type { Log, TopicPartition } from "../../src/engine/log.ts";

/** Bytes as a program of another kind may append them. */
export interface RawRecord {
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
}

/** A member of a group in a process of its own. */
export interface ProcessMember {
  /** `kill -9`: it says nothing to anybody. */
  kill(): Promise<void>;
}

/** What not every test can do to its log; where left out, that is tried elsewhere. */
export type Ability = "cutConnections" | "deleteBefore";

/** One transport with a place of its own: nobody else's topics and groups are in it. */
export interface LogUnderTest extends AsyncDisposable {
  /** The log as one process has it; each call opens another one. */
  open(): Log;
  /** The log at an address where nobody answers. */
  openAway(): Log;
  appendRaw(partition: TopicPartition, records: readonly RawRecord[]): Promise<void>;
  /** Joins the group and resolves once the member reads something. */
  startMember(group: string, topic: string): Promise<ProcessMember>;
  /** Cuts every connection of the logs that are open; the server stays. */
  cutConnections?(): Promise<void>;
  /** Deletes what stands before this offset, as retention does. */
  deleteBefore?(partition: TopicPartition, offset: number): Promise<void>;
  /** A member that died without a word is replaced after this long. */
  readonly sessionMs: number;
  /** The time in which it lives, in milliseconds since 1970; left out: the machine's. */
  now?(): number;
  /** Waits until the condition holds, in whatever time this log lives; fails when it does not come true. */
  until(condition: () => boolean | Promise<boolean>, withinMs?: number): Promise<void>;
}
