import type { ClusterShape, TopicState } from "../engine/log.ts";
import type { TopicDefinition } from "../engine/topics.ts";

/** How many copies a topic should have, and how many must be written before an append counts. */
export interface Placement {
  /** Ids of the brokers there are. */
  readonly brokers: readonly number[];
  readonly replication: number;
  readonly minIsr: number;
  readonly because: string;
}

const MOST_COPIES = 3;
const MIN_ISR = "min.insync.replicas";

/**
 * What the cluster's operator chose, where that keeps to the contract (two copies or more where there are brokers for
 * them); else one copy a broker up to three.
 */
export function placementOn({ brokers, defaults }: ClusterShape): Placement {
  const count = Math.max(1, brokers.length);
  const chosen = defaults?.replication ?? null;
  const replication = isUsable(chosen, count) ? chosen : Math.min(MOST_COPIES, count);
  const minIsr = minIsrFor(replication, defaults?.minIsr ?? null);
  return { brokers, replication, minIsr, because: reasonFor(count, defaults, replication === chosen) };
}

function isUsable(chosen: number | null, brokers: number): chosen is number {
  return chosen !== null && chosen >= Math.min(2, brokers) && chosen <= brokers;
}

/** One below the copies at most: so one broker may be away and appends go on. */
function minIsrFor(replication: number, chosen: number | null = null): number {
  const most = Math.max(1, replication - 1);
  return Math.min(chosen ?? 2, most);
}

function reasonFor(brokers: number, defaults: ClusterShape["defaults"], isChosen: boolean): string {
  const size = counted(brokers, "broker");
  if (isChosen) return `the cluster's own default, ${size}`;
  return defaults ? size : `${size}; the cluster's own defaults are not for this login to read`;
}

/** What has to be done to one topic, worked out before anything is changed. */
export interface TopicPlan {
  readonly name: string;
  readonly definition: TopicDefinition;
  readonly did: "created" | "repaired" | "unchanged" | "denied";
  readonly placement: Placement;
  /** Settings to set; on a new topic all of them. */
  readonly settings: Readonly<Record<string, string>>;
  /** Partitions it is to have, and those it has (0: it is new). */
  readonly partitions: { readonly has: number; readonly wanted: number };
  /** Copies it has of the partition with the fewest; null: it is new, or not for this login to see. */
  readonly copies: number | null;
  /** Where its partitions would lie with all their copies; null where they are complete. */
  readonly reassignment: readonly (readonly number[])[] | null;
  /** What else is not as it should be and is not changed here. */
  readonly notes: readonly string[];
}

export interface TopicWish {
  readonly definition: TopicDefinition;
  readonly placement: Placement;
  /** As the cluster has it; null: not yet. */
  readonly state: TopicState | null;
  /** More partitions than the definition names. */
  readonly partitions?: number | undefined;
}

/** Compares one topic with what it should be. */
export function planTopic(wish: TopicWish): TopicPlan {
  const { definition, placement, state } = wish;
  const { name } = definition;
  const least = Math.max(definition.partitions, wish.partitions ?? 0);
  const common = { name, definition, placement };
  if (!state) {
    const settings = settingsOf(definition, placement.minIsr);
    const partitions = { has: 0, wanted: least };
    return { ...common, did: "created", settings, partitions, copies: null, reassignment: null, notes: [] };
  }
  const has = state.replicas.length;
  const refused = has < least ? whyNotGrow(definition, has, least) : null;
  const settings = driftOf(wish, state);
  const partitions = { has, wanted: has < least && !refused ? least : has };
  return {
    ...common,
    did: Object.keys(settings).length > 0 || partitions.wanted > has ? "repaired" : "unchanged",
    settings,
    partitions,
    copies: copiesOf(state),
    reassignment: moreCopies(state, placement),
    notes: [refused, tooFewAsked(wish.partitions, has), state.config ? null : UNREADABLE].filter(
      (note) => note !== null,
    ),
  };
}

function tooFewAsked(asked: number | undefined, has: number): string | null {
  return asked !== undefined && asked < has ? `it stays at ${has} partitions: they are added, never removed` : null;
}

/** What a plan comes to, for a person: the settings and numbers that change. */
export function changesOf({ did, placement, settings, partitions }: TopicPlan): string {
  const sizes = did === "created" ? [counted(partitions.wanted, "partition"), copies(placement.replication)] : [];
  return [...sizes, ...Object.entries(settings).map(([name, value]) => `${name}=${value}`)].join(", ");
}

const counted = (count: number, noun: string) => `${count} ${count === 1 ? noun : `${noun}s`}`;
const copies = (count: number) => (count === 1 ? "1 copy" : `${count} copies`);

const UNREADABLE = "its settings are not for this login to read (DESCRIBE_CONFIGS), so they were not compared";
const UNSEEN = "this login may not see it: use the administrator's";

/** What can be said of a topic that this login may not see. */
export function deniedPlan(definition: TopicDefinition, placement: Placement): TopicPlan {
  const nothing = { settings: {}, partitions: { has: 0, wanted: 0 }, copies: null, reassignment: null };
  return { name: definition.name, definition, did: "denied", placement, ...nothing, notes: [UNSEEN] };
}

function settingsOf(definition: TopicDefinition, minIsr: number): Record<string, string> {
  return { ...definition.config, [MIN_ISR]: String(minIsr) };
}

function driftOf({ definition, placement }: TopicWish, state: TopicState): Record<string, string> {
  const { config } = state;
  if (!config) return {};
  const copies = copiesOf(state);
  const minIsr = copies === placement.replication ? placement.minIsr : minIsrFor(copies);
  const wanted = Object.entries(settingsOf(definition, minIsr));
  return Object.fromEntries(wanted.filter(([name, value]) => config[name] !== value));
}

function copiesOf({ replicas }: TopicState): number {
  return Math.min(...replicas.map((holders) => holders.length));
}

/**
 * Why a topic may not have that many partitions. Keys go to the partition `hash modulo count`: with a multiple of the
 * count they stay or go to a new partition, never to an old one. An old one would be wrong for a batch that is sent
 * again: its partition may have handled later positions of the ledger and would take the rest for repeats. And a
 * compacted topic would keep the last value of a key twice.
 */
function whyNotGrow({ config }: TopicDefinition, has: number, wanted: number): string | null {
  if (config["cleanup.policy"] === "compact") return `it stays at ${has}: a compacted topic keeps a key in one place`;
  if (wanted % has === 0) return null;
  const next = Math.ceil(wanted / has) * has;
  return `it stays at ${has}: ${wanted} is no multiple of it, and subjects would move between partitions already in use; ask for ${next}`;
}

/** Changing the copies moves data between brokers, at a pace that an operator chooses: worked out here, not done. */
function moreCopies(
  { replicas }: TopicState,
  { brokers, replication }: Placement,
): readonly (readonly number[])[] | null {
  if (replicas.every((holders) => holders.length >= replication)) return null;
  return replicas.map((holders, partition) => {
    const turn = partition % brokers.length;
    const others = [...brokers.slice(turn), ...brokers.slice(0, turn)].filter((broker) => !holders.includes(broker));
    return [...holders, ...others].slice(0, Math.max(replication, holders.length));
  });
}
