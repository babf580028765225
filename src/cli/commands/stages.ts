import { classify } from "../../adapters/postgres/connect.ts";
import { pendingMigrations } from "../../adapters/postgres/migrate.ts";
import { type App, allMigrations } from "../../app.ts";
import { UserError } from "../../engine/errors.ts";
import { abortOnSignals, runStages, type Stage } from "../../runtime/service.ts";
import { agentStage, materializerStages, relayStage, routerStages, type StageOptions } from "../../stages.ts";
import type { CommandInput } from "../command.ts";
import { openCommandApp } from "../context.ts";

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

/** Says at once what would otherwise be waited for: a wrong address, a schema or topics that are not there. */
async function checkServers({ db, log, registry }: App): Promise<void> {
  const pending = await pendingMigrations(db, await allMigrations(registry)).catch((error) => {
    throw classify(error);
  });
  if (pending.length > 0) throw new UserError(`the database lacks ${pending.join(", ")}: run "npm run db:migrate"`);
  const topics = registry.topics.map((topic) => topic.name);
  const { topicIds } = await log.identity(topics);
  const missing = topics.filter((topic) => !topicIds.has(topic));
  if (missing.length > 0) throw new UserError(`Kafka lacks ${missing.join(", ")}: run "npm run kafka:init"`);
}

/** A long-running command: its stages until a signal, or until caught up with `--once`. */
function stageCommand(
  name: string,
  stages: (app: App, options: StageOptions) => Stage[],
  withAgents = false,
): (input: CommandInput) => Promise<void> {
  return async ({ options }) => {
    await using app = openCommandApp(name, { withAgents });
    const { signal, dispose } = abortOnSignals(app.logger);
    await checkServers(app);
    app.logger.info(`${name} runs${options.once ? " until caught up" : "; Ctrl-C stops it"}`);
    try {
      const { drainTimeoutMs } = app.config;
      await runStages(stages(app, { once: options.once === true }), { signal, drainTimeoutMs, logger: app.logger });
    } finally {
      dispose();
    }
  };
}
