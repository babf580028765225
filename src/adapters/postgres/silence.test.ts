import { afterAll, beforeAll, expect, test } from "bun:test";
import { type FaultProxy, startFaultProxy } from "../../../test/faults/proxy.ts";
import { testServers } from "../../../test/support/servers.ts";
import { until } from "../../../test/support/test-app.ts";
import { EnvironmentError } from "../../engine/errors.ts";
import { classify, connect, type Database } from "./connect.ts";

const WITHIN_MS = 400;
let proxy: FaultProxy;
let db: Database;

beforeAll(async () => {
  const url = new URL((await testServers()).databaseUrl);
  proxy = await startFaultProxy(Number(url.port));
  url.port = String(proxy.port);
  db = connect({ url: url.href, name: "test", maxConnections: 1, answerWithinMs: WITHIN_MS });
}, 60_000);
afterAll(async () => {
  await db.end({ timeout: 1 });
  await proxy[Symbol.asyncDispose]();
});

/** As stages do: what a lost connection has taken along is asked again. */
async function answer<T>(ask: () => Promise<T>): Promise<T> {
  let answered: { readonly is: T } | undefined;
  await until(async () => {
    answered = await ask().then(
      (is) => ({ is }),
      () => undefined,
    );
    return answered !== undefined;
  }, 5_000);
  return (answered as { readonly is: T }).is;
}

const failure = (work: Promise<unknown>) => work.then(() => null, classify);

test("given a server that went without a word, when something is asked, then that is an error, and the next is answered", async () => {
  expect(await db`select 1 as n`).toMatchObject([{ n: 1 }]);
  proxy.halfOpen();
  const error = await failure(db`select 2 as n`);
  expect(error).toBeInstanceOf(EnvironmentError);
  expect((error as Error).message).toContain("no answer from 127.0.0.1");
  expect(await answer(() => db`select 3 as n`)).toMatchObject([{ n: 3 }]);
});

test("given many questions at once, when the answers stop amid them, then each is an error or is answered rightly", async () => {
  await answer(() => db`select 1 as n`);
  proxy.set({ kind: "hold", direction: "to client" });
  const asked = Array.from({ length: 20 }, async (_, n) => {
    const got = await db`select ${n}::int as n`.then(([row]) => row?.n, classify);
    if (got instanceof EnvironmentError) return "error";
    return got === n ? "answered" : got;
  });
  expect(await Promise.race(asked)).toBe("error");
  proxy.set({ kind: "none" });
  expect((await Promise.all(asked)).filter((got) => got !== "error" && got !== "answered")).toEqual([]);
});

test("given answers that come slowly but come, and pauses in which nothing is asked, then the connection stays", async () => {
  const [before] = await answer(() => db`select pg_backend_pid() as pid`);
  proxy.set({ kind: "delay", ms: WITHIN_MS / 2, direction: "to client" });
  await db`select repeat('x', 3000000)`;
  proxy.set({ kind: "none" });
  await Bun.sleep(WITHIN_MS * 2);
  const [after] = await db`select pg_backend_pid() as pid`;
  expect(after?.pid).toBe(before?.pid);
});
