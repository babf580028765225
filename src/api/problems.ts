import { STATUS_CODES } from "node:http";
import type { Context } from "hono";
import { BrokenOffError, DataError, EnvironmentError, messageOf, UserError } from "../engine/errors.ts";
import type { Logger } from "../engine/logger.ts";

/** What is wrong with one part of a request. */
export interface ProblemPart {
  /** Line of the NDJSON or element of the list, from 1. */
  readonly line?: number;
  readonly detail: string;
}

/** A request that is refused, as RFC 9457 has it. */
export class Problem extends Error {
  override readonly name = "Problem";
  constructor(
    readonly status: 400 | 401 | 403 | 404 | 405 | 408 | 413 | 415 | 421 | 422 | 500 | 503,
    readonly detail: string,
    readonly more: { errors?: readonly ProblemPart[]; headers?: Readonly<Record<string, string>> } = {},
  ) {
    super(detail);
  }
}

/** Any thrown value as a problem. What is not the client's to mend is logged and told without its inside. */
export function toProblem(error: unknown, logger: Logger): Problem {
  if (error instanceof Problem) return error;
  if (error instanceof DataError || error instanceof UserError) return new Problem(422, error.message);
  if (error instanceof EnvironmentError) {
    logger.warn(`a request had to be refused: ${messageOf(error)}`);
    return new Problem(503, "Postgres does not answer; nothing was changed. Try again in a moment.", {
      headers: { "Retry-After": "2" },
    });
  }
  if (error instanceof BrokenOffError) {
    logger.warn(`a request was broken off: ${messageOf(error)}`);
    return new Problem(503, `Not all of it was done. ${error.soFar}`, { headers: { "Retry-After": "2" } });
  }
  logger.error(`a request failed: ${messageOf(error)}`, error instanceof Error ? { stack: error.stack } : {});
  return new Problem(500, "Something went wrong here; the log says what.");
}

/** The answer for programs. */
export function problemResponse(c: Context, problem: Problem): Response {
  const { status, detail, more } = problem;
  const title = STATUS_CODES[status] ?? "Problem";
  const body = { type: "about:blank", title, status, detail, ...(more.errors ? { errors: more.errors } : {}) };
  for (const [name, value] of Object.entries(more.headers ?? {})) c.header(name, value);
  return c.body(JSON.stringify(body), status, { "Content-Type": "application/problem+json" });
}
