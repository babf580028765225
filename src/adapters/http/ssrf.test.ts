import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { TerminalError } from "../../engine/errors.ts";
import { silentLogger } from "../../engine/logger.ts";
import { isPublicAddress } from "./address.ts";
import { type Loopback, serveHttp, serveTcp } from "./loopback.testing.ts";
import { createPageClient } from "./page-client.ts";
import type { Lookup } from "./resolve.ts";

/** Hosts that lead inside, in every spelling a URL parser may understand. */
const INSIDE_HOSTS = `
  127.0.0.1 127.0.0.1. 127.1 127.0.1 127.000.000.001 0177.0.0.1 0x7f.0.0.1 0x7f.1 0x7f000001 2130706433 017700000001
  127.255.255.254 0 0.0.0.0 0.0.0.0. 0x0 00 localhost LOCALHOST localhost. 10.0.0.1 10.255.255.255 172.16.0.1
  172.31.255.255 192.168.0.1 192.168.1 3232235777 169.254.169.254 0xA9FEA9FE 2852039166 100.64.0.1 100.100.100.200
  192.0.0.1 192.0.2.1 192.88.99.1 198.18.0.1 198.51.100.1 203.0.113.1 224.0.0.1 239.255.255.255 240.0.0.1
  255.255.255.255 168.63.129.16 [::] [::1] [0:0:0:0:0:0:0:1] [::ffff:127.0.0.1] [::ffff:7f00:1] [::ffff:10.0.0.1]
  [::127.0.0.1] [::ffff:0:127.0.0.1] [64:ff9b::127.0.0.1] [64:ff9b::8.8.8.8] [64:ff9b:1::7f00:1] [2002:7f00:1::]
  [2002:c0a8:101::1] [2001::1] [2001:db8::1] [fc00::1] [fd12:3456:789a::1] [fe80::1] [fec0::1] [ff02::1] [100::1]
  [5f00::1] [3fff::1] １２７.0.0.1 ①②⑦.0.0.1 127。0。0。1 %31%32%37.0.0.1
`
  .trim()
  .split(/\s+/);

const never = new AbortController().signal;

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

  const refused = async (url: string, lookup?: Lookup, allowHosts: string[] = []) => {
    const client = createPageClient({ allowHosts, log: silentLogger, ...(lookup && { lookup }) });
    const error = await client.get(url, { signal: never }).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(TerminalError);
    expect(["blocked_address", "bad_url"]).toContain((error as TerminalError).errorClass);
  };

  test.each(INSIDE_HOSTS)("%s", async (host) => {
    await refused(`http://${host}/`);
    await refused(`https://${host}/`);
    await refused(`http://${host}:${listeners[0]?.port}/`);
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
    "",
  ])("%j", (url) => refused(url));

  const answers = (...addresses: string[]): Lookup => {
    return async () => addresses.map((address) => ({ address, family: address.includes(":") ? 6 : 4 }));
  };
  test.each([
    ["private", answers("127.0.0.1")],
    ["mixed", answers("93.184.216.34", "127.0.0.1")],
    ["mixed, the other way round", answers("127.0.0.1", "93.184.216.34")],
    ["mixed families", answers("93.184.216.34", "::1")],
    ["mapped", answers("::ffff:127.0.0.1")],
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
