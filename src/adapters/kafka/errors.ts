import { DataError, EnvironmentError } from "../../engine/errors.ts";

/** All errors within an error: the client nests them in `errors` and in `cause`. */
export function* causes(error: unknown): Generator<Record<string, unknown> & Error> {
  if (!(error instanceof Error)) return;
  yield error as Record<string, unknown> & Error;
  if (error instanceof AggregateError) for (const inner of error.errors) yield* causes(inner);
  if (error.cause) yield* causes(error.cause);
}

/** The client's error as the engine's: only what the broker says of a record itself is the data's fault. */
export function classifyKafka(error: unknown): Error {
  // The store is asked for positions amid the client's work: what it says is no word of Kafka's.
  if (error instanceof EnvironmentError || error instanceof DataError) return error;
  const all = [...causes(error)];
  if (all.some((inner) => inner.apiId === "MESSAGE_TOO_LARGE" || inner.apiId === "RECORD_LIST_TOO_LARGE")) {
    return new DataError("Kafka refused a record: it is larger than the broker takes", "too_large", { cause: error });
  }
  return new EnvironmentError(`Kafka: ${describe(all)}`, { cause: error });
}

/** The innermost message says what happened; the outer ones only that something did. */
function describe(all: readonly Error[]): string {
  const told = all.map((inner) => inner.message).filter(Boolean);
  return told.at(-1) ?? "unknown error";
}
