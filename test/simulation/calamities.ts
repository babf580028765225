import type { Registry } from "../../src/engine/registry.ts";
import { DEAD_LETTER_TOPIC, EVENTS_TOPIC } from "../../src/engine/topics.ts";
import type { MemoryCluster } from "./memory-log.ts";
import type { Scheduler } from "./scheduler.ts";

/** Ways in which a log loses what it was sent. The ledger has to flow into it again. */
export const CALAMITIES = ["topic anew", "cluster anew", "lost tail", "retention"] as const;
export type Calamity = (typeof CALAMITIES)[number];

const LETTERS_LOST = 2;

interface Scene {
  readonly scheduler: Scheduler;
  readonly cluster: MemoryCluster;
  readonly registry: Registry;
}

/** Lets one of them happen to the cluster; returns it in words. */
export function befall(calamity: Calamity, { scheduler, cluster, registry }: Scene): string {
  const names = registry.topics.map(({ name }) => name);
  if (calamity === "lost tail") return loseTails(names, { scheduler, cluster, registry });
  if (calamity === "retention") return passConsumers(names, { scheduler, cluster, registry });
  const all = calamity === "cluster anew";
  // Mostly the topic of all events: everything comes of it.
  const one = scheduler.chance(0.5) ? EVENTS_TOPIC : (names[scheduler.below(names.length)] ?? EVENTS_TOPIC);
  const anew = registry.topics.filter(({ name }) => all || name === one);
  if (all) cluster.clusterId = `sim-${scheduler.steps}`;
  for (const topic of anew) {
    cluster.deleteTopic(topic.name);
    cluster.createTopic(topic);
  }
  return all ? "another cluster stands in the place of this one" : `${one} is deleted and created anew`;
}

/** The broker's machine loses power, and what its disk had not written yet. */
function loseTails(names: readonly string[], { scheduler, cluster }: Scene): string {
  const cut = names.map((name) => [name, cluster.cutTail(name, () => scheduler.below(8))] as const);
  cluster.crash();
  return `the broker loses its last records: ${inWords(cut)}`;
}

/** The last messages to the agents are deleted before they are read: nothing that follows them shows it. */
export function deleteMessages({ cluster, registry }: Pick<Scene, "cluster" | "registry">): string {
  const topics = [...registry.work.values()].map(({ topic }) => topic);
  return `retention deletes ${inWords(topics.map((name) => [name, cluster.deleteOldest(name, (held) => held)]))}`;
}

/** The last dead letters are gone, while everything else is there. */
export function loseLetters({ cluster }: Pick<Scene, "cluster">): string {
  const lost = [DEAD_LETTER_TOPIC, cluster.cutTail(DEAD_LETTER_TOPIC, () => LETTERS_LOST)] as const;
  cluster.crash();
  return `the broker loses ${inWords([lost])}`;
}

/** What is old is deleted, whether somebody has read it or not. */
function passConsumers(names: readonly string[], { scheduler, cluster }: Scene): string {
  const deleted = names
    .filter((name) => name !== DEAD_LETTER_TOPIC)
    .map((name) => [name, cluster.deleteOldest(name, (held) => (scheduler.chance(0.5) ? held : 0))] as const);
  return `retention deletes ${inWords(deleted)}`;
}

function inWords(gone: readonly (readonly [topic: string, records: number])[]): string {
  const words = gone.filter(([, records]) => records > 0).map(([topic, records]) => `${records} of ${topic}`);
  return words.join(", ") || "nothing";
}
