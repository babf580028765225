import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { App } from "../app.ts";
import type { Config } from "../config.ts";
import { UserError } from "../engine/errors.ts";
import type { Observability } from "../observability.ts";
import { createServerDeps, type RunningServer, startServer } from "../server.ts";
import { choosePort } from "../stack/ports.ts";

const LOOPBACK = /^(127\.|::1$)/;

/** Refuses to listen to the world without knowing under which names it may be asked. */
export function checkWebHost({ web }: Config): void {
  if (LOOPBACK.test(web.host) || web.allowedHosts.length > 0) return;
  throw new UserError(
    `STREAM_WEB_HOST=${web.host} opens the page beyond this machine: set STREAM_WEB_ALLOWED_HOSTS to the names under which it may be asked, as in stream.example.net or 10.0.0.5:8080`,
  );
}

/** What follows an address in the line that tells it, where others can reach it too. */
export function openTo(host: string): string {
  return LOOPBACK.test(host) ? "" : ` (open to whoever reaches ${host})`;
}

/** The port that is wanted, else the one of last time if it is free: bookmarks stay good. */
export async function webPort({ home, ports }: Config): Promise<number> {
  const folder = join(home, "run");
  const note = join(folder, "web-port");
  const last = Number(await readFile(note, "utf8").catch(() => "")) || undefined;
  const port = await choosePort(ports.web, "STREAM_WEB_PORT", last);
  await mkdir(folder, { recursive: true });
  await writeFile(note, String(port));
  return port;
}

/** The page, the capture API and this process' probes. */
export async function startWebServer(app: App, observed: Observability, port: number): Promise<RunningServer> {
  const { config, logger } = app;
  return startServer({ ...createServerDeps(app, observed), host: config.web.host, port, logger });
}

/** The last line of a start: the address, and what is open without a password where others can reach it. */
export function readyLine(server: RunningServer, { web }: Config): string {
  const ready = `ready      ${server.url}`;
  if (LOOPBACK.test(web.host)) return ready;
  return `open       ${web.host} as ${web.allowedHosts.join(", ")}: pages, forms and /metrics without a password\n${ready}`;
}
