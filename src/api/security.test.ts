import { expect, test } from "bun:test";
import { EnvironmentError } from "../engine/errors.ts";
import { PORT, testWeb } from "./testing.ts";

const OWN = `http://127.0.0.1:${PORT}`;
const FORM = { "content-type": "application/x-www-form-urlencoded" };
const form = (headers: Record<string, string>) => ({
  method: "POST",
  headers: { ...FORM, ...headers },
  body: "url=https%3A%2F%2Fexample.com%2F",
});

test("given any page, when answered, then nothing from elsewhere may run, be framed or be guessed", async () => {
  const { headers } = await testWeb().request("/");
  const policy = headers.get("content-security-policy") ?? "";
  expect(policy).toStartWith("default-src 'none'; script-src 'self'; style-src 'self'");
  expect(policy).toContain("frame-ancestors 'none'");
  expect(policy).not.toContain("unsafe");
  expect(headers.get("x-content-type-options")).toBe("nosniff");
  expect(headers.get("referrer-policy")).toBe("same-origin");
});

test("given pages, when rendered, then no script, style or handler stands inline", async () => {
  for (const path of ["/", "/status"]) {
    const text = await (await testWeb().request(path)).text();
    expect(text).not.toMatch(/<script(?![^>]*\ssrc=)|<style|\sstyle=|\son\w+=/i);
  }
});

test.each([
  "evil.example.com",
  `evil.example.com:${PORT}`,
  "127.0.0.1:1",
  "127.0.0.1",
  "",
  `127.0.0.1:${PORT}.evil.com`,
])("given the host %p, when asked, then nothing is told", async (host) => {
  for (const path of ["/", "/status", "/api/status", "/healthz"]) {
    const response = await testWeb().request(path, { headers: { host, authorization: "Bearer admin" } });
    expect(response.status).toBe(421);
  }
});

test.each([`localhost:${PORT}`, `127.0.0.1:${PORT}`, `[::1]:${PORT}`, `LOCALHOST:${PORT}`])(
  "given the host %p, when asked, then it answers",
  async (host) => {
    expect((await testWeb().request("/", { headers: { host } })).status).toBe(200);
  },
);

test.each([
  {},
  { origin: "https://evil.example.com" },
  { origin: "null" },
  { origin: "http://127.0.0.1:1" },
  { origin: OWN, "sec-fetch-site": "cross-site" },
  { origin: OWN, "sec-fetch-site": "same-site" },
  { "sec-fetch-site": "same-origin" },
])("given a form from %p, when sent, then it is refused", async (headers) => {
  const web = testWeb();
  expect((await web.request("/links", form(headers))).status).toBe(403);
  expect(web.ledger.size).toBe(0);
});

test("given a form of our own page, when sent, then the link is added and the browser sent on", async () => {
  const web = testWeb();
  const response = await web.request("/links", form({ origin: OWN, "sec-fetch-site": "same-origin" }));
  expect(response.status).toBe(303);
  expect(response.headers.get("location")).toBe("/?added=link%3A0f115db062b7c0dd");
  expect([...web.ledger.values()]).toMatchObject([
    { type: "link.added", source: "web", subjectId: "link:0f115db062b7c0dd" },
  ]);
});

test("given a form with another type of body, when sent from our page, then it is refused", async () => {
  const request = { ...form({ origin: OWN }), headers: { origin: OWN, "content-type": "text/plain" } };
  expect((await testWeb().request("/links", request)).status).toBe(415);
});

test("given hostile text in the form, when refused, then it comes back as text", async () => {
  const hostile = `"><script>alert(1)</script>`;
  const request = { ...form({ origin: OWN }), body: new URLSearchParams({ url: hostile }).toString() };
  const response = await testWeb().request("/links", request);
  expect(response.status).toBe(422);
  const text = await response.text();
  expect(text).not.toContain("<script>alert");
  expect(text).toContain('value="&quot;&gt;&lt;script&gt;');
});

test("given an origin that is configured, when it asks first, then it may send its token", async () => {
  const headers = { origin: "https://app.example.com", "access-control-request-method": "POST" };
  const response = await testWeb().request("/api/links", { method: "OPTIONS", headers });
  expect(response.status).toBe(204);
  expect(response.headers.get("access-control-allow-origin")).toBe("https://app.example.com");
  expect(response.headers.get("access-control-allow-headers")).toContain("Authorization");
});

test.each(["https://evil.example.com", "https://app.example.com.evil.com", "http://app.example.com", "null"])(
  "given the origin %p, when it asks, then it gets nothing, token or not",
  async (origin) => {
    for (const method of ["OPTIONS", "POST", "GET"]) {
      const headers = { origin, authorization: "Bearer admin", "content-type": "application/json" };
      const init = method === "POST" ? { body: `{"url":"https://example.com"}` } : {};
      const web = testWeb();
      const response = await web.request("/api/links", { method, headers, ...init });
      expect(response.status).toBe(403);
      expect(response.headers.get("access-control-allow-origin")).toBeNull();
      expect(web.ledger.size).toBe(0);
    }
  },
);

test("given Postgres is away, when a page or an endpoint is asked, then it says so without its inside", async () => {
  const down = async () => {
    throw new EnvironmentError("Postgres cannot be reached: connect ECONNREFUSED 10.0.0.5:5432");
  };
  const web = testWeb({ reads: { read: down, history: down }, health: down });
  for (const path of ["/", "/status"]) {
    const response = await web.request(path, { headers: { accept: "text/html" } });
    expect(response.status).toBe(503);
    expect(await response.text()).not.toContain("10.0.0.5");
  }
  const answer = await web.request("/api/status", { headers: { authorization: "Bearer read" } });
  expect([answer.status, answer.headers.get("content-type")]).toEqual([503, "application/problem+json"]);
});

test("given an unexpected error, when a request fails, then only the log learns why", async () => {
  const broken = async () => {
    throw new Error("secret inside");
  };
  const response = await testWeb({ health: broken }).request("/status", { headers: { accept: "text/html" } });
  expect(response.status).toBe(500);
  expect(await response.text()).not.toContain("secret inside");
});

test("given a page that did not change, when asked again with its tag, then it is not sent again", async () => {
  const web = testWeb();
  const first = await web.request("/status");
  const again = await web.request("/status", { headers: { "if-none-match": first.headers.get("etag") ?? "" } });
  expect([again.status, await again.text()]).toEqual([304, ""]);
});
