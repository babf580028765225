import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createSite } from "../../adapters/site/site.ts";
import type { App } from "../../app.ts";
import { openApp, siteOptions } from "../../app.ts";
import { ensureTopics } from "../../pipeline/topics.ts";
import { abortOnSignals, runStages, type Stage } from "../../runtime/service.ts";
import { createServerDeps, startServer } from "../../server.ts";
import { choosePort } from "../../stack/ports.ts";
import { readStackEnv, writeStackEnv } from "../../stack/stack-env.ts";
import { allStages } from "../../stages.ts";
import { type Context, createContext } from "../context.ts";
import { type Servers, withStack } from "../local-stack.ts";
import { migrateApp } from "./db-migrate.ts";

/** `npm start`: servers, schema, topics, every stage and agent, and the page; a line each, the address last. */
export async function start(): Promise<void> {
  const context = createContext();
  const { signal, dispose } = abortOnSignals(context.logger);
  try {
    await withStack(context, signal, (servers) => runEverything(context, servers, signal, console.log));
  } catch (error) {
    // Stopping while it starts is no failure.
    if (!signal.aborted) throw error;
  } finally {
    dispose();
  }
}

/** The whole pipeline on these servers, until the signal aborts and all is drained. */
export async function runEverything(
  { config: configured, logger }: Context,
  servers: Servers,
  signal: AbortSignal,
  say: (line: string) => void,
  onReady: (app: App, url: string) => void = () => {},
): Promise<void> {
  for (const line of servers.describe) say(line);
  const { databaseUrl, kafkaBrokers } = servers;
  const port = await webPort(configured);
  const config = withSiteUrl(configured, port);
  await using app = openApp({ config, logger, databaseUrl, kafkaBrokers, name: "start", withAgents: true });
  say(`schema     ${await migrateApp(app)}`);
  const topics = await ensureTopics(app.log, app.registry.topics);
  say(`topics     ${topics.map((topic) => topic.name).join(", ")}`);
  const server = await startServer({ ...createServerDeps(app), port, logger });
  try {
    const stages = allStages(app, { once: false });
    say(`stages     ${stages.map((stage) => stage.name).join(", ")}`);
    await createSite({ ...siteOptions(config), log: logger }).init();
    say(`site       ${siteOptions(config).directory}`);
    writeStackEnv(config.home, { ...readStackEnv(config.home), STREAM_WEB_URL: server.url });
    say(`ready      ${server.url}`);
    onReady(app, server.url);
    const { drainTimeoutMs } = config;
    await runStages([...stages, watch(servers)], { signal, drainTimeoutMs, logger });
  } finally {
    await server.close();
  }
}

/** Unless the site has an address of its own, its feeds point to where our page shows it. */
function withSiteUrl(config: Context["config"], port: number): Context["config"] {
  return { ...config, site: { ...config.site, url: config.site.url ?? `http://127.0.0.1:${port}/site/` } };
}

/** The port that is wanted, else the one of last time if it is free: bookmarks stay good. */
async function webPort({ home, ports }: Context["config"]): Promise<number> {
  const note = join(home, "run", "web-port");
  const last = Number(await readFile(note, "utf8").catch(() => "")) || undefined;
  const port = await choosePort(ports.web, "STREAM_WEB_PORT", last);
  await writeFile(note, String(port));
  return port;
}

/** Fails when a server of ours ended by itself: everything stops, and says why. */
function watch(servers: Servers): Stage {
  return {
    name: "servers",
    async run(signal) {
      const stopped = new Promise<void>((resolve) => {
        if (signal.aborted) resolve();
        signal.addEventListener("abort", () => resolve(), { once: true });
      });
      const died = await Promise.race([stopped, servers.exited]);
      if (died instanceof Error) throw died;
    },
  };
}
