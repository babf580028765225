import { createSite } from "../../adapters/site/site.ts";
import type { App, AppOptions } from "../../app.ts";
import { openApp, STAGES_ANSWERED_WITHIN_MS, siteOptions } from "../../app.ts";
import { openObservability } from "../../observability.ts";
import { ensureTopics } from "../../pipeline/topics.ts";
import { abortOnSignals, runStages, type Stage } from "../../runtime/service.ts";
import { readStackEnv, writeStackEnv } from "../../stack/stack-env.ts";
import { allStages } from "../../stages.ts";
import { type Context, createContext } from "../context.ts";
import { type Servers, withStack } from "../local-stack.ts";
import { requireKafka } from "../require-kafka.ts";
import { checkWebHost, readyLine, startWebServer, webPort } from "../web-server.ts";
import { migrateApp } from "./db-migrate.ts";

/** `npm start`: servers, schema, topics, every stage and agent, and the page; a line each, the address last. */
export async function start(): Promise<void> {
  const context = createContext();
  checkWebHost(context.config);
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
  const { databaseUrl, transport, kafkaBrokers } = servers;
  const port = await webPort(configured);
  const config = withSiteUrl(configured, port);
  await using observed = await openObservability({ config, logger, program: "start", asked: true });
  const { telemetry } = observed;
  const addresses = { databaseUrl, transport, kafkaBrokers };
  const options = { ...addresses, config, logger, telemetry, name: "start", withAgents: true };
  await migrateAtLeisure(options, (line) => say(`schema     ${line}`));
  await using app = await openApp({ ...options, answerWithinMs: STAGES_ANSWERED_WITHIN_MS });
  await requireKafka(app);
  const topics = await ensureTopics(app.log, app.registry.topics);
  say(`topics     ${topics.map((topic) => topic.name).join(", ")}`);
  const server = await startWebServer(app, observed, port);
  try {
    const stages = allStages(app, { once: false });
    say(`stages     ${stages.map((stage) => stage.name).join(", ")}`);
    await createSite({ ...siteOptions(config), log: logger }).init();
    say(`site       ${siteOptions(config).directory}`);
    writeStackEnv(config.home, { ...readStackEnv(config.home), STREAM_WEB_URL: server.url });
    say(readyLine(server, config));
    onReady(app, server.url);
    const { drainTimeoutMs } = config;
    await runStages([...stages, watch(servers)], { signal, drainTimeoutMs, logger });
  } finally {
    await server.close();
  }
}

/** A statement that adopts somebody's years may take longer than any of a stage's. */
async function migrateAtLeisure(options: AppOptions, say: (line: string) => void): Promise<void> {
  await using app = await openApp(options);
  await migrateApp(app, say);
}

/** Unless the site has an address of its own, its feeds point to where our page shows it. */
function withSiteUrl(config: Context["config"], port: number): Context["config"] {
  return { ...config, site: { ...config.site, url: config.site.url ?? `http://127.0.0.1:${port}/site/` } };
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
