import { existsSync, mkdirSync, mkdtempSync, renameSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { createKafkaLog } from "../../adapters/kafka/log.ts";
import { type App, domains } from "../../app.ts";
import { linkAddedEvent } from "../../domains/links/index.ts";
import { UserError } from "../../engine/errors.ts";
import { createRegistry } from "../../engine/registry.ts";
import { sleep } from "../../engine/sleep.ts";
import { ingest } from "../../pipeline/ingest.ts";
import { abortOnSignals } from "../../runtime/service.ts";
import { removeStackHome } from "../../stack/index.ts";
import { type Context, createContext } from "../context.ts";
import { DEMO_PAGES, serveDemoPages } from "../demo-pages.ts";
import { withStack } from "../local-stack.ts";
import { runEverything } from "./start.ts";

const DEADLINE_MS = 60_000;
const POLL_MS = 200;

/** `npm run demo`: the whole pipeline on throw-away data, followed on the terminal; keeps only the finished site. */
export async function demo(): Promise<void> {
  const { server, origin } = await serveDemoPages();
  const home = mkdtempSync(join(tmpdir(), "stream-agents-demo-"));
  const context = createContext({
    ...process.env,
    STREAM_HOME: home,
    // Throw-away data: never the database that holds a life, and on a cluster that was named, topics of its own.
    DATABASE_URL: undefined,
    KAFKA_TOPIC_PREFIX: `${basename(home)}.`,
    STREAM_PG_PORT: undefined,
    STREAM_KAFKA_PORT: undefined,
    STREAM_WEB_PORT: undefined,
    STREAM_WEB_HOST: undefined,
    FETCH_ALLOW_HOSTS: new URL(origin).host,
    LOG_LEVEL: process.env.LOG_LEVEL ?? "warn",
  });
  const { signal: interrupted, dispose } = abortOnSignals(context.logger);
  const finished = new AbortController();
  const signal = AbortSignal.any([interrupted, finished.signal]);
  try {
    let followed: Promise<void> | undefined;
    await withStack(context, signal, (servers) =>
      runEverything(context, servers, signal, console.log, (app) => {
        followed = follow(app, origin, signal).finally(() => finished.abort());
        followed.catch(() => {});
      }),
    );
    await followed;
    console.log(`\neverything is stopped; the feed stays in ${join(home, "site", "feed.xml")}`);
  } catch (error) {
    if (interrupted.aborted) throw new UserError("the demo was interrupted");
    throw error;
  } finally {
    dispose();
    server.close();
    // A cluster that is away must not keep the throw-away data from going.
    await dropTopics(context).finally(() => keepOnlySite(home));
  }
}

/** On a cluster that was named, the demo's topics are taken away again; our own cluster goes as a whole. */
async function dropTopics({ config, logger }: Context): Promise<void> {
  if (config.kafka.brokers.length === 0 || config.transport === "embedded") return;
  const log = createKafkaLog(config.kafka, logger);
  const { topics } = createRegistry(domains(config));
  await log.deleteTopics(topics.map((topic) => topic.name)).finally(() => log.close());
}

/** The servers' data goes; what the demo made for a person stays. */
function keepOnlySite(home: string): void {
  const site = join(home, "site");
  const kept = `${home}-site`;
  if (existsSync(site)) renameSync(site, kept);
  removeStackHome(home);
  if (!existsSync(kept)) return;
  mkdirSync(home);
  renameSync(kept, site);
}

/** Saves the pages and tells each change of their status until all are published. */
async function follow(app: App, origin: string, signal: AbortSignal): Promise<void> {
  const events = DEMO_PAGES.map((page) =>
    linkAddedEvent({ url: `${origin}${page.path}`, source: "demo", visibility: "public" }),
  );
  console.log("");
  await ingest(events, { store: app.store, registry: app.registry, now: () => new Date() });
  const startedAt = performance.now();
  const told = new Map<string, string>();
  while (performance.now() - startedAt < DEADLINE_MS) {
    for (const { url, status, title } of await linksOf(app)) {
      if (told.get(url) === status) continue;
      told.set(url, status);
      const seconds = ((performance.now() - startedAt) / 1_000).toFixed(1).padStart(5);
      console.log(`${seconds} s  ${status.padEnd(10)} ${title ?? url}`);
    }
    const states = [...told.values()];
    if (states.includes("error")) throw new UserError('the demo failed: see the reason with "npm run status"');
    if (states.length === events.length && states.every((status) => status === "published")) return;
    await sleep(POLL_MS, signal);
  }
  throw new UserError(`the demo's pages were not published within ${DEADLINE_MS / 1_000} s`);
}

async function linksOf(app: App): Promise<{ url: string; status: string; title: string | null }[]> {
  return app.db`
    select l.url, l.status, c.title from lifestream.links l left join lifestream.link_content c using (subject_id)
    order by l.created_at, l.url`;
}
