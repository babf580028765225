import { classify } from "../../adapters/postgres/connect.ts";
import { pendingMigrations } from "../../adapters/postgres/migrate.ts";
import { type App, allMigrations, STAGES_ANSWERED_WITHIN_MS } from "../../app.ts";
import { UserError } from "../../engine/errors.ts";
import { LOG_WORDS } from "../../engine/log-words.ts";
import { type Observability, openObservability } from "../../observability.ts";
import { rolesOf, topicsOf } from "../../pipeline/roles.ts";
import { abortOnSignals, runStages, type Stage } from "../../runtime/service.ts";
import { createProbes, type RunningServer, startProbeServer } from "../../server.ts";
import { agentStage, materializerStages, relayStage, routerStages, type StageOptions } from "../../stages.ts";
import type { CommandInput } from "../command.ts";
import { createContext, openCommandApp } from "../context.ts";
import { requireKafka } from "../require-kafka.ts";
import { openTo } from "../web-server.ts";

export const relay = stageCommand("kafka:publish", (app, options) => [relayStage(app, options)]);
export const router = stageCommand("router", routerStages);
export const materialize = stageCommand("kafka:materialize", materializerStages);

/** The command that runs one agent. */
export function agent(name: string): (input: CommandInput) => Promise<void> {
  const find = (app: App, options: StageOptions) => {
    const found = app.registry.agents.find((candidate) => candidate.name === name);
    if (!found) throw new UserError(`no domain registers an agent "${name}"`);
    return [agentStage(app, found, options)];
  };
  return stageCommand(`agent:${name}`, find, true);
}

/** Says at once that the database's address is wrong, or its schema not up to date. */
export async function checkSchema({ db, registry }: App): Promise<void> {
  const pending = await pendingMigrations(db, await allMigrations(registry)).catch((error) => {
    throw classify(error);
  });
  if (pending.length > 0) throw new UserError(`the database lacks ${pending.join(", ")}: run "npm run db:migrate"`);
}

/** Says at once what would otherwise be waited for: a wrong address, a schema or topics that are not there. */
async function checkServers(app: App, command: string): Promise<void> {
  await checkSchema(app);
  await requireKafka(app);
  const { log, registry, store, logger, kafkaBrokers, transport } = app;
  const { name } = LOG_WORDS[transport.kind];
  // Only the topics it has to do with: its login may see no others.
  const topics = rolesOf(registry)
    .filter((role) => role.commands.includes(command))
    .flatMap(topicsOf);
  const now = await log.identity(topics);
  const missing = topics.filter((topic) => !now.topicIds.has(topic));
  if (missing.length > 0) throw new UserError(`${name} lacks ${missing.join(", ")}: run "npm run kafka:init"`);
  const known = await store.forwarding.knownIdentity();
  if (!known || known.clusterId === now.clusterId) return;
  if (transport.kind === "embedded") {
    logger.warn(`the ledger was sent to another log before (${known.clusterId}): the relay sends all of it to ${name}`);
    return;
  }
  // Right after a cluster was made anew; the relay then sends everything again. Else a name that leads elsewhere.
  logger.warn(
    `Kafka: ${kafkaBrokers.join(", ")} is another cluster (${now.clusterId}) than the ledger was sent to (${known.clusterId}): if it was not made anew, the name leads to the wrong one ("npm run doctor" tells)`,
  );
}

/** A long-running command: its stages until a signal, or until caught up with `--once`. */
function stageCommand(
  name: string,
  stages: (app: App, options: StageOptions) => Stage[],
  withAgents = false,
): (input: CommandInput) => Promise<void> {
  return async ({ options }) => {
    const context = createContext();
    const { config, logger } = context;
    const once = options.once === true;
    const health = once ? undefined : config.ports.health;
    await using observed = await openObservability({ config, logger, program: name, asked: health !== undefined });
    await using app = await openCommandApp(
      name,
      { withAgents, telemetry: observed.telemetry, answerWithinMs: STAGES_ANSWERED_WITHIN_MS },
      context,
    );
    const { signal, dispose } = abortOnSignals(logger);
    await checkServers(app, name);
    const probes = health === undefined ? null : await startProbes(app, observed, health);
    logger.info(`${name} runs${once ? " until caught up" : "; Ctrl-C stops it"}`);
    try {
      await runStages(stages(app, { once }), { signal, drainTimeoutMs: config.drainTimeoutMs, logger });
    } finally {
      await probes?.close();
      dispose();
    }
  };
}

async function startProbes(app: App, observed: Observability, port: number): Promise<RunningServer> {
  const { host } = app.config.web;
  const server = await startProbeServer({ ...createProbes(app, observed), host, port });
  app.logger.info(`health     ${server.url}/healthz, /readyz, /metrics${openTo(host)}`);
  return server;
}
