/** The web server on its port against bytes that no browser and no proper client would send. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Hono } from "hono";
import { MAX_BODY_BYTES, readText } from "../../src/api/body.ts";
import { type Problem, problemResponse } from "../../src/api/problems.ts";
import { type RunningServer, startServer } from "../../src/api/server.ts";
import { testDeps } from "../../src/api/testing.ts";
import type { StoredEvent } from "../../src/engine/event.ts";

const SECRET = "canary-outside-of-the-site";
const TEST_MS = 20_000;
const CROWD = 200;

let home: string;
let server: RunningServer;
const ledger = new Map<string, StoredEvent>();
const port = () => Number(new URL(server.url).port);

beforeAll(async () => {
  home = mkdtempSync(join(tmpdir(), "stream-wire-"));
  writeFileSync(join(home, "secret.txt"), SECRET);
  mkdirSync(join(home, "site"));
  writeFileSync(join(home, "site", "index.html"), "the site");
  server = await startServer({ ...testDeps(ledger), siteDirectory: join(home, "site"), port: undefined });
});
afterAll(async () => {
  await server.close();
  rmSync(home, { recursive: true });
});

function open(to = port()): Socket {
  return connect(to, "127.0.0.1").on("error", () => {});
}

/** All that comes back for these bytes until the server closes, or has answered once and `quietMs` passed. */
async function exchange(bytes: string, { to = port(), quietMs = 300 } = {}): Promise<string> {
  const socket = open(to);
  socket.write(bytes);
  let text = "";
  await new Promise<void>((resolve) => {
    let quiet: ReturnType<typeof setTimeout> | undefined;
    socket.on("data", (chunk) => {
      text += chunk;
      clearTimeout(quiet);
      quiet = setTimeout(resolve, quietMs);
    });
    socket.on("close", () => resolve());
  });
  socket.destroy();
  return text;
}

const statuses = (text: string) => [...text.matchAll(/^HTTP\/1\.1 (\d{3})/gm)].map(([, status]) => Number(status));
const head = (line: string, ...headers: string[]) => [line, "Connection: close", ...headers, "", ""].join("\r\n");
const own = () => `Host: 127.0.0.1:${port()}`;
const TOKEN = "Authorization: Bearer admin";
const JSON_TYPE = "Content-Type: application/json";

async function answersOthers(): Promise<boolean> {
  return (await fetch(`${server.url}/healthz`)).status === 200;
}

describe("host", () => {
  test.each([
    ["none, as HTTP/1.0 allows", () => head("GET /status HTTP/1.0")],
    ["none", () => head("GET /status HTTP/1.1")],
    ["another one", () => head("GET /status HTTP/1.1", "Host: evil.example.com")],
    ["two, the first another one", () => head("GET /status HTTP/1.1", "Host: evil.example.com", own())],
    ["two, the second another one", () => head("GET /status HTTP/1.1", own(), "Host: evil.example.com")],
    [
      "another one in an absolute target",
      () => head("GET http://evil.example.com/status HTTP/1.1", "Host: evil.example.com"),
    ],
  ])("given %s, when asked, then no page comes back", async (_, bytes) => {
    const text = await exchange(bytes());
    expect(statuses(text)).not.toContain(200);
    expect(text).not.toContain("<title>");
  });
});

describe("paths", () => {
  test("given the site's own page, when asked for, then it comes", async () => {
    expect(await exchange(head("GET /site/ HTTP/1.1", own()))).toEndWith("the site");
  });

  test.each([
    "/site/../secret.txt",
    "/site/../../../../../../etc/passwd",
    "/site/%2e%2e/secret.txt",
    "/site/..%2fsecret.txt",
    "/site/..%252fsecret.txt",
    "/site/..%c0%afsecret.txt",
    "/site/..\\secret.txt",
    "/site/%2e%2e%5csecret.txt",
    "/site//etc/passwd",
    "/site/./../secret.txt",
    "/site/secret.txt%00.html",
    "/site/file:///etc/passwd",
    "/assets/../secret.txt",
    "http://127.0.0.1/site/../secret.txt",
  ])("given %s as it stands, when asked for, then nothing outside of the site is read", async (path) => {
    const text = await exchange(head(`GET ${path} HTTP/1.1`, own()));
    expect(text).not.toContain(SECRET);
    expect(text).not.toContain("root:");
    expect(statuses(text)).not.toContain(200);
  });
});

