import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

/** A site on loopback whose pages behave as their path says, and which counts what was asked of it. */
export interface TestPages extends AsyncDisposable {
  readonly origin: string;
  readonly host: string;
  /** Requests so far, by path. */
  readonly requests: Map<string, number>;
  /** From now on what was `/ill` is well. */
  mend(): void;
}

/**
 * `/ok/...` is an article, `/big/...` one of 5 MB of CJK text, `/404/...` is not there, `/503/...` always fails, `/once/...` only the first time, and
 * `/ill/...` is not there until mended; all after `delayMs`.
 */
export async function servePages({ delayMs = 0 } = {}): Promise<TestPages> {
  const requests = new Map<string, number>();
  let ill = true;
  const server = createServer((request, response) => {
    const path = request.url ?? "/";
    requests.set(path, (requests.get(path) ?? 0) + 1);
    const status = ill && path.startsWith("/ill") ? 404 : statusOf(path, requests.get(path) ?? 1);
    setTimeout(() => {
      response.writeHead(status, { "content-type": "text/html; charset=utf-8" });
      response.end(status === 200 ? pageAt(path) : `<h1>${status}</h1>`);
    }, delayMs);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    origin: `http://${host}`,
    host,
    requests,
    mend() {
      ill = false;
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function statusOf(path: string, times: number): number {
  if (path.startsWith("/404")) return 404;
  return path.startsWith("/503") || (path.startsWith("/once") && times === 1) ? 503 : 200;
}

/** As much as the fetcher takes. */
const BIG_BYTES = 5_000_000;

function pageAt(path: string): string {
  if (!path.startsWith("/big")) return article(path);
  const paragraph = `<p>${"\u6F22\u5B57".repeat(500)}</p>`;
  return article(path, paragraph, Math.floor(BIG_BYTES / Buffer.byteLength(paragraph)) - 1);
}

const SENTENCE = "<p>A ledger remembers what happened, and a log carries it to whoever wants to know.</p>";

function article(path: string, paragraph = SENTENCE, times = 8): string {
  return `<!doctype html><html lang="en"><head><title>Article ${path}</title><meta name="keywords" content="ledger, log">
</head><body><article><h1>Article ${path}</h1>${paragraph.repeat(times)}</article></body></html>`;
}
