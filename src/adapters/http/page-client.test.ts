import { describe, expect, test } from "bun:test";
import type { RequestListener } from "node:http";
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from "node:zlib";
import { RetryableError, RetryLaterError, TerminalError } from "../../engine/errors.ts";
import { silentLogger } from "../../engine/logger.ts";
import type { PageLimits } from "./limits.ts";
import { type Loopback, serveHttp, serveTcp } from "./loopback.testing.ts";
import { createPageClient } from "./page-client.ts";

const HTML = "<!doctype html><title>A page</title><p>Hello</p>";
const never = new AbortController().signal;

function get(server: Loopback, path: string, limits: Partial<PageLimits> = {}, signal = never, scheme = "http") {
  const client = createPageClient({ allowHosts: [server.host], limits, log: silentLogger });
  return client.get(`${scheme}://${server.host}${path}`, { signal });
}

/** Fails unless the promise rejects with this kind of error and class; gives the error back. */
async function rejection(promise: Promise<unknown>, kind: new (...args: never[]) => Error, errorClass: string) {
  const error = await promise.then(
    () => new Error("resolved"),
    (reason) => reason,
  );
  expect(error).toBeInstanceOf(kind);
  expect(error.errorClass).toBe(errorClass);
  return error;
}

const html = (body: Uint8Array | string, headers: Record<string, string> = {}): RequestListener => {
  return (_request, response) => response.writeHead(200, { "content-type": "text/html", ...headers }).end(body);
};

describe("a page that answers", () => {
  test("comes with its type, its bytes and its address", async () => {
    await using server = await serveHttp(html(HTML, { "content-type": "text/html; charset=utf-8" }));
    const page = await get(server, "/a?b=c#d");
    expect(page.finalUrl).toBe(`http://${server.host}/a?b=c`);
    expect(page.contentType).toBe("text/html; charset=utf-8");
    expect(Buffer.from(page.body).toString()).toBe(HTML);
  });

  test("says who asks, and sends no credentials", async () => {
    let headers: Record<string, unknown> = {};
    await using server = await serveHttp((request, response) => {
      headers = request.headers;
      html(HTML)(request, response);
    });
    await get(server, "/");
    expect(headers["user-agent"]).toContain("stream-agents");
    expect(headers.host).toBe(server.host);
    expect(Object.keys(headers)).not.toContainAnyValues(["cookie", "authorization", "referer"]);
  });

  const packings: [string, (text: string) => Buffer][] = [
    ["gzip", gzipSync],
    ["deflate", deflateSync],
    ["deflate", deflateRawSync],
    ["br", brotliCompressSync],
  ];
  test.each(packings)("is unpacked: %s", async (encoding, pack) => {
    await using server = await serveHttp(html(pack(HTML), { "content-encoding": encoding }));
    expect(Buffer.from((await get(server, "/")).body).toString()).toBe(HTML);
  });

  test("may be empty", async () => {
    await using server = await serveHttp((_request, response) => response.writeHead(200).end());
    const page = await get(server, "/");
    expect([page.contentType, page.body.length]).toEqual(["text/plain", 0]);
  });

  test("is known by its opening when it does not say what it is", async () => {
    await using server = await serveHttp((_request, response) => response.writeHead(200).end(HTML));
    expect((await get(server, "/")).contentType).toBe("text/html");
  });
});

