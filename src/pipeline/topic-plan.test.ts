import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import type { ClusterShape, TopicState } from "../engine/log.ts";
import { partitionOf } from "../engine/partition.ts";
import { workTopic } from "../engine/topics.ts";
import { type Placement, placementOn, planTopic } from "./topic-plan.ts";

const brokers = (count: number) => Array.from({ length: count }, (_, index) => index + 1);
const cluster = (count: number, defaults: ClusterShape["defaults"] = { replication: null, minIsr: null }) =>
  placementOn({ brokers: brokers(count), defaults });

const TOPIC = workTopic("work.fetch_link");
const asItShouldBe = ({ replication, minIsr }: Placement, partitions = 3): TopicState => ({
  name: TOPIC.name,
  id: "id",
  replicas: Array.from({ length: partitions }, () => brokers(replication)),
  config: { ...TOPIC.config, "min.insync.replicas": String(minIsr), "compression.type": "producer" },
});

describe("given a cluster", () => {
  test.each([
    [1, 1, 1],
    [2, 2, 1],
    [3, 3, 2],
    [9, 3, 2],
  ])("of %d brokers, then topics have %d copies and %d must be written", (count, replication, minIsr) => {
    expect(cluster(count)).toMatchObject({ replication, minIsr });
  });

  test("whose operator chose other numbers, then those count", () => {
    const chosen = cluster(6, { replication: 5, minIsr: 3 });

    expect(chosen).toMatchObject({ replication: 5, minIsr: 3, because: "the cluster's own default, 6 brokers" });
  });

  test("whose operator chose numbers that lose records or stop at one lost broker, then those do not count", () => {
    expect(cluster(3, { replication: 1, minIsr: 1 })).toMatchObject({ replication: 3, minIsr: 1 });
    expect(cluster(2, { replication: 2, minIsr: 2 })).toMatchObject({ replication: 2, minIsr: 1 });
    expect(cluster(2, { replication: 3, minIsr: 2 })).toMatchObject({ replication: 2, minIsr: 1 });
  });

  test("that does not tell its defaults, then the number of brokers counts and that is said", () => {
    expect(cluster(3, null)).toMatchObject({ replication: 3, minIsr: 2 });
    expect(cluster(3, null).because).toContain("not for this login to read");
  });
});

describe("given a topic", () => {
  const placement = cluster(2);
  const plan = (state: TopicState | null, partitions?: number) =>
    planTopic({ definition: TOPIC, placement, state, partitions });

  test("that is missing, then it is created with all its settings and the partitions asked for", () => {
    expect(plan(null, 6)).toMatchObject({
      did: "created",
      partitions: { has: 0, wanted: 6 },
      settings: { ...TOPIC.config, "min.insync.replicas": "1" },
    });
  });

  test("that is as it should be, then nothing is done", () => {
    expect(plan(asItShouldBe(placement))).toMatchObject({
      did: "unchanged",
      settings: {},
      notes: [],
      reassignment: null,
    });
    expect(plan(asItShouldBe(placement, 12))).toMatchObject({ did: "unchanged", partitions: { has: 12, wanted: 12 } });
  });

  test("whose settings drifted, then only those are set", () => {
    const state = asItShouldBe(placement);
    const drifted = { ...state, config: { ...state.config, "retention.ms": "1", "min.insync.replicas": "2" } };

    expect(plan(drifted)).toMatchObject({
      did: "repaired",
      settings: { "retention.ms": TOPIC.config["retention.ms"], "min.insync.replicas": "1" },
    });
  });

  test("whose settings may not be read, then nothing is guessed, and that is said", () => {
    const silent = plan({ ...asItShouldBe(placement), config: null });

    expect(silent).toMatchObject({ did: "unchanged", settings: {} });
    expect(silent.notes).toEqual([expect.stringContaining("DESCRIBE_CONFIGS")]);
  });

  test("with fewer copies than there are brokers for, then the copies it lacks are spread and min ISR follows what it has", () => {
    const three = cluster(3);
    const state = { ...asItShouldBe(three), replicas: [[1], [2], [3]] };

    const { settings, copies, reassignment } = planTopic({ definition: TOPIC, placement: three, state });

    expect(settings).toEqual({ "min.insync.replicas": "1" });
    expect(copies).toBe(1);
    expect(reassignment).toEqual([
      [1, 2, 3],
      [2, 3, 1],
      [3, 1, 2],
    ]);
  });

  test("asked for a number of partitions, then they are added where no subject moves to a partition in use", () => {
    expect(plan(asItShouldBe(placement), 6).partitions).toEqual({ has: 3, wanted: 6 });
    expect(plan(asItShouldBe(placement), 4)).toMatchObject({
      partitions: { has: 3, wanted: 3 },
      notes: [expect.stringContaining("ask for 6")],
    });
    expect(plan(asItShouldBe(placement), 2).notes).toEqual([expect.stringContaining("never removed")]);
  });

  test("that is compacted, then it keeps its partitions: the last value of a key lies in one place", () => {
    const definition = { ...TOPIC, config: { "cleanup.policy": "compact" } };
    const state = { ...asItShouldBe(placement, 1), config: definition.config };

    const { partitions, notes } = planTopic({ definition, placement, state, partitions: 3 });

    expect(partitions).toEqual({ has: 1, wanted: 1 });
    expect(notes).toEqual([expect.stringContaining("compacted")]);
  });
});

test("given any subject and any multiple of the partitions, then it stays or moves to a new partition", () => {
  fc.assert(
    fc.property(fc.string(), fc.integer({ min: 1, max: 12 }), fc.integer({ min: 2, max: 5 }), (key, has, times) => {
      const after = partitionOf(key, has * times);
      expect(after === partitionOf(key, has) || after >= has).toBe(true);
    }),
  );
});
