import { join } from "node:path";
import { createExtractor } from "./adapters/extract/extractor.ts";
import { createPageClient } from "./adapters/http/page-client.ts";
import { createLlmEnricher } from "./adapters/llm/llm-enricher.ts";

import { connect, type Database } from "./adapters/postgres/connect.ts";
import { coreMigrations, type Migration } from "./adapters/postgres/migrate.ts";
import { publishedLinks } from "./adapters/postgres/published.ts";
import { createPostgresStore } from "./adapters/postgres/store.ts";
import { createSite } from "./adapters/site/site.ts";
import type { Config } from "./config.ts";
import { annotations } from "./domains/annotations/index.ts";
import { createEnricher } from "./domains/links/agents/enricher.ts";
import { createFetcher } from "./domains/links/agents/fetcher.ts";
import { createPublisher } from "./domains/links/agents/publisher.ts";
import { createLocalEnricher } from "./domains/links/enrich/local-enricher.ts";
import { links } from "./domains/links/index.ts";
import type { LinkLedger } from "./domains/links/ports.ts";
import { temperature } from "./domains/temperature/index.ts";
import { todos } from "./domains/todos/index.ts";
import type { Agent } from "./engine/agent.ts";
import { type Clock, systemClock } from "./engine/clock.ts";
import type { Domain } from "./engine/domain.ts";
import type { Log } from "./engine/log.ts";
import type { Logger } from "./engine/logger.ts";
import { createRegistry, type Registry } from "./engine/registry.ts";
import type { Store } from "./engine/store.ts";
import { noTelemetry, type Telemetry } from "./engine/telemetry.ts";
import { openLog, type Transport } from "./transport.ts";

/** The domains of this life. Adding one is a folder and a line here. */
export function domains(config: Config, linkAgents: readonly Agent<never>[] = []): Domain[] {
  return [
    // One line each.
    links({ defaultVisibility: config.defaultVisibility, agents: linkAgents }),
    todos,
    temperature,
    annotations,
  ];
}

/** What the configuration, Postgres and Kafka make together; every command works with one of these. */
export interface App extends AsyncDisposable {
  readonly config: Config;
  readonly logger: Logger;
  readonly telemetry: Telemetry;
  readonly clock: Clock;
  readonly random: () => number;
  readonly db: Database;
  readonly databaseUrl: string;
  readonly transport: Transport;
  readonly kafkaBrokers: readonly string[];
  readonly store: Store;
  readonly log: Log;
  readonly registry: Registry;
}

export interface AppOptions {
  readonly config: Config;
  readonly databaseUrl: string;
  /** Unless given, what the configuration says, else Kafka. */
  readonly transport?: Transport;
  readonly kafkaBrokers: readonly string[];
  readonly logger: Logger;
  /** Told what the program does; nobody unless given. */
  readonly telemetry?: Telemetry;
  /** Shown in the database's list of connections. */
  readonly name: string;
  /** How long Postgres may be silent on a question. Unless given, as long as it likes: rebuilding takes its time. */
  readonly answerWithinMs?: number;
  /** With the agents and their clients; without, the registry knows their work but nobody to do it. */
  readonly withAgents?: boolean;
  readonly domains?: (config: Config, linkAgents: readonly Agent<never>[]) => readonly Domain[];
}

/** What stages ask of Postgres is short; nobody sits there who would wonder why nothing happens. */
export const STAGES_ANSWERED_WITHIN_MS = 30_000;

/** Seconds that connections may take to end: whoever waits for an answer still was given its time before. */
const CLOSE_S = 1;

/** Wires everything. Connections open when they are first used; disposing closes them. */
export async function openApp(options: AppOptions): Promise<App> {
  const { config, databaseUrl, logger, telemetry = noTelemetry } = options;
  const { name, answerWithinMs } = options;
  const db = connect({ url: databaseUrl, name, answerWithinMs });
  const store = createPostgresStore(db, databaseUrl);
  const transport = options.transport ?? { kind: config.transport ?? "kafka", why: "the configuration says so" };
  const kafka = { ...config.kafka, brokers: options.kafkaBrokers };
  const log = await openLog({ kind: transport.kind, kafka, databaseUrl, name, answerWithinMs, logger });
  const agents = options.withAgents
    ? linkAgents({ config, db, store, logger, telemetry })
    : { agents: [], close: async () => {} };
  return {
    config,
    logger,
    telemetry,
    clock: systemClock,
    random: Math.random,
    db,
    databaseUrl,
    transport,
    kafkaBrokers: options.kafkaBrokers,
    store,
    log,
    registry: createRegistry((options.domains ?? domains)(config, agents.agents)),
    async [Symbol.asyncDispose]() {
      await Promise.allSettled([agents.close(), log.close(), db.end({ timeout: CLOSE_S })]);
    },
  };
}

/** The core's migrations, then each domain's own. */
export async function allMigrations(registry: Registry): Promise<Migration[]> {
  const own = registry.domains.flatMap((domain) =>
    (domain.migrations ?? []).map((migration) => ({ name: `${domain.name}/${migration.name}`, sql: migration.sql })),
  );
  return [...(await coreMigrations()), ...own];
}

type AgentParts = Pick<App, "config" | "db" | "store" | "logger" | "telemetry">;

/** The agents of links with their clients to the world. */
function linkAgents({ config, db, store, logger, telemetry }: AgentParts) {
  const ledger: LinkLedger = {
    event: async (id) => (await store.ledger.find([id]))[0] ?? null,
    eventsOf: (subjectId) => store.ledger.ofSubject(subjectId),
    tagCatalog: () => store.catalog.mostUsed(),
    published: () => publishedLinks(db),
  };
  const extractor = createExtractor({ log: logger });
  const pages = createPageClient({ allowHosts: [...config.fetchAllowHosts], log: logger, telemetry });
  const site = createSite({ ...siteOptions(config), log: logger });
  const agents = [
    createFetcher({ pages, extractor }),
    createEnricher({ ledger, enricher: chooseEnricher(config, logger, telemetry) }),
    createPublisher({ ledger, site, defaultVisibility: config.defaultVisibility }),
  ];
  return { agents: agents as unknown as Agent<never>[], close: () => extractor.close() };
}

/** Where the site lies and what it calls itself. */
export function siteOptions(config: Config) {
  const directory = join(config.home, "site");
  return { directory, baseUrl: config.site.url ?? "http://127.0.0.1/", title: config.site.title };
}

function chooseEnricher({ llm }: Config, logger: Logger, telemetry: Telemetry) {
  if (!llm.apiKey && !llm.baseUrl) return createLocalEnricher();
  const { apiKey = "", baseUrl = "https://api.openai.com/v1", model, timeoutMs, dailyTokens = null } = llm;
  return createLlmEnricher({ apiKey, baseUrl, model, timeoutMs, dailyTokens, log: logger, telemetry });
}
