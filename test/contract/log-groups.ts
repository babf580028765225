import { describe, expect } from "bun:test";
import { positionKey } from "../../src/engine/log.ts";
import { type LogSuite, record } from "./log-suite.ts";
import { type Reader, startReader, text } from "./reader.ts";
import { owned, untilShared } from "./shares.ts";

/** Members share the partitions; one that leaves or dies is replaced. */
export function groups(suite: LogSuite): void {
  const { given, makeTopic, newName } = suite;

  describe("members of a group", () => {
    given("two members, when one leaves, then the other takes over and what was read before is nobody's", async () => {
      const topic = await makeTopic(4);
      const group = newName("group");
      const stays = startReader(suite.log, { group, topics: [topic] });
      await untilShared(suite, topic, [4], [stays]);
      const goes = startReader(suite.world.open(), { group, topics: [topic] });
      await untilShared(suite, topic, [2, 2], [stays, goes]);
      const moved = [...owned(goes)];
      const before = stays.batches.filter((batch) => moved.includes(positionKey(batch)));
      expect(before.length).toBeGreaterThan(0);
      const lost = goes.batches.filter((batch) => goes.subscription.owns(batch));
      await goes.stop();
      expect(lost.some((batch) => goes.subscription.owns(batch))).toBe(false);
      await untilShared(suite, topic, [4], [stays]);
      // The same partition, and again the same owner, but not the same assignment.
      expect(before.some((batch) => stays.subscription.owns(batch))).toBe(false);
      for (const at of moved) expect(stays.asked.filter((asked) => asked === at).length).toBeGreaterThan(1);
      await stays.stop();
    });

    given("a member of three partitions and two that join, then nobody has more than one", async () => {
      const topic = await makeTopic(3);
      const group = newName("group");
      const readers = [startReader(suite.log, { group, topics: [topic] })];
      await untilShared(suite, topic, [3], readers);
      readers.push(startReader(suite.world.open(), { group, topics: [topic] }));
      readers.push(startReader(suite.world.open(), { group, topics: [topic] }));
      await untilShared(suite, topic, [1, 1, 1], readers);
      await Promise.all(readers.map((reader) => reader.stop()));
    });

    given("a member that dies without a word, then it is replaced when its session is over", async () => {
      const topic = await makeTopic(2);
      const group = newName("group");
      const dies = await suite.world.startMember(group, topic);
      const stays = startReader(suite.log, { group, topics: [topic] });
      await untilShared(suite, topic, [1], [stays]);
      await dies.kill();
      await untilShared(suite, topic, [2], [stays], suite.world.sessionMs + 30_000);
      await stays.stop();
    });

    given("records that are appended while members come and go, then each is read at least once", async () => {
      const topic = await makeTopic(3);
      const group = newName("group");
      const seen = new Set<string>();
      const committed = new Map<string, number>();
      const startAt = () => new Map(committed);
      const readers: Reader[] = [];
      /** The store of this test: a position moves only for who owns the batch. */
      const apply = () => {
        for (const reader of readers) {
          for (const batch of reader.batches.splice(0)) {
            const first = batch.records[0]?.offset ?? 0;
            if (!reader.subscription.owns(batch) || first > (committed.get(positionKey(batch)) ?? 0)) continue;
            for (const found of batch.records) seen.add(text(found.value));
            committed.set(positionKey(batch), (batch.records.at(-1)?.offset ?? 0) + 1);
          }
        }
      };
      const total = 600;
      for (let sent = 0; sent < total; sent += 100) {
        readers.push(startReader(suite.world.open(), { group, topics: [topic], startAt }));
        if (readers.length > 3) await readers.shift()?.stop();
        await suite.log.append(
          topic,
          Array.from({ length: 100 }, (_, n) => record(`key ${n}`, String(sent + n))),
        );
        await suite.world.until(() => {
          apply();
          return seen.size > sent;
        });
      }
      await suite.world.until(() => {
        apply();
        return seen.size === total;
      });
      await Promise.all(readers.map((reader) => reader.stop()));
    });
  });

  describe("members", () => {
    given("a group, when members come and go, then so many are counted; of one that nobody joined, none", async () => {
      const topic = await makeTopic(2);
      const [group, nobodys] = [newName("group"), newName("group")];
      const counted = async (expected: number) => {
        await suite.world.until(async () => (await suite.log.members([group])).get(group) === expected);
      };
      expect(await suite.log.members([group, nobodys])).toEqual(
        new Map([
          [group, 0],
          [nobodys, 0],
        ]),
      );
      const readers = [startReader(suite.log, { group, topics: [topic] })];
      await counted(1);
      readers.push(startReader(suite.world.open(), { group, topics: [topic] }));
      await counted(2);
      await readers.pop()?.stop();
      await counted(1);
      await readers.pop()?.stop();
      await counted(0);
      expect((await suite.log.members([nobodys])).get(nobodys)).toBe(0);
    });
  });
}
