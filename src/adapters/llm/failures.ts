import { PauseError, RetryableError, RetryLaterError, TerminalError } from "../../engine/errors.ts";
import { retryAfterMs } from "./retry-after.ts";

/** How an OpenAI-compatible server said no. `message` is already redacted. */
export interface Refusal {
  readonly status: number;
  /** `error.code` and `error.type` of the body, where it has them. */
  readonly code: string;
  readonly type: string;
  readonly message: string;
  readonly headers: Headers | undefined;
}

/** Without a Retry-After, a rate limit is given this long. */
const RATE_LIMIT_MS = 60_000;
/** Quota and configuration are mended by a person: the enricher rests this long and asks again. */
export const PERSON_MS = 15 * 60_000;

const QUOTA = /^(?:insufficient_quota|billing_hard_limit_reached|billing_not_active|insufficient_balance)$/;
/** 400s that are about this page and would be the same in any answer format. */
const ABOUT_THE_INPUT =
  /^(?:context_length_exceeded|string_above_max_length|content_filter|content_policy_violation|invalid_prompt)$/;
const ABOUT_THE_MODEL = /^(?:model_not_found|invalid_api_key|invalid_model)$/;

/** What happens next after a refusal by status. */
export function failureOf(refusal: Refusal, now: Date): Error {
  const { status, code, type, message, headers } = refusal;
  const said = `The language model's server answered ${status}: ${message}`;
  if (status === 402 || QUOTA.test(code) || QUOTA.test(type)) return new PauseError(said, PERSON_MS, "quota");
  // A wrong key, address or model is configuration: nothing about this page is wrong, and trying again in seconds
  // would only send every page of the hour to the dead letters. So it waits for the person who mends it.
  const misplaced = status === 401 || status === 403 || status === 404 || (status >= 300 && status < 400);
  if (misplaced || ABOUT_THE_MODEL.test(code)) return new PauseError(said, PERSON_MS, "configuration");
  const wait = retryAfterMs(headers, now);
  if (status === 429) return new RetryLaterError(said, wait ?? RATE_LIMIT_MS, "rate_limited");
  if (status === 503 && wait !== null) return new RetryLaterError(said, wait, "http_5xx");
  if (status >= 500) return new RetryableError(said, "http_5xx");
  if (status === 408 || status === 409 || status === 425) return new RetryableError(said, "http_4xx");
  return new TerminalError(said, "bad_request");
}

/** Whether the refusal may be about the answer format we asked for, so that a simpler one is worth a try. */
export function maybeAboutFormat({ status, code, message }: Refusal): boolean {
  if (ABOUT_THE_INPUT.test(code) || ABOUT_THE_MODEL.test(code) || QUOTA.test(code)) return false;
  if (status === 400 || status === 422) return true;
  return status >= 500 && /response_format|json_schema|json_object|grammar|schema/i.test(message);
}
