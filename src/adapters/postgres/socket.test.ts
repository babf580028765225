import { expect, test } from "bun:test";
import { type AddressInfo, createServer } from "node:net";
import { EnvironmentError } from "../../engine/errors.ts";
import { classify, connect } from "./connect.ts";

/** Takes every connection and says nothing, as a proxy does whose server is away. */
async function hangUp() {
  let connections = 0;
  const server = createServer((socket) => {
    connections += 1;
    socket.destroy();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `postgres://anybody@127.0.0.1:${port}/any`,
    connections: () => connections,
    [Symbol.asyncDispose]: () => new Promise<void>((resolve) => void server.close(() => resolve())),
  };
}

test.each(["", "?sslmode=require"])(
  "given somebody who takes connections and hangs up, when asked (%p), then it is an error and not asked for ever",
  async (options) => {
    await using server = await hangUp();
    const db = connect({ url: server.url + options, name: "test", maxConnections: 2 });
    for (let nth = 1; nth <= 2; nth++) {
      const error = classify(await db`select 1`.catch((thrown) => thrown));
      expect(error).toBeInstanceOf(EnvironmentError);
      expect((error as Error).message).toMatch(
        /^Postgres cannot be reached \(127\.0\.0\.1:\d+ took the connection and/,
      );
      expect(server.connections()).toBe(nth);
    }
    await db.end({ timeout: 1 });
  },
);

test("given the same, when listened to for a second, then it is called a few times only", async () => {
  await using server = await hangUp();
  const db = connect({ url: server.url, name: "test", maxConnections: 1 });
  await db.listen("anything", () => {}).catch(() => {});
  await Bun.sleep(1_000);
  expect(server.connections()).toBeLessThanOrEqual(8);
  await db.end({ timeout: 1 });
});
