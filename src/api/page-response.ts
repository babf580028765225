import { createHash } from "node:crypto";
import type { Context } from "hono";
import { withoutLogins } from "../engine/logins.ts";
import type { Html } from "../engine/web/html.ts";
import type { Problem } from "./problems.ts";

/**
 * A page with a tag of what it says, so that the script that keeps it current learns cheaply that nothing changed.
 * Relative times change with every second and do not count; the script counts them itself.
 */
export function pageResponse(c: Context, page: Html, status: 200 | Problem["status"] = 200): Response {
  // Ours are refused at the door; what other programs saved may have one, and a page is easily shown to somebody.
  const text = withoutLogins(String(page));
  const etag = `"${createHash("sha256")
    .update(text.replace(/(<time\b[^>]*data-ago[^>]*>)[^<]*/g, "$1"))
    .digest("base64url")}"`;
  if (status === 200 && c.req.header("if-none-match") === etag) return c.body(null, 304, { ETag: etag });
  return c.html(text, status, { ETag: etag, "Cache-Control": "private, no-cache" });
}
