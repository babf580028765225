import { afterEach, beforeEach, expect, test } from "bun:test";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { until } from "../support/test-app.ts";
import { type FaultProxy, startFaultProxy } from "./proxy.ts";

let echo: Server;
let proxy: FaultProxy;
const sockets: Client[] = [];

beforeEach(async () => {
  echo = createServer((socket) => {
    socket.on("error", () => {});
    socket.pipe(socket);
  });
  await new Promise<void>((resolve) => echo.listen(0, "127.0.0.1", resolve));
  proxy = await startFaultProxy((echo.address() as AddressInfo).port);
});
afterEach(async () => {
  for (const { socket } of sockets.splice(0)) socket.destroy();
  await proxy[Symbol.asyncDispose]();
  await new Promise((resolve) => echo.close(resolve));
});

interface Client {
  readonly socket: Socket;
  said: string;
  ended: string;
}

async function client(): Promise<Client> {
  const socket = connect(proxy.port, "127.0.0.1");
  const it: Client = { socket, said: "", ended: "" };
  sockets.push(it);
  socket.on("data", (chunk) => (it.said += chunk));
  socket.on("error", (error: NodeJS.ErrnoException) => (it.ended ||= error.code ?? "error"));
  socket.on("close", () => (it.ended ||= "closed"));
  await until(async () => !socket.connecting, 2_000);
  return it;
}

const answers = (it: Client, text: string) => until(async () => it.said === text, 2_000);
const ends = (it: Client) => until(async () => it.ended !== "", 2_000);

test("given no fault, when bytes are sent, then they come back", async () => {
  const it = await client();
  it.socket.write("one");
  await answers(it, "one");
});

test("given a delay, when bytes are sent, then they come later", async () => {
  const it = await client();
  proxy.set({ kind: "delay", ms: 120, direction: "to client" });
  const startedAt = performance.now();
  it.socket.write("one");
  await answers(it, "one");
  expect(performance.now() - startedAt).toBeGreaterThan(110);
});

test("given a partition, when it is over, then what was sent meanwhile arrives in order", async () => {
  const it = await client();
  proxy.set({ kind: "hold" });
  it.socket.write("one");
  await until(async () => proxy.met() === 1, 2_000);
  it.socket.write("two");
  await until(async () => proxy.met() === 2, 2_000);
  expect(it.said).toBe("");
  proxy.set({ kind: "none" });
  await answers(it, "onetwo");
});

test("given bytes that were dropped, when it is over, then the connection is reset", async () => {
  const it = await client();
  proxy.set({ kind: "drop", direction: "to server" });
  it.socket.write("one");
  await until(async () => proxy.met() === 1, 2_000);
  proxy.set({ kind: "none" });
  await ends(it);
  expect(it.said).toBe("");
});

test("given a half-open connection, when bytes are sent, then nobody answers and nobody ends it", async () => {
  const it = await client();
  it.socket.write("one");
  await answers(it, "one");
  proxy.halfOpen();
  it.socket.write("two");
  const another = await client();
  another.socket.write("x");
  await answers(another, "x");
  expect(it).toMatchObject({ said: "one", ended: "" });
});

test("given a port that refuses, when somebody is there or comes, then both are reset, until it is over", async () => {
  const it = await client();
  proxy.set({ kind: "refuse" });
  await ends(it);
  await ends(await client());
  proxy.set({ kind: "none" });
  const later = await client();
  later.socket.write("one");
  await answers(later, "one");
});

test("given answers that are lost, when a statement is one of those, then the server has it and the client does not know", async () => {
  const it = await client();
  proxy.set({ kind: "lose answer", to: "commit", times: 1 });
  it.socket.write("select;");
  await answers(it, "select;");
  it.socket.write("commit;");
  await ends(it);
  expect(it.said).toBe("select;");
  const later = await client();
  later.socket.write("commit;");
  await answers(later, "commit;");
});
