import type { App } from "../../src/app.ts";
import { linkSubjectId, normalizeUrl } from "../../src/domains/links/subject.ts";
import type { TestPages } from "./pages.ts";

/** Nobody listens there: the discard port. */
export const DEAD_HOST = "127.0.0.1:9";

/** Links as life has them: of ten one is not there any more and one's host is dead. */
export function mixedLinks(pages: Pick<TestPages, "origin">, count: number): string[] {
  return Array.from({ length: count }, (_, n) => {
    if (n % 10 === 3) return `${pages.origin}/404/${n}`;
    if (n % 10 === 7) return `http://${DEAD_HOST}/${n}`;
    return `${pages.origin}/ok/${n}`;
  });
}

export const idOf = (url: string): string => linkSubjectId(normalizeUrl(url));
export const failsForGood = (url: string): boolean => !new URL(url).pathname.startsWith("/ok/");

/** Where each link ended, by its address. */
export async function statuses({ db }: Pick<App, "db">): Promise<Record<string, string>> {
  const rows = await db<{ url: string; status: string }[]>`select url, status from lifestream.links order by url`;
  return Object.fromEntries(rows.map(({ url, status }) => [url, status]));
}

/** Where each is to end. */
export function expectedStatuses(urls: readonly string[]): Record<string, string> {
  return Object.fromEntries(urls.map((url) => [url, failsForGood(url) ? "error" : "published"]));
}
