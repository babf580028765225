import type { PipelineHealth } from "../engine/health.ts";
import type { Logger } from "../engine/logger.ts";
import type { Registry } from "../engine/registry.ts";
import type { FindEvents, Ingest, Reads, TokenVerifier } from "../engine/web/types.ts";

/** All that the web server needs of the rest of the program. */
export interface ServerDeps {
  readonly registry: Registry;
  readonly reads: Reads;
  readonly ingest: Ingest;
  readonly findEvents: FindEvents;
  readonly tokens: TokenVerifier;
  readonly health: () => Promise<PipelineHealth>;
  readonly ready: () => Promise<Readiness>;
  /** Origins of other pages that may use the API, exactly as browsers send them. */
  readonly corsOrigins: readonly string[];
  /** The public site, as the publisher writes it. */
  readonly siteDirectory: string;
  readonly now: () => Date;
  readonly logger: Logger;
}

/** Whether each server answers: null, or what is wrong. */
export interface Readiness {
  readonly postgres: string | null;
  readonly kafka: string | null;
}
