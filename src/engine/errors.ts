/** Work that can never succeed (a 404, a refused address): no further attempt, straight to the dead letters. */
export class TerminalError extends Error {
  override readonly name = "TerminalError";
  /** `errorClass` is the short stable reason people filter by, e.g. `http_4xx`. */
  constructor(
    message: string,
    readonly errorClass = "terminal",
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** Work that may succeed, but not before `afterMs` (a 429 with Retry-After). Still counts as an attempt. */
export class RetryLaterError extends Error {
  override readonly name = "RetryLaterError";
  constructor(
    message: string,
    readonly afterMs: number,
    readonly errorClass = "rate_limited",
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/**
 * Nothing of this agent can work until `afterMs` have passed or a person has mended it (a spent quota, a wrong key).
 * The agent rests, and the attempt does not count.
 */
export class PauseError extends Error {
  override readonly name = "PauseError";
  constructor(
    message: string,
    readonly afterMs: number,
    readonly errorClass: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** Work that failed and may be tried again, with the reason's class. Any other thrown error is treated as this one. */
export class RetryableError extends Error {
  override readonly name = "RetryableError";
  constructor(
    message: string,
    readonly errorClass = "unexpected",
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** Postgres or Kafka is away: nothing is wrong with the data, so nothing moves until it is back. */
export class EnvironmentError extends Error {
  override readonly name: string = "EnvironmentError";
}

/** They are there, but refuse us until a person mends it (a right, a password): waited for too, with longer pauses. */
export class RefusedError extends EnvironmentError {
  override readonly name = "RefusedError";
}

/** Another process holds the lease now: what was under way here must mark nothing. */
export class LeaseLostError extends Error {
  override readonly name = "LeaseLostError";
}

/** One record can never be processed (no JSON, wrong shape): it is set aside with its bytes, the rest goes on. */
export class DataError extends Error {
  override readonly name = "DataError";
  constructor(
    message: string,
    readonly errorClass = "invalid_record",
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** Another consumer has moved this partition's position: whoever throws this must give the partition up. */
export class StaleOwnerError extends Error {
  override readonly name = "StaleOwnerError";
}

/** Something asked for many was broken off in the middle: what was done before stays done. */
export class BrokenOffError extends Error {
  override readonly name = "BrokenOffError";
  /** `soFar`: how much was done, and what a person can do, in whole sentences. */
  constructor(
    cause: unknown,
    readonly soFar: string,
  ) {
    super(`${messageOf(cause).replace(/\.$/, "")}. ${soFar}`, { cause });
  }
}

/** A mistake the person at the terminal can mend. The message is one sentence; it is printed without a stack. */
export class UserError extends Error {
  override readonly name = "UserError";
  constructor(
    message: string,
    /** 1: it failed; 2: wrong usage. */
    readonly exitCode: 1 | 2 = 1,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** The class of a failure, as kept on work and dead letters. */
export function errorClassOf(error: unknown): string {
  if (error && typeof error === "object" && "errorClass" in error) return String(error.errorClass);
  return "unexpected";
}

/** What a person reads of any thrown value: its message, never its stack. */
export function messageOf(error: unknown): string {
  if (error instanceof AggregateError && !error.message) return error.errors.map(messageOf).join("; ");
  return error instanceof Error ? error.message || error.name : String(error);
}
