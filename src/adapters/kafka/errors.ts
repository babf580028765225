import { DataError, EnvironmentError, RefusedError, UserError } from "../../engine/errors.ts";
import { causes } from "./causes.ts";
import { type Attempt, problemOf } from "./problems.ts";

/** The client's error as the engine's: only what the broker says of a record itself is the data's fault. */
export function classifyKafka(error: unknown, attempt: Attempt): Error {
  // The store is asked for positions amid the client's work: what it says is no word of Kafka's.
  if (error instanceof EnvironmentError || error instanceof DataError || error instanceof UserError) return error;
  if ([...causes(error)].some(({ apiId }) => apiId === "MESSAGE_TOO_LARGE" || apiId === "RECORD_LIST_TOO_LARGE")) {
    return new DataError(
      "Kafka refused a record: it is larger than the broker takes (message.max.bytes, max.message.bytes of the topic)",
      "too_large",
      { cause: error },
    );
  }
  const { sentence, needsPerson } = problemOf(error, attempt);
  return new (needsPerson ? RefusedError : EnvironmentError)(`Kafka: ${sentence}`, { cause: error });
}
