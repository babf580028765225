/** Every route of the web server against requests that come from somewhere else than they should. */
import { describe, expect, test } from "bun:test";
import { NO_FAILURES, PORT, testWeb } from "../../src/api/testing.ts";
import type { Sql } from "../../src/engine/store.ts";
import type { Reads } from "../../src/engine/web/types.ts";

const OWN = `http://127.0.0.1:${PORT}`;
const FORM = "application/x-www-form-urlencoded";
const ID = "018f4e3a-0000-7000-8000-000000000001";
/** Every link is listed at once, so that the form waits for no pipeline. */
const read: Reads["read"] = async (query) => (await query((() => []) as unknown as Sql)) ?? ({} as never);

/** A server that remembers whether anything was changed, in the ledger or at the failure desk. */
function watchedWeb() {
  let acts = 0;
  const act = async (_: unknown, __: unknown, { dryRun = false } = {}) => {
    if (!dryRun) acts += 1;
    return { work: 1, records: 0, outlooks: [], already: 0, unchanged: [], skipped: [], left: 0 };
  };
  const failures = { ...NO_FAILURES, redrive: act, discard: act };
  const web = testWeb({ failures, reads: { read, history: async () => null }, metrics: async () => "up 1\n" });
  return { ...web, changes: () => web.ledger.size + acts };
}

type Web = ReturnType<typeof watchedWeb>;
type Route = readonly [method: string, path: string];

const routes = [
  ...new Map(testWeb({ metrics: async () => "" }).routes.map((r) => [`${r.method} ${r.path}`, r])).values(),
];
const isApi = ({ path }: { path: string }) => path.startsWith("/api/");
const reads = routes.filter(({ method }) => method === "GET");
const forms = routes.filter((route) => route.method !== "GET" && !isApi(route));
const api = routes.filter(isApi);
const named = (list: typeof routes) =>
  list.map(({ method, path }): [name: string, route: Route] => [`${method} ${path}`, [method, path]]);

const filled = (path: string) => path.replace(/:\w+/g, "link:0f115db062b7c0dd").replace("*", "index.html");

/** A body with which each route that writes would do its work. */
const FIELDS = new URLSearchParams({ url: "https://example.com/", id: ID, reason: "because" }).toString();
const EVENT = { event_type: "temp.reading_recorded", subject_id: "sensor:attic", payload: { celsius: 3 } };
const JSON_OF: Readonly<Record<string, unknown>> = {
  "/api/links": { url: "https://example.com/" },
  "/api/events": EVENT,
};

function send(web: Web, [method, path]: Route, headers: Record<string, string> = {}) {
  const type = isApi({ path }) ? "application/json" : FORM;
  const body = isApi({ path }) ? JSON.stringify(JSON_OF[path] ?? {}) : FIELDS;
  const init = method === "GET" ? { headers } : { headers: { "content-type": type, ...headers }, body };
  return web.request(filled(path), { method, ...init });
}

test("given the router's own list, when routes are sorted, then each is a read, a form or an endpoint", () => {
  expect(routes.every(({ method }) => method === "GET" || method === "POST")).toBe(true);
  expect(forms.length).toBeGreaterThanOrEqual(3);
  expect(api.length).toBeGreaterThanOrEqual(4);
  expect(reads.length).toBeGreaterThanOrEqual(12);
});

describe("names that are not this server's", () => {
  const NAMES = [
    "",
    "evil.example.com",
    `evil.example.com:${PORT}`,
    `127.0.0.1.evil.example.com:${PORT}`,
    `localhost.evil.example.com:${PORT}`,
    `localhost.:${PORT}`,
    "127.0.0.1",
    "127.0.0.1:1",
    `2130706433:${PORT}`,
    `0.0.0.0:${PORT}`,
    `[::]:${PORT}`,
    `127.0.0.1:${PORT}@evil.example.com`,
    `127.0.0.1:${PORT}, evil.example.com`,
  ];

  test.each(named(routes))(
    "given %s under each of them, when asked, then nothing is told or done",
    async (_, route) => {
      for (const host of NAMES) {
        const web = watchedWeb();
        const answer = await send(web, route, { host, origin: `http://${host}`, authorization: "Bearer admin" });
        expect([host, answer.status, web.changes()]).toEqual([host, 421, 0]);
      }
    },
  );

  test("given the name in other headers, when asked under ours, then they are not believed", async () => {
    const elsewhere = { "x-forwarded-host": "evil.example.com", forwarded: "host=evil.example.com" };
    const answer = await watchedWeb().request("/site", { headers: elsewhere });
    expect([answer.status, answer.headers.get("location")]).toEqual([301, "/site/"]);
    const disguised = await watchedWeb().request("/", {
      headers: { host: "evil.example.com", "x-forwarded-host": `127.0.0.1:${PORT}` },
    });
    expect(disguised.status).toBe(421);
  });
});

