import { afterAll, beforeAll, expect, test } from "bun:test";
import { once } from "node:events";
import { type AddressInfo, createServer, Socket } from "node:net";
import { testServers } from "../../../test/support/servers.ts";
import { connect, type Database } from "./connect.ts";
import { neverFull } from "./never-full.ts";

const CONNECTIONS = 2;
/** The driver's own limit: statements that are sent ahead on a connection. */
const DRIVERS_LIMIT = 100;
const MUCH = Buffer.alloc(1024 * 1024);

let db: Database;

beforeAll(async () => {
  db = connect({ url: (await testServers()).databaseUrl, name: "test", maxConnections: CONNECTIONS });
});
afterAll(() => db.end());

/** All connections are busy, and so many statements wait behind; then transactions begin. Returns what failed. */
async function transactionsBehind(statements: number): Promise<string[]> {
  const busy = Array.from({ length: CONNECTIONS }, () => db`select pg_sleep(0.05)`.execute());
  const ahead = Array.from({ length: statements }, () => db`select 1`.execute());
  const transactions = Array.from({ length: 4 }, () => db.begin((tx) => tx`select txid_current()`));
  const all = await Promise.allSettled([...busy, ...ahead, ...transactions, db`select 1`]);
  return all.flatMap((one) => (one.status === "rejected" ? [String(one.reason)] : []));
}

const leftOpen = async () =>
  (
    await db`
      select from pg_stat_activity
      where datname = current_database() and application_name = 'stream-agents test' and state like 'idle in transaction%'`
  ).length;

test("given connections that are filled to any degree, when transactions begin, then each has one of its own", async () => {
  await Promise.all(Array.from({ length: CONNECTIONS }, () => db`select 1`));
  for (let more = -4; more <= 4; more += 1) {
    expect(await transactionsBehind(CONNECTIONS * DRIVERS_LIMIT + more)).toEqual([]);
  }
  expect(await leftOpen()).toBe(0);
});

test("given a socket with more than it can send, when written to, then it does not say so, and not when it has room again", async () => {
  const received = Promise.withResolvers<void>();
  let bytes = 0;
  const server = createServer((socket) => {
    socket.pause();
    setTimeout(() => socket.resume(), 50);
    socket.on("data", (chunk) => {
      bytes += chunk.length;
      if (bytes === MUCH.length * 20) received.resolve();
    });
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const socket = new Socket().connect((server.address() as AddressInfo).port, "127.0.0.1");
  await once(socket, "connect");
  const full = neverFull(socket);
  let drained = 0;
  full.on("drain", () => (drained += 1));
  const said = Array.from({ length: 20 }, () => full.write(MUCH));
  await received.promise;
  expect([said.every(Boolean), drained]).toEqual([true, 0]);
  socket.destroy();
  server.close();
});
