/** One of the errors within an error, with whatever the client, the system or the broker hung on it. */
export type Cause = Record<string, unknown> & Error;

/** All errors within an error: the client nests them in `errors` and in `cause`. */
export function* causes(error: unknown): Generator<Cause> {
  if (!(error instanceof Error)) return;
  yield error as Cause;
  if (error instanceof AggregateError) for (const inner of error.errors) yield* causes(inner);
  if (error.cause) yield* causes(error.cause);
}
