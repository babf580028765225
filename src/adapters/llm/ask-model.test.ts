import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { silentLogger } from "../../engine/logger.ts";
import { createLlmEnricher, type LlmOptions } from "./llm-enricher.ts";
import { apiError, says, startStandInServer } from "./stand-in-server.ts";

const KEY = "sk-secret-key-of-the-tests";
const NOW = new Date("2025-01-01T00:00:00Z");
const ANSWER = JSON.stringify({ language: "en", tags: ["gpu"], summary_short: "GPUs train models." });
const PAGE = {
  url: "https://example.org/",
  title: "GPUs",
  text: "GPUs.",
  description: null,
  declaredTags: [],
  language: null,
};

let server: Awaited<ReturnType<typeof startStandInServer>>;
beforeAll(async () => {
  server = await startStandInServer();
});
afterAll(() => server.close());

const enricher = (options: Partial<LlmOptions> = {}) =>
  createLlmEnricher({
    ...{ apiKey: KEY, baseUrl: server.baseUrl, model: "m1", timeoutMs: 5_000, log: silentLogger, now: () => NOW },
    ...options,
  });
const ask = (subject = enricher(), signal = new AbortController().signal) =>
  subject.enrich(PAGE, { signal, catalog: [] });
const formats = () => server.requests.map((request) => request.body.response_format?.type ?? "plain");
const failureOf = (promise: Promise<unknown>) =>
  promise.then(
    () => null,
    (error: Error) => error,
  );

describe("ladder", () => {
  test("given a server without schemas, when asked twice, then the second time starts where the first ended", async () => {
    const unsupported = apiError(400, { message: "response_format is not supported" });
    server.answers((request, response) =>
      (request.body.response_format ? unsupported : says(ANSWER))(request, response),
    );
    const subject = enricher();
    await ask(subject);
    await ask(subject);
    expect(formats()).toEqual(["json_schema", "json_object", "plain", "plain"]);
  });

  test("given a server that dies on schemas with a 500, when asked, then it steps down", async () => {
    const grammar = apiError(500, { message: "failed to parse grammar" });
    server.answers((request, response) =>
      (request.body.response_format?.type === "json_schema" ? grammar : says(ANSWER))(request, response),
    );
    await ask();
    expect(formats()).toEqual(["json_schema", "json_object"]);
  });

  test("given a page refused in every format, when the next page comes, then it starts at the strictest again", async () => {
    server.answers(apiError(400, { message: "bad" }));
    const subject = enricher();
    await expect(ask(subject)).rejects.toMatchObject({ name: "TerminalError", errorClass: "bad_request" });
    server.answers(says(ANSWER));
    await ask(subject);
    expect(formats()).toEqual(["json_schema"]);
  });

  test("given a text that is too long, when refused, then no other format is tried", async () => {
    server.answers(apiError(400, { code: "context_length_exceeded" }));
    await expect(ask()).rejects.toMatchObject({ name: "TerminalError", errorClass: "bad_request" });
    expect(server.requests).toHaveLength(1);
  });
});

describe("failures", () => {
  const later = "RetryLaterError";
  test.each([
    ["429 with seconds", apiError(429, {}, { "retry-after": "90" }), later, "rate_limited", 90_000],
    [
      "429 with a date",
      apiError(429, {}, { "retry-after": "Wed, 01 Jan 2025 00:02:00 GMT" }),
      later,
      "rate_limited",
      120_000,
    ],
    ["429 with a day", apiError(429, {}, { "retry-after": "86400" }), later, "rate_limited", 3_600_000],
    ["429 without a time", apiError(429, {}), later, "rate_limited", 60_000],
    [
      "spent quota",
      apiError(429, { code: "insufficient_quota" }, { "retry-after": "1" }),
      "PauseError",
      "quota",
      900_000,
    ],
    ["402", apiError(402, {}), "PauseError", "quota", 900_000],
    ["401", apiError(401, { code: "invalid_api_key" }), "PauseError", "configuration", 900_000],
    ["403", apiError(403, {}), "PauseError", "configuration", 900_000],
    ["404", apiError(404, { code: "model_not_found" }), "PauseError", "configuration", 900_000],
    ["503 with a time", apiError(503, {}, { "retry-after": "20" }), later, "http_5xx", 20_000],
    ["500", apiError(500, {}), "RetryableError", "http_5xx", undefined],
    ["422", apiError(422, {}), "TerminalError", "bad_request", undefined],
  ] as const)("given %s, when asked, then it is classed", async (_, respond, name, errorClass, afterMs) => {
    server.answers(respond);
    const error = await failureOf(ask());
    expect(error).toMatchObject({ name, errorClass });
    expect((error as { afterMs?: number }).afterMs).toBe(afterMs as number);
  });

  test("given any failure, when it is not about the format, then the server was asked once", async () => {
    server.answers(apiError(500, {}));
    await failureOf(ask());
    expect(server.requests).toHaveLength(1);
  });

  test("given a server that repeats the key, when it fails, then the error does not hold it anywhere", async () => {
    server.answers(apiError(401, { message: `Incorrect API key provided: ${KEY} (sk-se***ests)` }));
    const error = await failureOf(ask());
    expect(error?.message).toContain("[redacted]");
    expect(Bun.inspect(error, { depth: 10 })).not.toContain("sk-se");
  });

  test("given a redirect, when asked, then it is not followed", async () => {
    server.answers((_, response) => response.writeHead(307, { location: `${server.baseUrl}/elsewhere` }).end());
    await expect(ask()).rejects.toMatchObject({ errorClass: "configuration" });
    expect(server.requests).toHaveLength(1);
  });

  test("given nobody listening, when asked, then it may be tried again, without the key in the message", async () => {
    const error = await failureOf(ask(enricher({ baseUrl: "http://127.0.0.1:9/v1" })));
    expect(error).toMatchObject({ name: "RetryableError", errorClass: "connect" });
    expect(Bun.inspect(error)).not.toContain(KEY);
  });

  test("given a connection cut in the middle of an answer, when asked, then it may be tried again", async () => {
    server.answers((_, response) => {
      response.writeHead(200, { "content-type": "application/json", "content-length": "500" });
      response.write('{"choices":', () => response.destroy());
    });
    await expect(ask()).rejects.toMatchObject({ name: "RetryableError", errorClass: "connect" });
  });
});

describe("deadlines", () => {
  test("given a server that never answers, when the timeout passes, then it is a timeout", async () => {
    server.answers(() => {});
    await expect(ask(enricher({ timeoutMs: 50 }))).rejects.toMatchObject({
      name: "RetryableError",
      errorClass: "timeout",
    });
  });

  test("given a server that stops in the middle of the body, when the timeout passes, then it is a timeout", async () => {
    server.answers((_, response) => {
      response.writeHead(200, { "content-type": "application/json" }).write('{"choices":');
    });
    await expect(ask(enricher({ timeoutMs: 80 }))).rejects.toMatchObject({ errorClass: "timeout" });
  });

  test("given a running request, when the signal aborts, then its reason is thrown at once", async () => {
    const drain = new AbortController();
    server.answers(() => drain.abort(new Error("draining")));
    await expect(ask(enricher(), drain.signal)).rejects.toThrow("draining");
  });
});
