import { describe, expect } from "bun:test";
import { type LogIdentity, positionKey } from "../../src/engine/log.ts";
import { type LogSuite, numbered, record, TEST_MS } from "./log-suite.ts";
import { startReader } from "./reader.ts";
import { untilShared } from "./shares.ts";

/** Topics and their identity: made, changed, made anew. */
export function topics(suite: LogSuite): void {
  const { given, givenAble, makeTopic, createTopic, dropTopic, readAll, newName } = suite;

  describe("where a topic begins", () => {
    given("records, then at zero in every partition; a topic that is not there begins nowhere", async () => {
      const topic = await makeTopic(3);
      await suite.log.append(
        topic,
        Array.from({ length: 20 }, (_, n) => record(`key ${n}`)),
      );
      expect(await suite.log.startOffsets([topic, newName("missing")])).toEqual(
        new Map([0, 1, 2].map((partition) => [positionKey({ topic, partition }), 0])),
      );
    });

    givenAble("deleteBefore", "records that are gone, then after them, and so does who reads it first", async () => {
      const topic = await makeTopic();
      await suite.log.append(topic, numbered(5));
      await suite.world.deleteBefore?.({ topic, partition: 0 }, 3);
      await suite.world.until(async () => (await suite.log.startOffsets([topic])).get(`${topic}:0`) === 3);
      expect(await suite.log.endOffsets([topic])).toEqual(new Map([[`${topic}:0`, 5]]));
      expect((await readAll(topic, 2)).values()).toEqual(["3", "4"]);
    });
  });

  describe("topics", () => {
    given("a topic that is there, when created again, then it stays as it is", async () => {
      const topic = await makeTopic(2, { "retention.ms": "1000000" });
      const before = await suite.log.identity([topic]);
      await suite.log.append(topic, numbered(2));
      await createTopic(topic, 2, { "retention.ms": "5" });
      expect(await suite.log.identity([topic])).toEqual(before);
      const { topics, denied } = await suite.log.describeTopics([topic, newName("missing")]);
      expect(denied).toEqual([]);
      expect(topics).toHaveLength(1);
      expect(topics[0]).toMatchObject({ name: topic, id: before.topicIds.get(topic) });
      expect(topics[0]?.config?.["retention.ms"]).toBe("1000000");
      expect(topics[0]?.replicas).toHaveLength(2);
    });

    given("a setting, when changed, then the others stay", async () => {
      const topic = await makeTopic(1, { "retention.ms": "1000000", "cleanup.policy": "delete" });
      await suite.log.configureTopic(topic, { "retention.ms": "2000000" });
      const config = async () => (await suite.log.describeTopics([topic])).topics[0]?.config ?? {};
      await suite.world.until(async () => (await config())["retention.ms"] === "2000000");
      expect((await config())["cleanup.policy"]).toBe("delete");
    });

    given("more partitions, then keys go to all of them and what was there stays", async () => {
      const topic = await makeTopic(2);
      await suite.log.append(topic, numbered(3, "foobar"));
      await suite.log.addPartitions(topic, 4);
      await suite.world.until(async () => (await suite.log.endOffsets([topic])).size === 4);
      const writer = suite.world.open();
      await writer.append(
        topic,
        Array.from({ length: 40 }, (_, n) => record(`key ${n}`)),
      );
      const ends = await suite.log.endOffsets([topic]);
      expect([...ends.values()].every((end) => end > 0)).toBe(true);
      expect([...ends.values()].reduce((sum, end) => sum + end, 0)).toBe(43);
    });

    given("members that read, when there are more partitions, then they share and read these, too", async () => {
      const topic = await makeTopic(2);
      const group = newName("group");
      const readers = [suite.log, suite.world.open()].map((log) => startReader(log, { group, topics: [topic] }));
      await untilShared(suite, topic, [1, 1], readers);
      await suite.log.addPartitions(topic, 4);
      await untilShared(suite, topic, [2, 2], readers, TEST_MS / 2);
      await Promise.all(readers.map((reader) => reader.stop()));
    });

    given("a topic made anew under its name, then it has another id and begins at zero", async () => {
      const topic = await makeTopic();
      const group = newName("group");
      await suite.log.append(topic, numbered(5));
      const before = await suite.log.identity([topic]);
      const first = startReader(suite.log, { group, topics: [topic] });
      await suite.world.until(() => first.records.length === 5);
      first.subscription.commit({ topic, partition: 0 }, 5);
      await first.stop();
      await dropTopic(topic);
      expect((await suite.log.endOffsets([topic])).size).toBe(0);
      await createTopic(topic, 1);
      const after = await suite.log.identity([topic]);
      expect(after.clusterId).toBe(before.clusterId);
      expect(after.topicIds.get(topic)).not.toBe(before.topicIds.get(topic));
      expect(await suite.log.append(topic, [record("k", "new")])).toEqual([{ topic, partition: 0, offset: 0 }]);
      const reader = await readAll(topic, 1, group);
      expect(reader.values()).toEqual(["new"]);
      expect(reader.batches[0]?.topicId).toBe(after.topicIds.get(topic) ?? "");
    });

    given(
      "a member that reads it, when a topic is made anew, then it reads the new one from its beginning",
      async () => {
        const topic = await makeTopic();
        await suite.log.append(topic, numbered(3));
        const reader = startReader(suite.log, { group: newName("group"), topics: [topic] });
        await suite.world.until(() => reader.records.length === 3);
        const [old] = reader.batches;
        await dropTopic(topic);
        await createTopic(topic, 1);
        const id = (await suite.log.identity([topic])).topicIds.get(topic);
        await suite.world.open().append(topic, [record("k", "new")]);
        await suite.world.until(() => reader.values().at(-1) === "new", TEST_MS / 2);
        await reader.stop();
        expect(reader.batches.at(-1)?.topicId).toBe(id ?? "");
        expect(old && reader.subscription.owns(old)).toBe(false);
      },
    );
  });

  describe("identity", () => {
    given("several processes, then all see the same cluster, and only topics that exist have an id", async () => {
      const topic = await makeTopic();
      const seen: LogIdentity[] = [];
      for (const each of [suite.log, suite.world.open(), suite.world.open()]) {
        seen.push(await each.identity([topic, newName("missing")]));
      }
      expect(seen[0]?.clusterId).not.toBe("");
      expect([...(seen[0]?.topicIds.keys() ?? [])]).toEqual([topic]);
      for (const identity of seen) expect(identity).toEqual(seen[0] as LogIdentity);
    });
  });
}
