import { type IncomingHttpHeaders, STATUS_CODES } from "node:http";
import { RetryableError, RetryLaterError, TerminalError } from "../../engine/errors.ts";

/** The longest wait a server can ask for. */
const MAX_RETRY_AFTER_MS = 3_600_000;

/** 4xx that say "not now" rather than "no": request timeout, too early, too many requests. */
const TEMPORARY_4XX = new Set([408, 425, 429]);

/** The error a response's status means, or null when there is a page to read. */
export function statusFailure(status: number, headers: IncomingHttpHeaders, now: number): Error | null {
  if (status >= 200 && status < 300) return null;
  const message = `the page answered ${status} ${STATUS_CODES[status] ?? ""}`.trim();
  if (headers["cf-mitigated"] === "challenge") {
    return new TerminalError("the page shows a check for robots instead of its content", "bot_wall");
  }
  if (status === 429 || status === 503) {
    const afterMs = retryAfterMs(headers["retry-after"], now);
    if (afterMs !== null) return new RetryLaterError(message, afterMs, "rate_limited");
  }
  if (status === 429) return new RetryableError(message, "rate_limited");
  if (status >= 500) return new RetryableError(message, "http_5xx");
  return TEMPORARY_4XX.has(status) ? new RetryableError(message, "http_4xx") : new TerminalError(message, "http_4xx");
}

/** `Retry-After` in milliseconds from now, at most an hour: seconds or an HTTP date (RFC 9110, 10.2.3); null: none. */
export function retryAfterMs(header: string | undefined, now: number): number | null {
  const text = header?.trim() ?? "";
  if (!text) return null;
  const ms = /^\d+$/.test(text) ? Number(text) * 1_000 : Date.parse(text) - now;
  return Number.isNaN(ms) ? null : Math.min(Math.max(ms, 0), MAX_RETRY_AFTER_MS);
}