describe("redirects", () => {
  const redirects: RequestListener = (request, response) => {
    const hops = Number(request.url?.slice(1));
    if (hops === 0) html(HTML)(request, response);
    else response.writeHead(302, { location: `/${hops - 1}` }).end();
  };

  test("are followed five times, no more", async () => {
    await using server = await serveHttp(redirects);
    expect((await get(server, "/5")).finalUrl).toBe(`http://${server.host}/0`);
    await rejection(get(server, "/6"), TerminalError, "too_many_redirects");
  });

  test.each([
    ["http://localhost/", "blocked_address"],
    ["http://127.0.0.1/", "blocked_address"],
    ["http://169.254.169.254/latest/meta-data/", "blocked_address"],
    ["file:///etc/passwd", "bad_url"],
    ["http://user:secret@127.0.0.1/", "bad_url"],
    ["http://[", "bad_url"],
  ])("to %s are refused", async (location, errorClass) => {
    await using server = await serveHttp((_request, response) => response.writeHead(301, { location }).end());
    await rejection(get(server, "/"), TerminalError, errorClass);
  });

  test("to another port of an opened host are refused, without a connection", async () => {
    await using other = await serveTcp();
    const location = `http://${other.host}/`;
    await using server = await serveHttp((_request, response) => response.writeHead(302, { location }).end());
    await rejection(get(server, "/"), TerminalError, "blocked_address");
    expect(other.connections()).toBe(0);
  });
});

describe("one client", () => {
  test("asks a host for one page at a time, and goes on after a failure", async () => {
    let open = 0;
    let most = 0;
    await using server = await serveHttp((request, response) => {
      most = Math.max(most, ++open);
      setImmediate(() => {
        open -= 1;
        if (request.url === "/gone") response.writeHead(404).end();
        else html(HTML)(request, response);
      });
    });
    const client = createPageClient({ allowHosts: [server.host], log: silentLogger });
    const paths = ["/a", "/gone", "/b", "/gone", "/c"];
    const asked = paths.map((path) => client.get(`http://${server.host}${path}`, { signal: never }));
    const outcomes = (await Promise.allSettled(asked)).map(({ status }) => status);
    expect(outcomes).toEqual(["fulfilled", "rejected", "fulfilled", "rejected", "fulfilled"]);
    expect(most).toBe(1);
  });
});

describe("a page that is not there", () => {
  test("404 is final and says so in words", async () => {
    await using server = await serveHttp((_request, response) => response.writeHead(404).end());
    const error = await rejection(get(server, "/"), TerminalError, "http_4xx");
    expect(error.message).toBe("the page answered 404 Not Found");
  });

  test("429 and 503 with Retry-After wait that long", async () => {
    await using server = await serveHttp((request, response) =>
      response.writeHead(Number(request.url?.slice(1)), { "retry-after": "120" }).end(),
    );
    for (const path of ["/429", "/503"]) {
      const error = await rejection(get(server, path), RetryLaterError, "rate_limited");
      expect(error.afterMs).toBe(120_000);
    }
  });

  test("a refused connection may be tried again", async () => {
    const server = await serveTcp();
    await server[Symbol.asyncDispose]();
    await rejection(get(server, "/"), RetryableError, "connect");
  });

  test("a body that breaks off may be tried again", async () => {
    await using server = await serveTcp((socket) =>
      socket.once("data", () =>
        socket.end("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 99\r\n\r\nabc"),
      ),
    );
    await rejection(get(server, "/"), RetryableError, "connect");
  });

  test("a few interim answers are waited out, and an endless row of them is not", async () => {
    const interim = "HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n";
    const answering = (times: number) =>
      serveTcp((socket) =>
        socket.once("data", () =>
          socket.write(`${interim.repeat(times)}HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi`),
        ),
      );
    await using some = await answering(5);
    expect(Buffer.from((await get(some, "/")).body).toString()).toBe("hi");
    await using endless = await answering(1_000);
    await rejection(get(endless, "/"), RetryableError, "connect");
  });

  test("what is no HTTP may be tried again", async () => {
    await using server = await serveTcp((socket) => socket.once("data", () => socket.end("220 mail ready\r\n\r\n")));
    await rejection(get(server, "/"), RetryableError, "connect");
  });
});

