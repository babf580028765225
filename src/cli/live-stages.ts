import type { App } from "../app.ts";
import { MATERIALIZER_GROUP } from "../pipeline/materializer.ts";
import { ROUTER_GROUP } from "../pipeline/router.ts";
import { readModelOf } from "../server.ts";

/** What each lease is held by. Leases are renewed while a stage runs, over either log. */
const HOLDERS: Readonly<Record<string, string>> = {
  relay: "the relay",
  dispatcher: "the router",
  catalog: "the materializer",
};

/** Stages and agents that run, in words: they hold a lease, are members of their group, or have work under way. */
export async function liveStages(app: App): Promise<string[]> {
  const { leases } = await readModelOf(app).health();
  const holding = leases.filter(({ held, name }) => held && HOLDERS[name]);
  const seen = new Set(holding.map(({ name }) => HOLDERS[name]));
  const members = (await memberships(app)).filter((stage) => !seen.has(stage));
  return [
    ...holding.map(({ name, holder }) => `${HOLDERS[name]} (${holder})`),
    ...members,
    ...(await underWay(app)).filter(({ agent }) => !members.includes(`the ${agent}`)).map(({ told }) => told),
  ];
}

async function memberships({ log, registry }: App): Promise<string[]> {
  const stages = new Map([
    [ROUTER_GROUP, "the router"],
    [MATERIALIZER_GROUP, "the materializer"],
    ...registry.agents.map(({ group, name }) => [group, `the ${name}`] as const),
  ]);
  const members = await log.members([...stages.keys()]);
  return [...stages].flatMap(([group, stage]) => ((members.get(group) ?? 0) > 0 ? [stage] : []));
}

/** An agent may have left its group and still be at work. */
async function underWay({ db }: App): Promise<{ agent: string; told: string }[]> {
  return db<{ agent: string; told: string }[]>`
    select agent, 'work of the ' || agent || ', until ' || to_char(max(lease_until), 'HH24:MI:SS "UTC"') as told
    from lifestream.work where status = 'running' and lease_until > clock_timestamp() and agent is not null
    group by agent order by agent`;
}
