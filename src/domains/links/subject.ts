import { createHash } from "node:crypto";

export type Visibility = "private" | "public";

/**
 * The form of a URL that ids hang on: WHATWG-parsed, fragment off, query pairs sorted as `key,value` text by UTF-16
 * unit and rewritten in form encoding, one trailing slash off unless the path is only that. What does not parse stays
 * as it is. Never "improve" this: ids stored elsewhere depend on every quirk of it.
 */
export function normalizeUrl(url: string): string {
  if (!URL.canParse(url)) return url;
  const parsed = new URL(url);
  parsed.hash = "";
  const pairs = [...parsed.searchParams.entries()];
  pairs.sort((a, b) => compareUtf16(`${a[0]},${a[1]}`, `${b[0]},${b[1]}`));
  parsed.search = new URLSearchParams(pairs).toString();
  const text = parsed.toString();
  return text.endsWith("/") && parsed.pathname !== "/" ? text.slice(0, -1) : text;
}

/** A web address stands for its link. */
export function subjectIdOf(given: string): string {
  return /^https?:\/\//i.test(given) ? linkSubjectId(normalizeUrl(given)) : given;
}

function compareUtf16(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** `link:` and the first 16 hex digits of SHA-256 of the normalized URL. */
export function linkSubjectId(urlNorm: string): string {
  return `link:${createHash("sha256").update(urlNorm).digest("hex").slice(0, 16)}`;
}
