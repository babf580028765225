import type { ExtractedPage, FetchedPage } from "../../domains/links/ports.ts";

/** What the parser process is asked to do; one job at a time. */
export interface ParseJob {
  readonly page: FetchedPage;
  /** Without building a tree. */
  readonly plainly: boolean;
}

/** How it went. `rssBytes` is the process's memory afterwards. */
export type ParseOutcome =
  | { readonly page: ExtractedPage; readonly rssBytes: number }
  | { readonly error: { readonly message: string; readonly errorClass: string }; readonly rssBytes: number };