describe("forms from elsewhere", () => {
  const ORIGINS: Record<string, string>[] = [
    {},
    { origin: "null" },
    { origin: "" },
    { origin: "https://evil.example.com" },
    { origin: "http://127.0.0.1" },
    { origin: "http://127.0.0.1:1" },
    { origin: `http://localhost:${PORT}` },
    { origin: `${OWN}.evil.example.com` },
    { origin: `${OWN}/` },
    { origin: `ftp://127.0.0.1:${PORT}` },
    { origin: `${OWN}, https://evil.example.com` },
    { origin: "https://app.example.com" }, // May use the API, and that is all.
    { referer: `${OWN}/` },
    { "sec-fetch-site": "same-origin" },
    { origin: OWN, "sec-fetch-site": "cross-site" },
    { origin: OWN, "sec-fetch-site": "same-site" },
    { origin: OWN, "sec-fetch-site": "none" },
    { authorization: "Bearer admin" },
  ];

  test.each(named(forms))("given %s, when sent by anybody but our own page, then it does nothing", async (_, route) => {
    for (const headers of ORIGINS) {
      const web = watchedWeb();
      expect([headers, (await send(web, route, headers)).status, web.changes()]).toEqual([headers, 403, 0]);
    }
    const ours = watchedWeb();
    const answer = await send(ours, route, { origin: OWN, "sec-fetch-site": "same-origin" });
    expect([answer.status, ours.changes()]).toEqual([303, 1]);
  });

  /** Types that a page elsewhere can send without asking first, and odd ones. */
  const TYPES = [
    "text/plain",
    "multipart/form-data; boundary=x",
    "application/json",
    "application/xml",
    `x${FORM}`,
    "",
  ];

  test.each(named(forms))("given %s with another type of body, when sent, then it is refused", async (_, route) => {
    for (const type of TYPES) {
      const web = watchedWeb();
      const answer = await send(web, route, { origin: OWN, "content-type": type });
      expect([type, answer.status, web.changes()]).toEqual([type, 415, 0]);
    }
  });
});

describe("reads", () => {
  test.each(named(reads))("given %s, when asked to write after all, then nothing is changed", async (_, [, path]) => {
    for (const method of ["GET", "HEAD", "OPTIONS", "PUT", "PATCH", "DELETE", "TRACE"]) {
      const web = watchedWeb();
      const override = { "x-http-method-override": "POST", "x-http-method": "POST", "x-method-override": "POST" };
      const headers = { ...override, origin: OWN, authorization: "Bearer admin" };
      const answer = await web.request(`${filled(path)}?_method=POST&${FIELDS}`, { method, headers });
      expect([method, answer.status < 500, web.changes()]).toEqual([method, true, 0]);
    }
  });
});

describe("tokens", () => {
  /** Whoever writes needs `capture`, whoever reads `read`; `admin` may both. */
  const neededFor = (method: string) => (method === "GET" ? "read" : "capture");

  test.each(named(api))(
    "given %s, when sent with each kind of token, then only those that may get in",
    async (_, route) => {
      for (const scope of ["capture", "read", "admin"]) {
        const web = watchedWeb();
        const answer = await send(web, route, { authorization: `Bearer ${scope}` });
        const may = scope === "admin" || scope === neededFor(route[0]);
        expect([scope, answer.status !== 403]).toEqual([scope, may]);
        if (!may) expect(web.changes()).toBe(0);
        expect(answer.status).not.toBe(401);
      }
    },
  );

  const NONE: Record<string, string>[] = [
    {},
    { authorization: "" },
    { authorization: "Bearer" },
    { authorization: "Bearer " },
    { authorization: "admin" },
    { authorization: "Basic YWRtaW46YWRtaW4=" },
    { authorization: "Bearer ADMIN" },
    { authorization: "Bearer unknown" },
    { authorization: "Bearer admin, Bearer read" },
    { cookie: "token=admin; authorization=Bearer admin" },
    { "x-api-key": "admin" },
    { origin: OWN, "sec-fetch-site": "same-origin" }, // Our own page is no token.
  ];

  test.each(named(api))("given %s, when sent without a token that is known, then nobody gets in", async (_, route) => {
    for (const headers of NONE) {
      const web = watchedWeb();
      const answer = await send(web, route, headers);
      expect([headers, answer.status, web.changes()]).toEqual([headers, 401, 0]);
      expect(answer.headers.get("www-authenticate")).toStartWith("Bearer");
    }
    const [method, path] = route;
    const web = watchedWeb();
    const inAddress = await web.request(`${filled(path)}?access_token=admin&token=admin`, { method });
    expect([inAddress.status, web.changes()]).toEqual([401, 0]);
  });

  test.each(named(api))("given %s from a page elsewhere, when it has a token, then still nothing", async (_, route) => {
    for (const origin of ["null", "https://evil.example.com", `http://localhost:${PORT}`]) {
      const web = watchedWeb();
      const answer = await send(web, route, { origin, authorization: "Bearer admin" });
      expect([origin, answer.status, web.changes()]).toEqual([origin, 403, 0]);
      expect(answer.headers.get("access-control-allow-origin")).toBeNull();
    }
  });

  test.each(named(api.filter(({ method }) => method === "POST")))(
    "given %s with JSON under another type, when sent, then it is refused",
    async (_, route) => {
      for (const type of ["text/plain", FORM, "multipart/form-data", "text/json", "application/json-seq", ""]) {
        const web = watchedWeb();
        const answer = await send(web, route, { authorization: "Bearer admin", "content-type": type });
        expect([type, answer.status, web.changes()]).toEqual([type, 415, 0]);
      }
    },
  );
});

describe("every answer", () => {
  test.each(named(routes))(
    "given %s, when answered, then it forbids what a page could be made to do",
    async (_, route) => {
      for (const headers of [{}, { origin: OWN }, { authorization: "Bearer admin" }, { accept: "text/html" }]) {
        const { headers: said } = await send(watchedWeb(), route, headers as Record<string, string>);
        expect(said.get("content-security-policy")).toContain("default-src 'none'");
        expect(said.get("content-security-policy")).not.toMatch(/unsafe|\*|https?:|data:/);
        expect(said.get("x-content-type-options")).toBe("nosniff");
        expect(said.get("x-frame-options")).toBe("DENY");
        expect(said.get("cross-origin-resource-policy")).toBe("same-origin");
        // There is no session: nothing that a browser would send along by itself, so SameSite has nothing to protect.
        expect(said.get("set-cookie")).toBeNull();
        expect(said.get("access-control-allow-origin")).toBeNull();
      }
    },
  );
});
