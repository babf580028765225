import { UserError } from "../engine/errors.ts";
import { createServerApp } from "./app.ts";
import { MAX_BODY_BYTES } from "./body.ts";
import type { ServerDeps } from "./deps.ts";

export interface RunningServer {
  /** `http://127.0.0.1:<port>` */
  readonly url: string;
  /** Takes no further request and waits for those under way, a moment at most. */
  close(): Promise<void>;
}

const CLOSE_MS = 2_000;

/** Starts the web server, on loopback only. Port undefined: a free one. */
export async function startServer(options: ServerDeps & { readonly port: number | undefined }): Promise<RunningServer> {
  let port = options.port ?? 0;
  const app = createServerApp(options, () => port);
  const server = listen(port, (request) => app.fetch(request));
  port = server.port ?? port;
  return {
    url: `http://127.0.0.1:${port}`,
    async close() {
      const late = new Promise((resolve) => setTimeout(resolve, CLOSE_MS).unref());
      await Promise.race([server.stop(), late]);
      await server.stop(true);
    },
  };
}

function listen(port: number, fetch: (request: Request) => Response | Promise<Response>) {
  try {
    // A little above our own limit, so that it is our answer that a client gets.
    return Bun.serve({ hostname: "127.0.0.1", port, fetch, maxRequestBodySize: 2 * MAX_BODY_BYTES, idleTimeout: 30 });
  } catch (error) {
    if ((error as { code?: string }).code !== "EADDRINUSE") throw error;
    throw new UserError(`port ${port} for the web page is taken: free it, or set STREAM_WEB_PORT to another`, 1, {
      cause: error,
    });
  }
}
