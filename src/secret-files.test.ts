import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadConfig } from "./config.ts";

let folder: string;
const file = (name: string, content: string) => {
  writeFileSync(join(folder, name), content);
  return join(folder, name);
};

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "stream-secrets-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

describe("secrets by file", () => {
  test("given files, when loaded, then their content counts without the newline at its end", () => {
    const config = loadConfig(
      {
        DATABASE_URL_FILE: file("url", "postgres://u:p@h/d\n"),
        KAFKA_AUTH_METHOD: "plain",
        KAFKA_SSL: "true",
        KAFKA_SASL_USERNAME_FILE: file("user", "me\r\n"),
        KAFKA_SASL_PASSWORD_FILE: file("password", " pass word \n"),
        OPENAI_API_KEY_FILE: file("key", "sk-1"),
      },
      "/",
    );
    expect(config.databaseUrl).toBe("postgres://u:p@h/d");
    expect(config.kafka).toMatchObject({ username: "me", password: " pass word " });
    expect(config.llm.apiKey).toBe("sk-1");
  });

  test("given a variable and its file, when loaded, then one of them is to go", () => {
    const both = { OPENAI_API_KEY: "sk-canary", OPENAI_API_KEY_FILE: file("key", "sk-canary") };
    expect(() => loadConfig(both, "/")).toThrow(
      "OPENAI_API_KEY and OPENAI_API_KEY_FILE are both set: keep one of them",
    );
  });

  test("given files that cannot be used, when loaded, then one sentence names each and its reason", () => {
    const env = { DATABASE_URL_FILE: "/nowhere/url", OPENAI_API_KEY_FILE: file("empty", "\n") };
    expect(() => loadConfig(env, "/")).toThrow(
      `DATABASE_URL_FILE: /nowhere/url cannot be read (ENOENT); OPENAI_API_KEY_FILE: ${join(folder, "empty")} is empty`,
    );
  });

  test("given a file with a wrong secret in it, when loaded, then the secret is not printed", () => {
    const load = () => loadConfig({ DATABASE_URL_FILE: file("url", "mysql://u:canary@h/d") }, "/");
    expect(load).toThrow(/DATABASE_URL: must look like postgres/);
    expect(load).not.toThrow(/canary/);
  });
});
