import { expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { secretsOf } from "./secrets.ts";

test.each([
  [{ KAFKA_SASL_PASSWORD: "canary" }, ["canary"]],
  [{ OPENAI_API_KEY: "sk-canary" }, ["sk-canary"]],
  [{ AWS_SECRET_ACCESS_KEY: "canary", AWS_SESSION_TOKEN: "other", AWS_REGION: "eu-west-1" }, ["canary", "other"]],
  [{ DATABASE_URL: "postgres://me:p%40ss@db.example.com/life" }, ["p%40ss", "p@ss"]],
  [{ DATABASE_URL: "postgres://me:100%@db.example.com/life" }, ["100%"]],
  [{ HTTPS_PROXY: "http://me:canary@proxy.example.com:3128" }, ["canary"]],
  [{ OTEL_EXPORTER_OTLP_HEADERS: "api-key=canary, x=other" }, ["canary", "other"]],
  [{ DATABASE_URL: "postgres://postgres:postgres@127.0.0.1/life" }, []],
  [{ DATABASE_URL: "postgres://me:life@127.0.0.1/life" }, []],
  [{ OPENAI_DAILY_TOKENS: "100000", KAFKA_BROKERS: "a:9092,b:9092", OPENAI_API_KEY: "", HOME: undefined }, []],
])("given the environment %j, when its secrets are listed, then %j", (env, secrets) => {
  expect(secretsOf(env)).toEqual(secrets);
});

test("given a secret by file, when listed, then it is the file's content", () => {
  const folder = mkdtempSync(join(tmpdir(), "stream-secrets-"));
  const file = join(folder, "key");
  writeFileSync(file, "sk-canary\n");
  expect(secretsOf({ OPENAI_API_KEY_FILE: file })).toEqual(["sk-canary"]);
  rmSync(folder, { recursive: true });
});
