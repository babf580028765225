/**
 * The attacks of ssrf.test.ts, run in a network of its own: real look-ups through the system's resolver, real
 * connections to whatever the fetcher tries. Prints what came of each, and which addresses were connected to.
 */
import { createServer } from "node:http";
import { createServer as createTcpServer, type Socket } from "node:net";
import { INSIDE_ADDRESSES, INSIDE_HOSTS } from "../../src/adapters/http/inside.testing.ts";
import { createPageClient } from "../../src/adapters/http/page-client.ts";
import { errorClassOf } from "../../src/engine/errors.ts";
import { silentLogger } from "../../src/engine/logger.ts";
import { startNameServer } from "./name-server.ts";
import { NAMES_IN_HOSTS, PUBLIC, type Report } from "./ssrf-world.ts";

const INSIDE = Object.values(INSIDE_ADDRESSES).flat();

/** By the name's first label: n7.inside.test is the seventh address, n7.mixed.test that one among public ones. */
await startNameServer(53, (name, times) => {
  const [label = "", kind, root] = name.split(".");
  const inside = INSIDE[Number(label.slice(1))] ?? "127.0.0.1";
  if (root !== "test") return undefined;
  if (kind === "inside") return [inside];
  if (kind === "mixed") return [...PUBLIC, inside];
  if (kind === "rebinding") return times % 2 === 0 ? [PUBLIC[0]] : [inside];
  return kind === "public" ? PUBLIC : undefined;
});

const connections = new Map<string, number>();
const note = ({ localAddress = "" }: Socket) => {
  const address = localAddress.replace(/^::ffff:/, "");
  connections.set(address, (connections.get(address) ?? 0) + 1);
};

/** Every site there is: `/to?URL` leads on, everything else is a page. */
const site = createServer(({ url = "/" }, response) => {
  const location = url.startsWith("/to?") ? decodeURIComponent(url.slice(4)) : undefined;
  response.writeHead(location ? 302 : 200, { "content-type": "text/plain", ...(location && { location }) }).end("page");
});
site.on("connection", note);
const secure = createTcpServer((socket) => {
  note(socket);
  socket.on("error", () => {}).destroy();
});
await Promise.all([
  new Promise<void>((resolve) => site.listen(80, "::", resolve)),
  new Promise<void>((resolve) => secure.listen(443, "::", resolve)),
]);

const limits = { hostGapMs: 0, hostDownMs: 0 };
const client = createPageClient({ allowHosts: [], limits, log: silentLogger });
const visit = (url: string, through = client) =>
  through.get(url, { signal: new AbortController().signal }).then(() => "page", errorClassOf);
const outcomes = async (urls: readonly string[]): Promise<Report["refused"]> => {
  const all: Record<string, string> = {};
  for (const url of urls) all[url] = await visit(url);
  return all;
};
const escaped = (host: string) => (/^[\x21-\x7e]+$/.test(host) ? host : encodeURIComponent(host));
const from = (url: string) => `http://a.public.test/to?${encodeURIComponent(url)}`;

const attacks = [
  ...INSIDE_HOSTS.map((host) => `http://${host}/`),
  ...INSIDE_HOSTS.map((host) => from(`http://${escaped(host)}/`)),
  ...INSIDE.flatMap((_, n) => [
    `http://n${n}.inside.test/`,
    `https://N${n}.Inside.test./`,
    `http://n${n}.mixed.test/`,
    from(`//n${n}.inside.test/`),
    from(`http://n${n}.mixed.test/`),
  ]),
  ...NAMES_IN_HOSTS.flatMap((name) => [`http://${name}/`, `http://${name.toUpperCase()}./`, from(`http://${name}/`)]),
  // Found through the search domain only.
  "http://n0/",
  from("http://n0/"),
];
const refused = await outcomes(attacks);
const rebound: string[] = [];
for (const n of INSIDE.keys()) {
  for (let time = 0; time < 4; time++) rebound.push(await visit(`http://n${n}.rebinding.test/`));
  // The first answer is public and the page leads back to the same name, which is inside by then.
  rebound.push(await visit(`http://m${n}.rebinding.test/to?/`));
}
const read = await outcomes(["http://a.public.test/", from("http://b.public.test/"), `http://${PUBLIC[0]}/`]);
const reached = Object.fromEntries(connections);

const opened = createPageClient({ allowHosts: ["n0.inside.test", "10.0.0.1:80"], limits, log: silentLogger });
const allowed = {
  opened: await visit("http://n0.inside.test/", opened),
  openedByPort: await visit("http://10.0.0.1/", opened),
  otherName: await visit("http://n1.inside.test/", opened),
  otherPort: await visit("https://10.0.0.1/", opened),
};
const report: Report = { refused, rebound, read, reached, allowed };
console.log(JSON.stringify(report));
process.exit(0);
