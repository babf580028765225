import { availableParallelism } from "node:os";
import type { ExtractedPage, Extractor, FetchedPage } from "../../domains/links/ports.ts";
import { messageOf, TerminalError } from "../../engine/errors.ts";
import type { Logger } from "../../engine/logger.ts";
import { ParserDied } from "./parser.ts";
import { ParserPool } from "./parser-pool.ts";

export interface ExtractorOptions {
  readonly log: Logger;
  /** How long one page may be parsed, in milliseconds. */
  readonly timeoutMs?: number;
  /** Parser processes at most; they start when needed and stay. */
  readonly workers?: number;
  /** A parser process that takes more is ended, in bytes. */
  readonly memoryLimitBytes?: number;
}

/** Nothing a person reads takes longer. */
export const DEFAULT_TIMEOUT_MS = 10_000;
const DEFAULT_MEMORY_LIMIT_BYTES = 768 * 1_024 * 1_024;
const MAX_DEFAULT_WORKERS = 4;

/**
 * Reads pages in processes that can be killed. A page that kills its parser is read once more in the plain way, which
 * no page can slow down; the others do not notice.
 */
export function createExtractor(options: ExtractorOptions): Extractor {
  const { log, timeoutMs = DEFAULT_TIMEOUT_MS, memoryLimitBytes = DEFAULT_MEMORY_LIMIT_BYTES } = options;
  const workers = options.workers ?? Math.min(MAX_DEFAULT_WORKERS, availableParallelism());
  const pool = new ParserPool({ workers, timeoutMs, memoryLimitBytes });
  return {
    async extract(page, { signal }) {
      try {
        return await read(pool, page, false, signal);
      } catch (error) {
        if (!(error instanceof ParserDied)) throw error;
        log.warn("a page killed its parser and is read plainly", {
          host: new URL(page.finalUrl).host,
          reason: error.message,
        });
        return await readPlainly(pool, page, signal);
      }
    },
    close: async () => pool.close(),
  };
}

async function readPlainly(pool: ParserPool, page: FetchedPage, signal: AbortSignal): Promise<ExtractedPage> {
  try {
    return await read(pool, page, true, signal);
  } catch (error) {
    if (!(error instanceof ParserDied)) throw error;
    throw new TerminalError(`the page cannot be taken apart: ${messageOf(error)}`, "parse", { cause: error });
  }
}

async function read(
  pool: ParserPool,
  page: FetchedPage,
  plainly: boolean,
  signal: AbortSignal,
): Promise<ExtractedPage> {
  const outcome = await pool.run({ page, plainly }, signal);
  if ("error" in outcome) throw new TerminalError(outcome.error.message, outcome.error.errorClass);
  return outcome.page;
}
