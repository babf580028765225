import type { NewEvent, Payload } from "./event.ts";
import type { Logger } from "./logger.ts";
import type { Work, WorkDefinition } from "./work.ts";

/** What an agent may use of its surroundings besides the clients it was built with. */
export interface AgentContext {
  /** Aborts at the work's deadline, or when the process drains. */
  readonly signal: AbortSignal;
  readonly log: Logger;
  readonly now: () => Date;
}

/**
 * Does one kind of work. It *returns* events and never writes them: the worker adds ids, source, correlation and
 * causation and appends them in the transaction that ends the work. Throwing says what happens next: `TerminalError`
 * (no retry), `RetryLaterError` (not before), `PauseError` (the agent rests, the attempt does not count), anything else
 * (retry with backoff).
 */
export interface Agent<P extends Payload = Payload> {
  /** Becomes the events' source `agent:<name>` and the dead letter's `agent`. */
  readonly name: string;
  /** Kafka consumer group, e.g. `fetcher-agent-v2`. */
  readonly group: string;
  readonly handles: WorkDefinition<P>;
  readonly concurrency: number;
  /** Hard deadline of one attempt, in milliseconds. */
  readonly timeoutMs: number;
  /** Tables that its clients read beside its work: all that a login of its own may read (docs/least-rights.md). */
  readonly reads?: readonly string[];
  run(work: Work<P>, context: AgentContext): Promise<NewEvent[]>;
  /** Once, when it starts and beside its work: brings in line what it keeps outside of the ledger. */
  prepare?(context: Pick<AgentContext, "signal" | "log">): Promise<void>;
}
