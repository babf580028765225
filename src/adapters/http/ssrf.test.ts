import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { TerminalError } from "../../engine/errors.ts";
import { silentLogger } from "../../engine/logger.ts";
import { isPublicAddress } from "./address.ts";
import { INSIDE_ADDRESSES, INSIDE_HOSTS } from "./inside.testing.ts";
import { type Loopback, serveHttp, serveTcp } from "./loopback.testing.ts";
import { createPageClient } from "./page-client.ts";
import type { Lookup } from "./resolve.ts";

const never = new AbortController().signal;

/** Fails unless the page is refused for good because of where it is. */
async function refused(url: string, lookup?: Lookup, allowHosts: string[] = []): Promise<void> {
  const client = createPageClient({ allowHosts, log: silentLogger, ...(lookup && { lookup }) });
  const error = await client.get(url, { signal: never }).catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(TerminalError);
  expect(["blocked_address", "bad_url"]).toContain((error as TerminalError).errorClass);
}

describe("nothing inside is reached", () => {
  const listeners: Loopback[] = [];

  beforeAll(async () => {
    listeners.push(await serveTcp());
    // Port 80 shows it without the port rule helping; not every machine lets a test have it.
    for (const address of ["127.0.0.1", "::1"])
      await serveTcp(undefined, 80, address).then(
        (on) => listeners.push(on),
        () => {},
      );
  });

  afterAll(async () => {
    for (const listener of listeners) {
      expect(listener.connections()).toBe(0);
      await listener[Symbol.asyncDispose]();
    }
  });

  test.each(INSIDE_HOSTS)("%s", async (host) => {
    await refused(`http://${host}/`);
    await refused(`https://${host}/`);
    await refused(`http://${host}:${listeners[0]?.port}/`);
  });

  test.each(INSIDE_HOSTS)("a redirect to %s", async (host) => {
    // Headers carry no other scripts than Latin: whoever wants to send one escapes it.
    const location = `//${/^[\x21-\x7e]+$/.test(host) ? host : encodeURIComponent(host)}/`;
    for (const status of [301, 302, 303, 307, 308]) {
      await using start = await serveHttp((_request, response) => response.writeHead(status, { location }).end());
      await refused(`http://${start.host}/`, undefined, [start.host]);
      expect(start.connections()).toBe(1);
    }
  });

  test.each([
    "gopher://127.0.0.1/",
    "file:///etc/passwd",
    "ftp://127.0.0.1/",
    "data:text/html,x",
    "http://user@127.0.0.1/",
    "http://:secret@127.0.0.1/",
    "http://127.0.0.1\\@example.com/",
    "http:\\\\127.0.0.1/",
    "http:/127.0.0.1/",
    "//127.0.0.1/",
    "http://[fe80::1%25lo]/",
    "http://256.256.256.256/",
    "http:// 127.0.0.1/",
    "http://127.0.\n0.1/",
    "\t http://127.0.0.1/ ",
    "http://\u0000127.0.0.1/",
    "http://example.com@127.0.0.1/",
    "http://example.com:80@127.0.0.1/",
    "http://example.com%40127.0.0.1/",
    "http://127.0.0.1#@example.com/",
    "http://127.0.0.1?@example.com/",
    "http://127.0.0.1:80\\@example.com/",
    "http://example.com@@127.0.0.1/",
    "http:127.0.0.1",
    "http:///127.0.0.1/",
    "http:\\/\\/127.0.0.1/",
    "HTTP://127.0.0.1/",
    "http://127.0.0.1:080/",
    "http://127.0.0.1:0/",
    "http://127.0.0.1:65536/",
    "http://127.0.0.1:00000000000000080/",
    "https://example.com:22/",
    "http://example.com:6379/",
    "http://example.com:9092/",
    "dict://127.0.0.1:11211/stat",
    "ldap://127.0.0.1/",
    "ws://127.0.0.1/",
    "jar:http://127.0.0.1!/",
    "blob:http://127.0.0.1/x",
    "javascript:fetch('http://127.0.0.1/')",
    "",
  ])("%j", (url) => refused(url));

  const answers = (...addresses: string[]): Lookup => {
    return async () => addresses.map((address) => ({ address, family: address.includes(":") ? 6 : 4 }));
  };
  test.each(Object.values(INSIDE_ADDRESSES).flat())(
    "a name that leads to %s, alone or among others",
    async (inside) => {
      const [one, other] = ["93.184.216.34", "2606:4700::1111"];
      for (const found of [[inside], [inside, one], [one, other, inside]]) {
        await refused("http://innocent.test/", answers(...found));
        await refused("https://innocent.test./", answers(...found));
      }
    },
  );

  test.each([
    ["with a zone", answers("fe80::1%lo")],
    ["in an odd form", answers("0x7f.1")],
    ["no address at all", answers("localhost")],
  ])("a name whose answer is %s", (_kind, lookup) => refused("http://innocent.test/", lookup));

  test("an opened host opens no other host at the same address, and no other port", async () => {
    const port = listeners[0]?.port ?? 0;
    await refused(`http://innocent.test:${port}/`, answers("127.0.0.1"), [`127.0.0.1:${port}`]);
    await refused(`http://127.0.0.1:${port}/`, undefined, [`127.0.0.1:${port + 1}`, "127.0.0.2", `localhost:${port}`]);
    await refused("http://opened.test.evil.test/", answers("127.0.0.1"), ["opened.test"]);
  });
});

describe("the checked address is the one connected to", () => {
  test("a name that changes its answer between check and connection gains nothing", async () => {
    await using inside = await serveTcp(undefined, 0, "127.0.0.2");
    await using server = await serveHttp((_request, response) => response.end("the checked one"));
    let calls = 0;
    const lookup: Lookup = async () => [{ address: calls++ === 0 ? "127.0.0.1" : "127.0.0.2", family: 4 }];
    const host = `rebinding.test:${server.port}`;
    const client = createPageClient({ allowHosts: [host], lookup, log: silentLogger });
    const page = await client.get(`http://${host}/`, { signal: never });
    expect(Buffer.from(page.body).toString()).toBe("the checked one");
    expect([calls, inside.connections()]).toEqual([1, 0]);
  });

  test("every hop is looked up and checked anew", async () => {
    const location = "http://rebinding.test/";
    await using server = await serveHttp((_request, response) => response.writeHead(302, { location }).end());
    const lookup: Lookup = async (name) => [
      { address: name === "rebinding.test" ? "10.0.0.1" : "127.0.0.1", family: 4 },
    ];
    const host = `start.test:${server.port}`;
    const client = createPageClient({ allowHosts: [host], lookup, log: silentLogger });
    const error = await client.get(`http://${host}/`, { signal: never }).catch((reason: unknown) => reason);
    expect((error as TerminalError).errorClass).toBe("blocked_address");
  });
});

test("public addresses are let through", () => {
  for (const address of ["93.184.216.34", "8.8.8.8", "172.32.0.1", "100.128.0.1", "2606:4700::1111", "2a00:1450::1"]) {
    expect([address, isPublicAddress(address)]).toEqual([address, true]);
  }
});