describe("bodies", () => {
  const post = (...headers: string[]) => head("POST /api/links HTTP/1.1", own(), TOKEN, JSON_TYPE, ...headers);
  const huge = "x".repeat(MAX_BODY_BYTES + 1);

  test.each([
    ["announced and sent", () => `${post(`Content-Length: ${huge.length}`)}${huge}`, 413],
    ["announced only", () => post(`Content-Length: ${MAX_BODY_BYTES * 1.5}`), 413],
    ["far more announced than any server takes", () => post("Content-Length: 99999999999"), 413],
    [
      "in chunks, unannounced",
      () => `${post("Transfer-Encoding: chunked")}${huge.length.toString(16)}\r\n${huge}\r\n0\r\n\r\n`,
      413,
    ],
    ["compressed", () => `${post("Content-Encoding: gzip", "Content-Length: 4")}abcd`, 415],
  ] as const)("given a body too big, %s, when sent, then it is refused", async (_, bytes, status) => {
    expect(statuses(await exchange(bytes()))).toEqual([status]);
    expect(await answersOthers()).toBe(true);
    expect(ledger.size).toBe(0);
  });

  test.each([
    ["two lengths", () => `${post("Content-Length: 4", "Content-Length: 50")}{} x`],
    ["a length and chunks", () => `${post("Content-Length: 4", "Transfer-Encoding: chunked")}0\r\n\r\n`],
    ["a negative length", () => post("Content-Length: -1")],
    ["a length that is no number", () => post("Content-Length: 0x10")],
    ["a chunk of nonsense", () => `${post("Transfer-Encoding: chunked")}zz\r\n{}\r\n0\r\n\r\n`],
  ])(
    "given %s with a second request behind, when sent, then the second is not answered as one's own",
    async (_, bytes) => {
      const smuggled = head("GET /api/status HTTP/1.1", own(), TOKEN, "X-Smuggled: 1");
      const text = await exchange(bytes() + smuggled);
      expect(text).not.toContain('"ledger"');
      expect(ledger.size).toBe(0);
      expect(await answersOthers()).toBe(true);
    },
  );

  test("given a body that comes a byte at a time, when its time is over, then its client is told and let go", async () => {
    const app = new Hono().post("/", async (c) => c.text(await readText(c, 100, 150)));
    app.onError((error, c) => problemResponse(c, error as Problem));
    const slow = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: (request) => app.fetch(request) });
    const socket = open(slow.port);
    socket.write(head("POST / HTTP/1.1", `Host: 127.0.0.1:${slow.port}`, "Content-Length: 90"));
    const drip = setInterval(() => socket.write("x"), 20);
    const answer = await new Promise<string>((resolve) => socket.once("data", (chunk) => resolve(String(chunk))));
    clearInterval(drip);
    socket.destroy();
    await slow.stop(true);
    expect(statuses(answer)).toEqual([408]);
  });

  test(
    "given a crowd that sends half a request each, when others ask, then they are answered",
    async () => {
      const halves = [
        `GET /status HTTP/1.1\r\n${own()}\r\nX-Never: end`,
        `${post("Content-Length: 1000")}{"url"`,
        `${post("Transfer-Encoding: chunked")}5\r\n{"ur`,
      ];
      const crowd = await Promise.all(
        Array.from({ length: CROWD }, async (_, n) => {
          const socket = open();
          await new Promise((resolve) => socket.write(halves[n % halves.length] ?? "", resolve));
          return socket;
        }),
      );
      expect(await answersOthers()).toBe(true);
      for (const socket of crowd) socket.destroy();
    },
    TEST_MS,
  );

  test(
    "given headers without an end, when sent, then the server stops to listen and answers others",
    async () => {
      const socket = open();
      const ended = new Promise<void>((resolve) => socket.once("close", () => resolve()));
      socket.write(`GET /status HTTP/1.1\r\n${own()}\r\n`);
      for (let sent = 0; sent < 4096 && !socket.destroyed; sent += 1)
        socket.write(`X-${sent}: ${"y".repeat(1000)}\r\n`);
      await ended;
      expect(await answersOthers()).toBe(true);
    },
    TEST_MS,
  );
});
