import type { Agent } from "./agent.ts";
import type { EventDefinition, NewEvent } from "./event.ts";
import type { Projection } from "./projection.ts";
import type { Route } from "./route.ts";
import type { ApiHost, DomainApi } from "./web/types.ts";

/** A way to capture something by hand: `npm run add -- <name> <usage>`, one line of standard input likewise. */
export interface Capture {
  readonly name: string;
  /** What follows the name, e.g. `URL [--public]`. */
  readonly usage: string;
  readonly summary: string;
  /** Turns words into an event; throws UserError (exit code 2) with the form it expects. */
  parse(words: readonly string[], options: CaptureOptions): NewEvent;
}

export interface CaptureOptions {
  readonly now: Date;
  readonly source: string;
}

/** One area of a life: its facts, the tables they move, the work they ask for, the agents that do it. */
export interface Domain {
  readonly name: string;
  // biome-ignore lint/suspicious/noExplicitAny: a list of differently typed definitions
  readonly events: readonly EventDefinition<any>[];
  readonly projections?: readonly Projection[];
  readonly routes?: readonly Route[];
  // biome-ignore lint/suspicious/noExplicitAny: a list of differently typed agents
  readonly agents?: readonly Agent<any>[];
  readonly captures?: readonly Capture[];
  /** Its pages and endpoints on the one web server. */
  readonly api?: (host: ApiHost) => DomainApi;
  /** Numbered steps that make the tables its projections write; applied once each, by `db:migrate`. */
  readonly migrations?: readonly { readonly name: string; readonly sql: string }[];
}
