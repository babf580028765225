import { describe, expect, test } from "bun:test";
import { testWeb } from "./testing.ts";

const send = (path: string, body: unknown, headers: Record<string, string> = {}) => ({
  path,
  init: {
    method: "POST",
    headers: { authorization: "Bearer capture", "content-type": "application/json", ...headers },
    body: typeof body === "string" ? body : JSON.stringify(body),
  },
});

async function post(
  web: ReturnType<typeof testWeb>,
  path: string,
  body: unknown,
  headers: Record<string, string> = {},
) {
  const request = send(path, body, headers);
  const response = await web.request(request.path, request.init);
  return { status: response.status, headers: response.headers, body: await response.json() };
}

describe("POST /api/links", () => {
  test("given a link, when captured twice, then it is one event and both answers name it", async () => {
    const web = testWeb();
    const url = "https://example.com/x/?b=2&a=1#f";
    const answer = { success: true, subject_id: "link:43655f99fbdd3844", url_norm: "https://example.com/x/?a=1&b=2" };
    const first = await post(web, "/api/links", { url, source: "phone", visibility: "public" });
    const again = await post(web, "/api/links", { url, source: "phone", visibility: "public" });
    expect([first.status, first.body]).toEqual([201, answer]);
    expect([again.status, again.body]).toEqual([200, answer]);
    expect([...web.ledger.values()]).toMatchObject([{ source: "phone", payload: { url, visibility: "public" } }]);
  });

  test("given no source, when captured, then it is the token's name", async () => {
    const web = testWeb();
    await post(web, "/api/links", { url: "https://example.com" });
    expect([...web.ledger.values()][0]?.source).toBe("capture");
  });

  test.each([
    [{ url: "not a url" }, "no web address"],
    [{ url: "javascript:alert(1)" }, "no web address"],
    [{ url: `https://example.com/${"x".repeat(2001)}` }, "longer than 2000"],
    [{ url: "https://ada:canary@example.com/" }, "a user name or password in it"],
    [{ url: "https://token@example.com/" }, "a user name or password in it"],
    [{ url: 5 }, "url: "],
    [{}, "url: "],
    [{ url: "https://example.com", visibility: "secret" }, "visibility: "],
    [{ url: "https://example.com", colour: "red" }, "colour"],
    [[], "expected object"],
  ])("given %j, when captured, then a problem says what is wrong", async (body, detail) => {
    const web = testWeb();
    const answer = await post(web, "/api/links", body);
    expect(answer.headers.get("content-type")).toBe("application/problem+json");
    expect([answer.status, answer.body.status, answer.body.title]).toEqual([422, 422, "Unprocessable Entity"]);
    expect(answer.body.detail).toContain(detail);
    expect(web.ledger.size).toBe(0);
  });

  test.each([
    [{ authorization: "" }, 401],
    [{ authorization: "Bearer unknown" }, 401],
    [{ authorization: "Basic Y2FwdHVyZQ==" }, 401],
    [{ authorization: "Bearer read" }, 403],
    [{ "content-type": "text/plain" }, 415],
    [{ "content-encoding": "gzip" }, 415],
    [{ "content-length": "2000000" }, 413],
  ])("given the headers %j, when captured, then %d", async (headers, status) => {
    const answer = await post(
      testWeb(),
      "/api/links",
      { url: "https://example.com" },
      headers as Record<string, string>,
    );
    expect(answer.status).toBe(status);
    expect(answer.headers.has("www-authenticate")).toBe(status === 401 || status === 403);
  });

  test.each([
    ["{", 400],
    ["[".repeat(100_000), 400],
    [`{"url":"${"x".repeat(1024 * 1024)}"}`, 413],
  ])("given a body that cannot be read, when captured, then it is refused", async (body, status) => {
    expect((await post(testWeb(), "/api/links", body)).status).toBe(status);
  });
});

const reading = (celsius: unknown) => ({
  event_type: "temp.reading_recorded",
  subject_id: "sensor:attic",
  payload: { celsius },
});
const NDJSON = { "content-type": "application/x-ndjson" };

