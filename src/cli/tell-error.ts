import { messageOf } from "../engine/errors.ts";
import { redactor } from "../runtime/redact.ts";
import { secretsOf } from "../secrets.ts";

/** Says on standard error why a command failed, without secrets: one sentence, the stack only with LOG_LEVEL=debug. */
export function tellError(error: unknown, inWords: (message: string) => string = (message) => message): void {
  const redact = redactor(secretsOf(process.env));
  process.stderr.write(`${inWords(String(redact(messageOf(error))))}\n`);
  if (process.env.LOG_LEVEL === "debug" && error instanceof Error) process.stderr.write(`${redact(error.stack)}\n`);
}
