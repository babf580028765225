import { describe, expect } from "bun:test";
import { positionKey } from "../../src/engine/log.ts";
import { type LogSuite, numbered, record, TEST_MS } from "./log-suite.ts";
import { startReader, text } from "./reader.ts";

/** What is read is what was appended, from where reading is to start. */
export function reading(suite: LogSuite): void {
  const { given, makeTopic, readAll, newName } = suite;

  describe("what is read", () => {
    given("text of every kind, then keys, values and headers come as they went", async () => {
      const topic = await makeTopic();
      const values = ["", "plain", "ü 漢 🙂", '{"a": "\\"\\\\"}', "nul \0 byte", "x".repeat(600_000)];
      const headers = { event_type: "link.added", ü: '漢 "quoted" \\ \n' };
      await suite.log.append(
        topic,
        values.map((value) => record("ключ", value, headers)),
      );
      const reader = await readAll(topic, values.length);
      expect(reader.values()).toEqual(values);
      for (const found of reader.records) {
        expect(text(found.key)).toBe("ключ");
        expect(found.headers).toEqual(headers);
        expect(Math.abs(found.timestamp - (suite.world.now?.() ?? Date.now()))).toBeLessThan(TEST_MS);
      }
    });

    given("bytes of a foreign program, then none is touched, and null is not empty", async () => {
      const topic = await makeTopic();
      const bytes = Uint8Array.from({ length: 256 }, (_, n) => n);
      const raw = [
        { key: null, value: bytes },
        { key: bytes, value: null },
        { key: new Uint8Array(), value: new Uint8Array() },
      ];
      await suite.world.appendRaw({ topic, partition: 0 }, raw);
      const { records } = await readAll(topic, raw.length);
      const plain = (value: Uint8Array | null) => value && [...value];
      expect(records.map(({ key, value }) => [plain(key), plain(value)])).toEqual(
        raw.map(({ key, value }) => [plain(key), plain(value)]),
      );
      expect(records[0]?.headers).toEqual({});
    });

    given("a largest batch, then none is larger, none mixes partitions, and offsets follow each other", async () => {
      const topic = await makeTopic(2);
      await suite.log.append(
        topic,
        Array.from({ length: 100 }, (_, n) => record(`key ${n}`, String(n))),
      );
      const reader = startReader(suite.log, { group: newName("group"), topics: [topic], maxBatch: 7 });
      await suite.world.until(() => reader.records.length === 100);
      const next = new Map<string, number>();
      for (const batch of reader.batches) {
        expect(batch.records.length).toBeLessThanOrEqual(7);
        for (const found of batch.records) {
          expect(positionKey(found)).toBe(positionKey(batch));
          expect(found.offset).toBe(next.get(positionKey(batch)) ?? 0);
          next.set(positionKey(batch), found.offset + 1);
        }
      }
      await reader.stop();
    });

    given("a reader that waits, when records are appended by another process, then it reads them", async () => {
      const topic = await makeTopic();
      const reader = startReader(suite.log, { group: newName("group"), topics: [topic] });
      await suite.world.until(() => reader.asked.length === 1);
      const other = suite.world.open();
      for (let n = 0; n < 5; n += 1) {
        await other.append(topic, [record("k", String(n))]);
        await suite.world.until(() => reader.records.length === n + 1);
      }
      await reader.stop();
      expect(reader.values()).toEqual(["0", "1", "2", "3", "4"]);
    });

    given("processes that append at once, then a reader meets every record in order and skips none", async () => {
      const topic = await makeTopic(3);
      const reader = startReader(suite.log, { group: newName("group"), topics: [topic], maxBatch: 50 });
      await suite.world.until(() => reader.asked.length === 3);
      const writers = Array.from({ length: 4 }, () => suite.world.open());
      const rounds = 40;
      const perRound = 15;
      await Promise.all(
        writers.map(async (writer, who) => {
          for (let round = 0; round < rounds; round += 1) {
            const batch = Array.from({ length: perRound }, (_, n) =>
              record(`key ${n}`, `${who}:${round * perRound + n}`),
            );
            await writer.append(topic, batch);
          }
        }),
      );
      await suite.world.until(() => reader.records.length >= writers.length * rounds * perRound);
      await reader.stop();
      const next = new Map<string, number>();
      const last = new Map<string, number>();
      for (const found of reader.records) {
        const at = positionKey(found);
        expect(found.offset).toBe(next.get(at) ?? 0);
        next.set(at, found.offset + 1);
        const [who, n] = text(found.value).split(":");
        expect(Number(n)).toBeGreaterThan(last.get(`${at} ${who}`) ?? -1);
        last.set(`${at} ${who}`, Number(n));
      }
      expect(next).toEqual(await suite.log.endOffsets([topic]));
    });
  });

  describe("where reading starts", () => {
    given("a new group, then at the beginning", async () => {
      const topic = await makeTopic();
      await suite.log.append(topic, numbered(3));
      expect((await readAll(topic, 3)).values()).toEqual(["0", "1", "2"]);
    });

    given("what a member of the group committed, then a later member goes on there", async () => {
      const topic = await makeTopic();
      const group = newName("group");
      await suite.log.append(topic, numbered(5));
      const first = startReader(suite.log, { group, topics: [topic] });
      await suite.world.until(() => first.records.length === 5);
      first.subscription.commit({ topic, partition: 0 }, 3);
      await first.stop();
      const later = startReader(suite.world.open(), { group, topics: [topic] });
      await suite.world.until(() => later.records.length === 2);
      await later.stop();
      expect(later.values()).toEqual(["3", "4"]);
    });

    given("a word of the store, then it counts, not the group's commit", async () => {
      const topic = await makeTopic();
      const group = newName("group");
      await suite.log.append(topic, numbered(5));
      const first = startReader(suite.log, { group, topics: [topic] });
      await suite.world.until(() => first.records.length === 5);
      first.subscription.commit({ topic, partition: 0 }, 4);
      await first.stop();
      const startAt = () => new Map([[`${topic}:0`, 1]]);
      const later = startReader(suite.log, { group, topics: [topic], startAt });
      await suite.world.until(() => later.records.length === 4);
      await later.stop();
      expect(later.values()).toEqual(["1", "2", "3", "4"]);
    });

    given("a word of the store that lies after the end, then at the beginning: nothing is skipped", async () => {
      const topic = await makeTopic();
      await suite.log.append(topic, numbered(3));
      const startAt = () => new Map([[`${topic}:0`, 1_000]]);
      const reader = startReader(suite.log, { group: newName("group"), topics: [topic], startAt });
      await suite.world.until(() => reader.records.length === 3);
      await reader.stop();
      expect(reader.values()).toEqual(["0", "1", "2"]);
    });

    given("two groups, then neither knows of the other", async () => {
      const topic = await makeTopic();
      await suite.log.append(topic, numbered(4));
      const one = await readAll(topic, 4, newName("group"));
      const two = await readAll(topic, 4, newName("group"));
      expect(one.values()).toEqual(two.values());
    });
  });
}