describe("POST /api/events", () => {
  test("given one event, when captured, then the answer names it and its subject is known from its type", async () => {
    const web = testWeb();
    const answer = await post(web, "/api/events", { ...reading(3), occurred_at: "2026-01-02T04:04:05+01:00" });
    expect(answer.status).toBe(201);
    const [stored] = web.ledger.values();
    expect(answer.body).toEqual({ success: true, events: [{ id: stored?.id, subject_id: "sensor:attic", new: true }] });
    expect(stored).toMatchObject({ subject: "sensor", occurredAt: "2026-01-02T03:04:05.000Z", source: "capture" });
  });

  test("given NDJSON with empty lines, when captured, then every line is an event", async () => {
    const web = testWeb();
    const lines = `${JSON.stringify(reading(1))}\n\n${JSON.stringify(reading(2))}\r\n`;
    expect((await post(web, "/api/events", lines, NDJSON)).body.events).toHaveLength(2);
  });

  test("given one wrong line, when captured, then nothing is taken and the line is named", async () => {
    const web = testWeb();
    const lines = [reading(1), reading("warm"), reading(2)].map((event) => JSON.stringify(event)).join("\n");
    const answer = await post(web, "/api/events", lines, NDJSON);
    expect(answer.status).toBe(422);
    expect(answer.body.detail).toStartWith("Line 2: ");
    expect(answer.body.errors).toMatchObject([{ line: 2 }]);
    expect(web.ledger.size).toBe(0);
  });

  test("given a line that is no JSON, when captured, then it is named", async () => {
    const answer = await post(testWeb(), "/api/events", `${JSON.stringify(reading(1))}\n{oops`, NDJSON);
    expect([answer.status, answer.body.errors[0].line]).toEqual([400, 2]);
  });

  test.each([
    [{ ...reading(1), event_type: "no.such_type" }, "nobody registered"],
    [{ event_type: "work.failed", subject_id: "link:1", payload: {} }, "written by the pipeline only"],
    [{ ...reading(1), subject: "link" }, 'is "sensor"'],
    [{ ...reading(1), subject_id: "" }, "subject_id"],
    [{ ...reading(1), occurred_at: "yesterday" }, "occurred_at"],
    [{ ...reading(1), id: "7" }, "id"],
    [{ ...reading(1), payload: "{}" }, "payload"],
    [{ ...reading(1), payload: { celsius: 1, note: "a\0b" } }, "Postgres cannot store"],
    [{ ...reading(1), payload: { celsius: 1, note: "\ud800" } }, "Postgres cannot store"],
    [[], "no event"],
  ])("given %j, when captured, then a problem says what is wrong", async (body, detail) => {
    const web = testWeb();
    const answer = await post(web, "/api/events", body);
    expect([answer.status, web.ledger.size]).toEqual([422, 0]);
    expect(answer.body.detail).toContain(detail);
  });

  test("given an idempotency key, when the same body comes again, then nothing is new", async () => {
    const web = testWeb();
    const key = { "idempotency-key": "k1" };
    const first = await post(web, "/api/events", [reading(1), reading(2)], key);
    const again = await post(web, "/api/events", [reading(1), reading(2)], key);
    expect([first.status, again.status, web.ledger.size]).toEqual([201, 200, 2]);
    expect(again.body.events.map((event: { id: string }) => event.id)).toEqual(
      first.body.events.map((event: { id: string }) => event.id),
    );
  });

  test.each([
    [[reading(1), reading(3)]],
    [[reading(2), reading(1)]],
    [[reading(1)]],
    [[reading(1), reading(2), reading(3)]],
  ])("given a key that was used, when it comes with %j, then it is refused", async (body) => {
    const web = testWeb();
    const key = { "idempotency-key": "k1" };
    await post(web, "/api/events", [reading(1), reading(2)], key);
    const answer = await post(web, "/api/events", body, key);
    expect([answer.status, web.ledger.size]).toEqual([422, 2]);
    expect(answer.body.detail).toContain("Idempotency-Key");
  });

  test("given the same key with two tokens, when captured, then they do not meet", async () => {
    const web = testWeb();
    const key = { "idempotency-key": "k1" };
    await post(web, "/api/events", reading(1), key);
    const other = await post(web, "/api/events", reading(2), { ...key, authorization: "Bearer admin" });
    expect([other.status, web.ledger.size]).toEqual([201, 2]);
  });

  test("given an id of another event, when captured, then it is refused", async () => {
    const web = testWeb();
    const id = "5f0c1f6e-5b0a-4f0e-9c0a-0d1a2b3c4d5e";
    await post(web, "/api/events", { ...reading(1), id });
    expect((await post(web, "/api/events", { ...reading(1), id })).status).toBe(200);
    expect((await post(web, "/api/events", { ...reading(2), id })).status).toBe(422);
  });
});
