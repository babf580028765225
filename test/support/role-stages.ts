import type { Stage } from "../../src/runtime/service.ts";
import { agentStage, materializerStages, relayStage, routerStages } from "../../src/stages.ts";
import type { DatabaseLogins } from "./database-logins.ts";

/**
 * Every stage as it runs where each has a login: under its own role in Postgres, which may do that stage's work and nothing
 * else.
 */
export function roleStages(logins: DatabaseLogins): Stage[] {
  const running = { once: false };
  const as = (role: string) => logins.app(role);
  const { registry } = as("router");
  return [
    relayStage(as("relay"), running),
    ...routerStages(as("router"), running),
    ...materializerStages(as("materializer"), running),
    ...registry.agents.flatMap(({ name }) => {
      const app = as(name);
      return app.registry.agents.filter((agent) => agent.name === name).map((agent) => agentStage(app, agent, running));
    }),
  ];
}
