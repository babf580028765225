/**
 * Serves every hostile page on a port of its own, and a slow one on two, as if there were two such hosts, in a process of its own: what it costs to make them is not to slow down
 * who reads them. Prints where they are, and ends with its standard input.
 */
import type { Socket } from "node:net";
import { serveTcp } from "../../src/adapters/http/loopback.testing.ts";
import { HOSTILE_PAGES, type HostilePage } from "./hostile-pages.ts";

const hosts: [name: string, host: string][] = [];
for (const [name, page] of Object.entries(HOSTILE_PAGES)) {
  for (let copy = 0; copy < (page.slow ? 2 : 1); copy++) hosts.push([name, (await serve(page)).host]);
}
console.log(JSON.stringify(hosts));
process.stdin.on("end", () => process.exit()).resume();

function serve(page: HostilePage) {
  return serveTcp((socket: Socket) => {
    socket.once("data", (request) => {
      const path = /^GET (\S+)/.exec(String(request))?.[1] ?? "/";
      // Whoever asked may go at any moment.
      void Promise.resolve(page.answer(socket, path)).catch(() => {});
    });
  });
}
