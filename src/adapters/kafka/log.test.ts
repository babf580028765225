import { expect, test } from "bun:test";
import { createServer, type Socket } from "node:net";
import { loadConfig } from "../../config.ts";
import { silentLogger } from "../../engine/logger.ts";
import { createKafkaLog } from "./log.ts";

/** A broker that takes connections and never says a word. */
async function silentBroker() {
  const sockets = new Set<Socket>();
  const asked = Promise.withResolvers<void>();
  const server = createServer((socket) => {
    sockets.add(socket.on("error", () => {}).on("data", () => asked.resolve()));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    address: `127.0.0.1:${(server.address() as { port: number }).port}`,
    asked: asked.promise,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

test("given an append that a silent broker does not answer, when the log is closed, then that ends long before the append", async () => {
  await using broker = await silentBroker();
  const log = createKafkaLog(loadConfig({ KAFKA_BROKERS: broker.address }, "/").kafka, silentLogger);
  let isOver = false;
  const append = log.append("events.raw", [{ key: "k", value: "v", headers: {} }]).catch(() => {
    isOver = true;
  });
  await broker.asked;
  await log.close();
  expect(isOver).toBe(false);
  await broker[Symbol.asyncDispose]();
  await append;
}, 30_000);
