import { stateAdopted } from "./adopted.ts";
import type { Agent } from "./agent.ts";
import type { Capture, Domain } from "./domain.ts";
import type { EventDefinition } from "./event.ts";
import { FAILURE_ACTS } from "./failure-acts.ts";
import type { Projection } from "./projection.ts";
import type { Route } from "./route.ts";
import { CORE_TOPICS, type TopicDefinition, workTopic } from "./topics.ts";
import type { WorkDefinition } from "./work.ts";
import { workFailed } from "./work-failed.ts";

/** Everything the domains registered, indexed for the stages. */
export interface Registry {
  readonly domains: readonly Domain[];
  readonly events: ReadonlyMap<string, EventDefinition>;
  readonly projections: readonly Projection[];
  readonly routes: ReadonlyMap<string, readonly Route[]>;
  readonly work: ReadonlyMap<string, WorkDefinition>;
  readonly agents: readonly Agent[];
  readonly captures: ReadonlyMap<string, Capture>;
  readonly topics: readonly TopicDefinition[];
}

/** What the pipeline itself writes of work, records and adopted state: not for clients to say. */
export const PIPELINE_EVENTS: readonly EventDefinition[] = [workFailed, stateAdopted, ...FAILURE_ACTS] as never;

/** Indexes the list of domains; throws where two of them claim the same name. */
export function createRegistry(domains: readonly Domain[]): Registry {
  const agents = domains.flatMap((domain) => domain.agents ?? []);
  const routes = domains.flatMap((domain) => domain.routes ?? []);
  const work = new Map<string, WorkDefinition>();
  for (const definition of [...routes.map((route) => route.dispatch), ...agents.map((agent) => agent.handles)]) {
    work.set(definition.type, definition);
  }
  return {
    domains,
    events: unique(
      "event type",
      [...PIPELINE_EVENTS, ...domains.flatMap((domain) => domain.events)],
      (event) => event.type,
    ),
    projections: domains.flatMap((domain) => domain.projections ?? []),
    routes: Map.groupBy(routes, (route) => route.on),
    work,
    agents: [...unique("agent", agents, (agent) => agent.name).values()],
    captures: unique(
      "capture",
      domains.flatMap((domain) => domain.captures ?? []),
      (capture) => capture.name,
    ),
    topics: [...CORE_TOPICS, ...[...work.values()].map((definition) => workTopic(definition.topic))],
  };
}

function unique<T>(what: string, items: readonly T[], nameOf: (item: T) => string): Map<string, T> {
  const byName = new Map<string, T>();
  for (const item of items) {
    const name = nameOf(item);
    if (byName.has(name)) throw new Error(`two domains register the ${what} "${name}"`);
    byName.set(name, item);
  }
  return byName;
}
