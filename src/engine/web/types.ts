import type { NewEvent, StoredEvent } from "../event.ts";
import type { SubjectHistory } from "../history.ts";
import type { Sql } from "../store.ts";
import type { Html } from "./html.ts";

/**
 * What a domain puts on the web: pages and forms for people, endpoints for programs. The server adds the rest, the same
 * for all: addresses it answers to, origins, tokens, limits, headers, layout, problems.
 */
export interface DomainApi {
  readonly pages?: readonly PageRoute[];
  readonly forms?: readonly FormRoute[];
  readonly endpoints?: readonly EndpointRoute[];
}

/** What pages and endpoints may use. */
export interface ApiHost extends Reads {
  readonly ingest: Ingest;
  readonly now: () => Date;
}

/** Reads of Postgres: one consistent, read-only transaction with a deadline each. */
export interface Reads {
  read<T>(query: (sql: Sql) => Promise<T>): Promise<T>;
  /** Null: nothing at all is known of it. `full`: long texts too. */
  history(subjectId: string, options?: { full?: boolean }): Promise<SubjectHistory | null>;
}

/** Appends events to the ledger: all of them or, when one is wrong, none. */
export type Ingest = (events: readonly NewEvent[]) => Promise<readonly Captured[]>;

export interface Captured {
  readonly id: string;
  readonly subjectId: string;
  /** False: the ledger had this very event already. */
  readonly isNew: boolean;
}

export interface ApiRequest {
  /** Parts of the path that the route names, decoded. */
  readonly params: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
}

export interface PageView {
  readonly title: string;
  /** Elements with an id and `data-live` are kept current by the page's script. */
  readonly body: Html;
  /** How often it reloads where JavaScript is off; 5 unless told otherwise. */
  readonly refreshSeconds?: number;
}

export interface PageRoute {
  /** Path with `:names`, as in `/links/:id`. */
  readonly path: string;
  /** Shown in the navigation of every page. */
  readonly navigation?: string;
  /** Null: there is no such thing. */
  render(request: ApiRequest): Promise<PageView | null>;
}

/** A form of a page, sent by POST from our own pages only. */
export interface FormRoute {
  readonly path: string;
  /** Where to go next; or the page again, with what is wrong. */
  submit(fields: URLSearchParams): Promise<{ readonly location: string } | PageView>;
}

export interface EndpointRoute {
  readonly method: "GET" | "POST";
  readonly path: string;
  readonly scope: Scope;
  /** Throws `DataError` or `UserError` for what the client can mend. Null: there is no such thing. */
  handle(request: EndpointRequest): Promise<{ readonly status?: 200 | 201; readonly body: unknown } | null>;
}

export interface EndpointRequest extends ApiRequest {
  /** The JSON of a POST. */
  readonly body: unknown;
  /** Name of the token that was shown. */
  readonly client: string;
}

/** What a token may do. `admin` may all. */
export const SCOPES = ["capture", "read", "admin"] as const;
export type Scope = (typeof SCOPES)[number];

export interface TokenInfo {
  readonly name: string;
  readonly scopes: readonly Scope[];
}

export interface TokenVerifier {
  /** Null: no such token. */
  verify(token: string): Promise<TokenInfo | null>;
}

/** Reads the ledger by event id. */
export type FindEvents = (ids: readonly string[]) => Promise<readonly StoredEvent[]>;
