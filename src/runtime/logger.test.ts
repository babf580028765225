import { expect, test } from "bun:test";
import { PassThrough } from "node:stream";
import { createLogger } from "./logger.ts";

const CANARY = "canary-7f3a9c";

async function logged(pretty: boolean): Promise<string> {
  const destination = new PassThrough();
  const log = createLogger({ level: "debug", pretty, secrets: [CANARY], destination });
  log.info(`connecting to postgres://me:hunter22@db.example:5432/x with ${CANARY}`, {
    url: "https://user:hunter22@example.com/",
    asUser: "https://hunter22@example.com/?mail=a@b",
    withAt: "postgres://user:hunter22@hunter22@db.example/x",
    password: "hunter22",
    nested: { api_key: "hunter22", list: [`Bearer ${CANARY}${CANARY}`] },
    error: new Error(`refused for ${CANARY}`),
  });
  log.child({ token: "hunter22" }).warn("child");
  destination.end();
  let text = "";
  for await (const chunk of destination) text += chunk;
  return text;
}

test("given secrets in messages, fields, URLs and errors, when logged as JSON, then none is written", async () => {
  const text = await logged(false);
  expect(text).toContain("connecting to");
  expect(text).not.toContain(CANARY);
  expect(text).not.toContain("hunter22");
});

test("given the same on a terminal, when logged, then none is written either", async () => {
  const text = await logged(true);
  expect(text).toContain("connecting to");
  expect(text).not.toContain(CANARY);
  expect(text).not.toContain("hunter22");
});
