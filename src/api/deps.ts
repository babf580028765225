import type { FailureDesk } from "../engine/failures.ts";
import type { PipelineHealth } from "../engine/health.ts";
import type { Logger } from "../engine/logger.ts";
import type { Registry } from "../engine/registry.ts";
import type { FindEvents, Ingest, Reads, TokenVerifier } from "../engine/web/types.ts";
import type { Probes } from "./probes.ts";

/** All that the web server needs of the rest of the program. */
export interface ServerDeps extends Probes {
  readonly registry: Registry;
  readonly reads: Reads;
  readonly ingest: Ingest;
  readonly findEvents: FindEvents;
  readonly tokens: TokenVerifier;
  readonly health: () => Promise<PipelineHealth>;
  /** Where people decide about failures. */
  readonly failures: FailureDesk;
  /** Origins of other pages that may use the API, exactly as browsers send them. */
  readonly corsOrigins: readonly string[];
  /** Names (`host` or `host:port`) besides this machine's own under which it answers. */
  readonly allowedHosts?: readonly string[];
  /** The public site, as the publisher writes it. */
  readonly siteDirectory: string;
  readonly now: () => Date;
  readonly logger: Logger;
}
