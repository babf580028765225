import type { MiddlewareHandler } from "hono";
import { Problem } from "./problems.ts";

/**
 * Pages of other origins may use the API only where the configuration names them. There are no cookies; a token is
 * needed all the same.
 */
export function cors(origins: readonly string[]): MiddlewareHandler {
  return async (c, next) => {
    const origin = c.req.header("origin");
    if (origin === undefined || origin === `http://${c.req.header("host")}`) return next();
    if (!origins.includes(origin)) throw new Problem(403, "This origin is not in API_CORS_ORIGINS.");
    if (c.req.method === "OPTIONS") return preflight(origin, c.req.header("access-control-request-private-network"));
    await next();
    c.res.headers.set("Access-Control-Allow-Origin", origin);
    c.res.headers.append("Vary", "Origin");
  };
}

function preflight(origin: string, privateNetwork: string | undefined): Response {
  return new Response(null, {
    status: 204,
    headers: {
      "Access-Control-Allow-Origin": origin,
      "Access-Control-Allow-Methods": "GET, POST",
      "Access-Control-Allow-Headers": "Authorization, Content-Type, Idempotency-Key",
      "Access-Control-Max-Age": "600",
      Vary: "Origin",
      ...(privateNetwork === "true" ? { "Access-Control-Allow-Private-Network": "true" } : {}),
    },
  });
}
