import type { MiddlewareHandler } from "hono";
import { within } from "../engine/patience.ts";
import { Problem } from "./problems.ts";

const ANSWERED_WITHIN_MS = 15_000;

/** Nobody waits for ever, as behind a locked table: who asked is told, whatever becomes of it. */
export function answeredInTime(withinMs = ANSWERED_WITHIN_MS): MiddlewareHandler {
  return async (c, next) => {
    const inTime = await within(
      withinMs,
      next().then(() => true),
      () => false,
    );
    if (inTime) return;
    const unknown = SAFE.has(c.req.method)
      ? ""
      : " Whether it was taken is not known: look, or send it again as it is.";
    throw new Problem(503, `Postgres takes too long to answer.${unknown}`, { headers: { "Retry-After": "10" } });
  };
}

/** Methods that change nothing. */
const SAFE = new Set(["GET", "HEAD", "OPTIONS"]);

const LOOPBACK_NAMES = ["127.0.0.1", "localhost", "[::1]"];

/**
 * Answers only to loopback names with our own port, and to `allowed` ones: a page elsewhere whose name was re-pointed at
 * our address (DNS rebinding) sends its own name and gets nothing. A name that is allowed without a port may come with
 * ours or, as behind a proxy, with none.
 */
export function onlyKnownHosts(port: () => number, allowed: readonly string[]): MiddlewareHandler {
  const listed = allowed.map((name) => name.toLowerCase());
  return async (c, next) => {
    const host = (c.req.header("host") ?? "").toLowerCase();
    const bare = host.endsWith(`:${port()}`) ? host.slice(0, -`:${port()}`.length) : null;
    const isLoopback = LOOPBACK_NAMES.includes(bare ?? (port() === 80 ? host : ""));
    if (!isLoopback && !listed.includes(host) && !listed.includes(bare ?? host)) {
      throw new Problem(421, "This server answers only under the names of this machine, as in 127.0.0.1.");
    }
    await next();
  };
}

/** Forms come from our own pages: every browser says where a POST comes from. */
export const onlySameOrigin: MiddlewareHandler = async (c, next) => {
  if (!SAFE.has(c.req.method)) {
    const origin = c.req.header("origin");
    const site = c.req.header("sec-fetch-site");
    const host = c.req.header("host");
    const sameOrigin = origin === `http://${host}` || origin === `https://${host}`;
    if (!sameOrigin || (site !== undefined && site !== "same-origin")) {
      throw new Problem(403, "A form is taken only from this server's own pages; programs use /api with a token.");
    }
  }
  await next();
};

/** What every answer says to the browser: nothing from elsewhere, no framing, no guessing of types, no referrer. */
export const securityHeaders: MiddlewareHandler = async (c, next) => {
  await next();
  const headers = c.res.headers;
  if (!headers.has("Content-Security-Policy")) headers.set("Content-Security-Policy", PAGE_POLICY);
  headers.set("X-Content-Type-Options", "nosniff");
  // Not "no-referrer": with that browsers send our own forms with the origin "null".
  headers.set("Referrer-Policy", "same-origin");
  headers.set("X-Frame-Options", "DENY");
  headers.set("Cross-Origin-Opener-Policy", "same-origin");
  headers.set("Permissions-Policy", "camera=(), microphone=(), geolocation=()");
  if (!headers.has("Access-Control-Allow-Origin")) headers.set("Cross-Origin-Resource-Policy", "same-origin");
};

const PAGE_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "form-action 'self'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join("; ");
