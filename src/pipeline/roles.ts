import { UserError } from "../engine/errors.ts";
import type { AccessOperation, Grant, Right } from "../engine/log.ts";
import type { Registry } from "../engine/registry.ts";
import { DEAD_LETTER_TOPIC, EVENTS_TOPIC, TAGS_TOPIC } from "../engine/topics.ts";
import { MATERIALIZER_GROUP } from "./materializer.ts";
import { ROUTER_GROUP } from "./router.ts";
import { DISPATCHER_GROUP } from "./sent-letters.ts";

/** Somebody who logs in to Kafka, and the least that it takes to do its part. */
export interface Role {
  readonly name: string;
  /** The commands it is for. */
  readonly commands: readonly string[];
  readonly rights: readonly Right[];
}

/**
 * One role per stage and agent, one that looks after the topics, and one that only looks. Rights on the cluster itself
 * are not among them: who has none can make no topic of another name and grant nothing. To read, write, delete or alter
 * a topic is to see it too, so DESCRIBE stands only where nothing else does.
 */
export function rolesOf(registry: Registry): Role[] {
  const topics = registry.topics.map((topic) => topic.name);
  const work = [...registry.work.values()].map((definition) => definition.topic);
  const lagOf = new Set([EVENTS_TOPIC, ...registry.agents.map((agent) => agent.handles.topic)]);
  const groups = [ROUTER_GROUP, MATERIALIZER_GROUP, ...registry.agents.map((agent) => agent.group)];
  const others = topics.filter((topic) => topic !== EVENTS_TOPIC);
  const roles: Role[] = [
    // Sees all topics: whether one was made anew decides what is sent again.
    role("relay", ["kafka:publish"], may("write", [EVENTS_TOPIC]), may("describe", others)),
    // Reads dead letters back where it does not know whether it sent them.
    role(
      "router",
      ["router"],
      reads(EVENTS_TOPIC, ROUTER_GROUP),
      may("write", [...work, DEAD_LETTER_TOPIC]),
      reads(DEAD_LETTER_TOPIC, DISPATCHER_GROUP),
    ),
    role("materializer", ["kafka:materialize"], reads(EVENTS_TOPIC, MATERIALIZER_GROUP), may("write", [TAGS_TOPIC])),
    ...registry.agents.map((agent) =>
      role(agent.name, [`agent:${agent.name}`], reads(agent.handles.topic, agent.group)),
    ),
    role(
      "admin",
      ["kafka:init", "kafka:reset", "kafka:wait", "doctor"],
      ...(["create", "delete", "alter", "alter_configs"] as const).map((operation) => may(operation, topics)),
      // Whether somebody runs whose topics would go.
      groups.map((name) => ({ kind: "group", name, operation: "describe" })),
    ),
    role("reader", ["status", "web"], may("describe", [...lagOf])),
  ];
  const twice = roles.find((one, index) => roles.findIndex((other) => other.name === one.name) !== index);
  if (twice) throw new UserError(`the agent "${twice.name}" has the name of a stage: its rights would be mixed up`);
  return roles;
}

function role(name: string, commands: readonly string[], ...rights: Right[][]): Role {
  return { name, commands, rights: rights.flat() };
}

function may(operation: AccessOperation, topics: readonly string[]): Right[] {
  return topics.map((name) => ({ kind: "topic", name, operation }));
}

function reads(topic: string, group: string): Right[] {
  return [
    { kind: "topic", name: topic, operation: "read" },
    { kind: "group", name: group, operation: "read" },
  ];
}

/** The names of the topics that a role has to do with. */
export function topicsOf({ rights }: Role): string[] {
  return [...new Set(rights.filter((right) => right.kind === "topic").map((right) => right.name))];
}

/** What goes before the names of topics and groups in the cluster, and before a role's in its login. */
export interface Prefixes {
  readonly topicPrefix: string;
  readonly principalPrefix: string;
}

/** The rights of roles as the cluster knows them, given to `User:<principalPrefix><role>`. */
export function grantsFor(roles: readonly Role[], { topicPrefix, principalPrefix }: Prefixes): Grant[] {
  return roles.flatMap((role) =>
    withPrefix(role.rights, topicPrefix).map((right) => ({
      ...right,
      principal: `User:${principalPrefix}${role.name}`,
    })),
  );
}

/** The same rights under the names that topics and groups have in the cluster. */
export function withPrefix(rights: readonly Right[], prefix: string): Right[] {
  return rights.map((right) => ({ ...right, name: prefix + right.name }));
}
