import { describe, expect } from "bun:test";
import { DataError, EnvironmentError } from "../../src/engine/errors.ts";
import { positionKey } from "../../src/engine/log.ts";
import { partitionOf } from "../../src/engine/partition.ts";
import { type LogSuite, numbered, record } from "./log-suite.ts";
import { text } from "./reader.ts";

const MEGABYTE = 1_048_576;

/** What `murmur2` gives for these keys in Kafka's own tests. */
const KNOWN_HASHES = {
  "21": -973932308,
  foobar: -790332482,
  "a-little-bit-long-string": -985981536,
  "a-little-bit-longer-string": -1486304829,
  abc: 479470107,
};

/** Records come into the log whole, in order, where their key says. */
export function appending(suite: LogSuite): void {
  const { given, makeTopic, readAll, newName } = suite;

  describe("appending", () => {
    given("records of several keys, then their positions come in the order of the records", async () => {
      const topic = await makeTopic(3);
      const records = Array.from({ length: 300 }, (_, n) => record(`key ${n % 17}`, String(n)));
      const positions = await suite.log.append(topic, records);
      expect(positions).toHaveLength(records.length);
      const { records: read } = await readAll(topic, records.length);
      const values = new Map(read.map((found) => [`${positionKey(found)}@${found.offset}`, text(found.value)]));
      expect(positions.map((at) => values.get(`${positionKey(at)}@${at.offset}`))).toEqual(
        records.map(({ value }) => value),
      );
    });

    given("keys, then each goes where Kafka's Java client puts it", async () => {
      const topic = await makeTopic(7);
      const positions = await suite.log.append(
        topic,
        Object.keys(KNOWN_HASHES).map((key) => record(key)),
      );
      const expected = Object.values(KNOWN_HASHES).map((hash) => (hash & 0x7fffffff) % 7);
      expect(positions.map(({ partition }) => partition)).toEqual(expected);
    });

    given("fewer partitions than there are, then keys are shared among the first so many", async () => {
      const topic = await makeTopic(5);
      const keys = Array.from({ length: 40 }, (_, n) => `key ${n}`);
      const append = async (among?: number) =>
        (
          await suite.log.append(
            topic,
            keys.map((key) => record(key)),
            among,
          )
        ).map(({ partition }) => partition);
      expect(await append(2)).toEqual(keys.map((key) => partitionOf(key, 2)));
      expect(await append()).toEqual(keys.map((key) => partitionOf(key, 5)));
      const before = await suite.log.endOffsets([topic]);
      await expect(append(6)).rejects.toBeInstanceOf(EnvironmentError);
      expect(await suite.log.endOffsets([topic])).toEqual(before);
    });

    given("appends that follow each other, then offsets count on from zero without a gap", async () => {
      const topic = await makeTopic();
      const batches = [numbered(3), numbered(1), numbered(5)];
      const positions = (await Promise.all(batches.map((batch) => suite.log.append(topic, batch)))).flat();
      expect(positions.map(({ offset }) => offset)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8]);
      expect(await suite.log.endOffsets([topic])).toEqual(new Map([[`${topic}:0`, 9]]));
    });

    given("nothing to append, then nothing happens", async () => {
      const topic = await makeTopic();
      expect(await suite.log.append(topic, [])).toEqual([]);
      expect(await suite.log.endOffsets([topic])).toEqual(new Map([[`${topic}:0`, 0]]));
    });

    given("a topic that is not there, then it is the environment's fault", async () => {
      await expect(suite.log.append(newName("missing"), [record("k")])).rejects.toBeInstanceOf(EnvironmentError);
    });

    given("a record over a megabyte, then it is refused as too large, and others are not", async () => {
      const topic = await makeTopic();
      const tooLarge = suite.log.append(topic, [record("k", "x".repeat(MEGABYTE))]);
      await expect(tooLarge).rejects.toBeInstanceOf(DataError);
      await expect(tooLarge).rejects.toMatchObject({ errorClass: "too_large" });
      await suite.log.append(topic, [record("k", "small")]);
      expect((await readAll(topic, 1)).values()).toEqual(["small"]);
    });

    given("many large records at once, then all of them are taken", async () => {
      const topic = await makeTopic(2);
      const large = "x".repeat(300_000);
      const records = Array.from({ length: 24 }, (_, n) => record(`key ${n}`, large + n));
      await suite.log.append(topic, records);
      const read = (await readAll(topic, records.length)).values();
      expect(read.map((value) => Number(value.slice(large.length))).sort((a, b) => a - b)).toEqual(
        records.map((_, n) => n),
      );
    });
  });
}