describe("deadlines", () => {
  const silent: RequestListener = () => {};

  test("headers that do not come", async () => {
    await using server = await serveHttp(silent);
    const error = await rejection(get(server, "/", { headersMs: 100 }), RetryableError, "timeout");
    expect(error.message).toBe("127.0.0.1 did not answer within 100 ms");
  });

  test("a secure connection that does not come about", async () => {
    await using server = await serveTcp();
    await rejection(get(server, "/", { connectMs: 100 }, never, "https"), RetryableError, "timeout");
  });

  test("a look-up that does not end", async () => {
    const lookup = () => Promise.withResolvers<never>().promise;
    const client = createPageClient({ allowHosts: [], limits: { connectMs: 50 }, lookup, log: silentLogger });
    await rejection(client.get("http://slow.test/", { signal: never }), RetryableError, "timeout");
  });

  const dripping: RequestListener = (_request, response) => {
    response.writeHead(200, { "content-type": "text/html" });
    const timer = setInterval(() => response.write("x"), 20);
    response.on("close", () => clearInterval(timer));
  };

  test("a body that takes too long in all", async () => {
    await using server = await serveHttp(dripping);
    const error = await rejection(get(server, "/", { totalMs: 200 }), RetryableError, "timeout");
    expect(error.message).toBe("the page was not complete within 200 ms");
  });

  test("a body that trickles", async () => {
    await using server = await serveHttp(dripping);
    const error = await rejection(get(server, "/", { rateWindowMs: 100 }), RetryableError, "timeout");
    expect(error.message).toContain("less than 1000 bytes");
  });

  test("the caller's signal ends it wherever it is, and closes the connection", async () => {
    for (const listener of [silent, dripping]) {
      const closed = Promise.withResolvers<void>();
      const arrived = Promise.withResolvers<void>();
      await using server = await serveHttp((request, response) => {
        response.on("close", closed.resolve);
        listener(request, response);
        arrived.resolve();
      });
      const controller = new AbortController();
      const page = get(server, "/", {}, controller.signal);
      page.catch(() => {});
      await arrived.promise;
      controller.abort(new Error("draining"));
      await expect(page).rejects.toThrow("draining");
      await closed.promise;
    }
  });
});

describe("caps", () => {
  test("an endless body stops at the cap", async () => {
    const closed = Promise.withResolvers<void>();
    await using server = await serveHttp((_request, response) => {
      response.writeHead(200, { "content-type": "text/html" });
      const pour = () => {
        while (response.write(Buffer.alloc(65_536, "x")));
      };
      response.on("drain", pour).on("close", closed.resolve);
      pour();
    });
    await rejection(get(server, "/"), TerminalError, "too_large");
    await closed.promise;
  });

  test("a body that announces too much is not read", async () => {
    await using server = await serveHttp((_request, response) => {
      response.writeHead(200, { "content-type": "text/html", "content-length": "5000001" }).write("x");
    });
    await rejection(get(server, "/"), TerminalError, "too_large");
  });

  test("a bomb stops at the cap once unpacked", async () => {
    const bomb = gzipSync(Buffer.alloc(300_000_000));
    await using server = await serveHttp(html(bomb, { "content-encoding": "gzip" }));
    const before = process.memoryUsage.rss();
    await rejection(get(server, "/"), TerminalError, "too_large");
    expect(process.memoryUsage.rss() - before).toBeLessThan(150_000_000);
  });

  test("damaged and unknown packings are told apart", async () => {
    await using damaged = await serveHttp(html("no gzip at all", { "content-encoding": "gzip" }));
    await rejection(get(damaged, "/"), RetryableError, "parse");
    await using unknown = await serveHttp(html("?", { "content-encoding": "zstd" }));
    await rejection(get(unknown, "/"), TerminalError, "unsupported_type");
  });

  test.each([
    ["application/pdf", "%PDF-1.7"],
    ["image/png", "\x89PNG"],
    ["text/html", "%PDF-1.7 under a false label"],
  ])("%s: a type nobody can read is refused", async (type, body) => {
    await using server = await serveHttp(html(Buffer.from(body, "latin1"), { "content-type": type }));
    await rejection(get(server, "/"), TerminalError, "unsupported_type");
  });
});
