import { Hono } from "hono";
import { UserError } from "../engine/errors.ts";
import { createServerApp } from "./app.ts";
import { MAX_BODY_BYTES } from "./body.ts";
import type { ServerDeps } from "./deps.ts";
import { mountProbes, type Probes } from "./probes.ts";

export interface RunningServer {
  /** `http://<host>:<port>`, as this machine reaches it. */
  readonly url: string;
  /** Takes no further request and waits for those under way, a moment at most. */
  close(): Promise<void>;
}

const CLOSE_MS = 2_000;

/** Where to listen. Host unset: loopback. Port undefined: a free one. */
export interface Binding {
  readonly host?: string;
  readonly port: number | undefined;
}

/** Starts the web server. */
export async function startServer(options: ServerDeps & Binding): Promise<RunningServer> {
  let port = options.port ?? 0;
  const app = createServerApp(options, () => port);
  const server = listen({ ...options, port }, { what: "the web page", variable: "STREAM_WEB_PORT" }, app);
  port = server.port;
  return server;
}

/** Starts the small server of a stage, which answers nothing but `/healthz`, `/readyz` and `/metrics`. */
export async function startProbeServer(options: Probes & Binding): Promise<RunningServer> {
  const app = new Hono();
  mountProbes(app, options);
  return listen(options, { what: "health checks", variable: "STREAM_HEALTH_PORT" }, app);
}

/** Addresses that mean all of a machine's; one asks them on loopback. */
const ALL_ADDRESSES = ["0.0.0.0", "::"];

/** `http://host:port`, as this machine itself reaches it. */
function urlOf(host: string, port: number): string {
  const name = ALL_ADDRESSES.includes(host) ? "127.0.0.1" : host;
  return `http://${name.includes(":") ? `[${name}]` : name}:${port}`;
}

function listen(
  { host = "127.0.0.1", port = 0 }: Binding,
  { what, variable }: { what: string; variable: string },
  app: Hono,
): RunningServer & { readonly port: number } {
  try {
    const server = Bun.serve({
      hostname: host,
      port,
      fetch: (request) => app.fetch(request),
      // A little above our own limit, so that it is our answer that a client gets.
      maxRequestBodySize: 2 * MAX_BODY_BYTES,
      idleTimeout: 30,
    });
    return {
      url: urlOf(host, server.port ?? port),
      port: server.port ?? port,
      async close() {
        const late = new Promise((resolve) => setTimeout(resolve, CLOSE_MS).unref());
        await Promise.race([server.stop(), late]);
        await server.stop(true);
      },
    };
  } catch (error) {
    const code = (error as { code?: string }).code;
    const options = { cause: error };
    if (code === "EADDRINUSE") {
      throw new UserError(`port ${port} for ${what} is taken: free it, or set ${variable} to another`, 1, options);
    }
    if (code === "EADDRNOTAVAIL") {
      throw new UserError(`${host} is no address of this machine: set STREAM_WEB_HOST to one that is`, 1, options);
    }
    throw error;
  }
}
