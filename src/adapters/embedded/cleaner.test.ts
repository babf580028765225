import { expect, test } from "bun:test";
import { silentLogger } from "../../engine/logger.ts";
import { keepTidy } from "./cleaner.ts";
import type { LogDb } from "./database.ts";

test("given a log that cannot be tidied, when it is tried again and again, then it is told once, and that it is over", async () => {
  const stop = new AbortController();
  const lines: string[] = [];
  let tries = 0;
  const db = (async () => {
    tries += 1;
    if (tries <= 3) throw new Error("no right");
    if (tries === 5) stop.abort();
    return Object.assign([{ may: true }], { count: 0 });
  }) as unknown as LogDb;
  const logger = {
    ...silentLogger,
    warn: (line: string) => void lines.push(line),
    info: (line: string) => void lines.push(line),
  };
  await keepTidy(db, logger, stop.signal, 1);
  expect(lines).toEqual([
    "the log is not tidied, so it keeps what is past its retention: no right",
    "the log is tidied again",
  ]);
});
