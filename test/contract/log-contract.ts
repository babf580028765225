/*
 * What every log must do, whatever it is made of. The suite knows the port and nothing else; an implementation's test
 * file hands in how to make one (`log-kafka.test.ts`, `log-embedded.test.ts`). It asks for outcomes and waits for them:
 * no case depends on how fast something is, beyond a deadline.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { DataError, EnvironmentError } from "../../src/engine/errors.ts";
import { type Log, type LogIdentity, type NewRecord, positionKey } from "../../src/engine/log.ts";
import type { Ability, LogUnderTest } from "./log-under-test.ts";
import { type Reader, startReader, text } from "./reader.ts";

const TEST_MS = 90_000;
/** Waiting ends so soon after it was told to stop. */
const PROMPT_MS = 10_000;
const MEGABYTE = 1_048_576;

/** What `murmur2` gives for these keys in Kafka's own tests. */
const KNOWN_HASHES = {
  "21": -973932308,
  foobar: -790332482,
  "a-little-bit-long-string": -985981536,
  "a-little-bit-longer-string": -1486304829,
  abc: 479470107,
};

const record = (key: string, value = "", headers: Record<string, string> = {}): NewRecord => ({ key, value, headers });
const numbered = (count: number, key = "k") => Array.from({ length: count }, (_, n) => record(key, String(n)));

/** Declares the suite for one implementation. What needs an `ability` that its test does not have is not declared. */
export function logContract(
  name: string,
  create: () => Promise<LogUnderTest>,
  { abilities = [] }: { readonly abilities?: readonly Ability[] } = {},
): void {
  describe(`the log: ${name}`, () => {
    let world: LogUnderTest;
    let log: Log;
    let names = 0;
    const newName = (kind: string) => {
      names += 1;
      return `${kind}-${names}`;
    };

    beforeAll(async () => {
      world = await create();
      log = world.open();
    }, TEST_MS);
    afterAll(() => world?.[Symbol.asyncDispose](), TEST_MS);

    const given = (what: string, run: () => Promise<void>) => test(what, run, TEST_MS);

    const givenAble = (ability: Ability, what: string, run: () => Promise<void>) => {
      if (abilities.includes(ability)) given(what, run);
    };

    async function makeTopic(partitions = 1, config: Record<string, string> = {}): Promise<string> {
      const topic = newName("topic");
      await createTopic(topic, partitions, config);
      return topic;
    }

    async function createTopic(topic: string, partitions: number, config: Record<string, string> = {}): Promise<void> {
      await log.createTopics([{ name: topic, partitions, config, purpose: "a test", replication: 1 }]);
      // A broker may say yes before all of it is there.
      await world.until(async () => (await log.endOffsets([topic])).size === partitions);
    }

    async function dropTopic(topic: string): Promise<void> {
      await log.deleteTopics([topic]);
      await world.until(async () => !(await log.identity([topic])).topicIds.has(topic));
    }

    /** Reads until there are so many records, then leaves. */
    async function readAll(topic: string, count: number, group = newName("group")): Promise<Reader> {
      const reader = startReader(log, { group, topics: [topic] });
      await world.until(() => reader.records.length >= count);
      await reader.stop();
      return reader;
    }

    /** The partitions that a reader is asked for and still owns, by what it read last of each. */
    const owned = (reader: Reader): Set<string> =>
      new Set(reader.batches.filter((batch) => reader.subscription.owns(batch)).map(positionKey));

    describe("appending", () => {
      given("records of several keys, then their positions come in the order of the records", async () => {
        const topic = await makeTopic(3);
        const records = Array.from({ length: 300 }, (_, n) => record(`key ${n % 17}`, String(n)));
        const positions = await log.append(topic, records);
        expect(positions).toHaveLength(records.length);
        const { records: read } = await readAll(topic, records.length);
        const values = new Map(read.map((found) => [`${positionKey(found)}@${found.offset}`, text(found.value)]));
        expect(positions.map((at) => values.get(`${positionKey(at)}@${at.offset}`))).toEqual(
          records.map(({ value }) => value),
        );
      });

      given("keys, then each goes where Kafka's Java client puts it", async () => {
        const topic = await makeTopic(7);
        const positions = await log.append(
          topic,
          Object.keys(KNOWN_HASHES).map((key) => record(key)),
        );
        const expected = Object.values(KNOWN_HASHES).map((hash) => (hash & 0x7fffffff) % 7);
        expect(positions.map(({ partition }) => partition)).toEqual(expected);
      });

      given("appends that follow each other, then offsets count on from zero without a gap", async () => {
        const topic = await makeTopic();
        const batches = [numbered(3), numbered(1), numbered(5)];
        const positions = (await Promise.all(batches.map((batch) => log.append(topic, batch)))).flat();
        expect(positions.map(({ offset }) => offset)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8]);
        expect(await log.endOffsets([topic])).toEqual(new Map([[`${topic}:0`, 9]]));
      });

      given("nothing to append, then nothing happens", async () => {
        const topic = await makeTopic();
        expect(await log.append(topic, [])).toEqual([]);
        expect(await log.endOffsets([topic])).toEqual(new Map([[`${topic}:0`, 0]]));
      });

      given("a topic that is not there, then it is the environment's fault", async () => {
        await expect(log.append(newName("missing"), [record("k")])).rejects.toBeInstanceOf(EnvironmentError);
      });

      given("a record over a megabyte, then it is refused as too large, and others are not", async () => {
        const topic = await makeTopic();
        const tooLarge = log.append(topic, [record("k", "x".repeat(MEGABYTE))]);
        await expect(tooLarge).rejects.toBeInstanceOf(DataError);
        await expect(tooLarge).rejects.toMatchObject({ errorClass: "too_large" });
        await log.append(topic, [record("k", "small")]);
        expect((await readAll(topic, 1)).values()).toEqual(["small"]);
      });

      given("many large records at once, then all of them are taken", async () => {
        const topic = await makeTopic(2);
        const large = "x".repeat(300_000);
        const records = Array.from({ length: 24 }, (_, n) => record(`key ${n}`, large + n));
        await log.append(topic, records);
        const read = (await readAll(topic, records.length)).values();
        expect(read.map((value) => Number(value.slice(large.length))).sort((a, b) => a - b)).toEqual(
          records.map((_, n) => n),
        );
      });
    });

    describe("what is read", () => {
      given("text of every kind, then keys, values and headers come as they went", async () => {
        const topic = await makeTopic();
        const values = ["", "plain", "ü 漢 🙂", '{"a": "\\"\\\\"}', "nul \0 byte", "x".repeat(600_000)];
        const headers = { event_type: "link.added", ü: '漢 "quoted" \\ \n' };
        await log.append(
          topic,
          values.map((value) => record("ключ", value, headers)),
        );
        const reader = await readAll(topic, values.length);
        expect(reader.values()).toEqual(values);
        for (const found of reader.records) {
          expect(text(found.key)).toBe("ключ");
          expect(found.headers).toEqual(headers);
          expect(Math.abs(found.timestamp - (world.now?.() ?? Date.now()))).toBeLessThan(TEST_MS);
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
        await world.appendRaw({ topic, partition: 0 }, raw);
        const { records } = await readAll(topic, raw.length);
        const plain = (value: Uint8Array | null) => value && [...value];
        expect(records.map(({ key, value }) => [plain(key), plain(value)])).toEqual(
          raw.map(({ key, value }) => [plain(key), plain(value)]),
        );
        expect(records[0]?.headers).toEqual({});
      });

      given("a largest batch, then none is larger, none mixes partitions, and offsets follow each other", async () => {
        const topic = await makeTopic(2);
        await log.append(
          topic,
          Array.from({ length: 100 }, (_, n) => record(`key ${n}`, String(n))),
        );
        const reader = startReader(log, { group: newName("group"), topics: [topic], maxBatch: 7 });
        await world.until(() => reader.records.length === 100);
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
        const reader = startReader(log, { group: newName("group"), topics: [topic] });
        await world.until(() => reader.asked.length === 1);
        const other = world.open();
        for (let n = 0; n < 5; n += 1) {
          await other.append(topic, [record("k", String(n))]);
          await world.until(() => reader.records.length === n + 1);
        }
        await reader.stop();
        expect(reader.values()).toEqual(["0", "1", "2", "3", "4"]);
      });

      given("processes that append at once, then a reader meets every record in order and skips none", async () => {
        const topic = await makeTopic(3);
        const reader = startReader(log, { group: newName("group"), topics: [topic], maxBatch: 50 });
        await world.until(() => reader.asked.length === 3);
        const writers = Array.from({ length: 4 }, () => world.open());
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
        await world.until(() => reader.records.length >= writers.length * rounds * perRound);
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
        expect(next).toEqual(await log.endOffsets([topic]));
      });
    });

    describe("where reading starts", () => {
      given("a new group, then at the beginning", async () => {
        const topic = await makeTopic();
        await log.append(topic, numbered(3));
        expect((await readAll(topic, 3)).values()).toEqual(["0", "1", "2"]);
      });

      given("what a member of the group committed, then a later member goes on there", async () => {
        const topic = await makeTopic();
        const group = newName("group");
        await log.append(topic, numbered(5));
        const first = startReader(log, { group, topics: [topic] });
        await world.until(() => first.records.length === 5);
        first.subscription.commit({ topic, partition: 0 }, 3);
        await first.stop();
        const later = startReader(world.open(), { group, topics: [topic] });
        await world.until(() => later.records.length === 2);
        await later.stop();
        expect(later.values()).toEqual(["3", "4"]);
      });

      given("a word of the store, then it counts, not the group's commit", async () => {
        const topic = await makeTopic();
        const group = newName("group");
        await log.append(topic, numbered(5));
        const first = startReader(log, { group, topics: [topic] });
        await world.until(() => first.records.length === 5);
        first.subscription.commit({ topic, partition: 0 }, 4);
        await first.stop();
        const startAt = () => new Map([[`${topic}:0`, 1]]);
        const later = startReader(log, { group, topics: [topic], startAt });
        await world.until(() => later.records.length === 4);
        await later.stop();
        expect(later.values()).toEqual(["1", "2", "3", "4"]);
      });

      given("a word of the store that lies after the end, then at the beginning: nothing is skipped", async () => {
        const topic = await makeTopic();
        await log.append(topic, numbered(3));
        const startAt = () => new Map([[`${topic}:0`, 1_000]]);
        const reader = startReader(log, { group: newName("group"), topics: [topic], startAt });
        await world.until(() => reader.records.length === 3);
        await reader.stop();
        expect(reader.values()).toEqual(["0", "1", "2"]);
      });

      given("two groups, then neither knows of the other", async () => {
        const topic = await makeTopic();
        await log.append(topic, numbered(4));
        const one = await readAll(topic, 4, newName("group"));
        const two = await readAll(topic, 4, newName("group"));
        expect(one.values()).toEqual(two.values());
      });
    });

    describe("members of a group", () => {
      /** Appends to every partition until each was read by a member that still owns it, and says who owns how many. */
      async function shares(topic: string, partitions: number, readers: readonly Reader[]): Promise<number[]> {
        await log.append(
          topic,
          Array.from({ length: partitions * 12 }, (_, n) => record(`key ${n}`)),
        );
        return readers.map((reader) => owned(reader).size);
      }

      async function untilShared(topic: string, expected: readonly number[], readers: readonly Reader[], ms?: number) {
        const partitions = expected.reduce((sum, share) => sum + share, 0);
        const sorted = (list: readonly number[]) => [...list].sort((a, b) => a - b).join();
        await world.until(async () => sorted(await shares(topic, partitions, readers)) === sorted(expected), ms);
      }

      given(
        "two members, when one leaves, then the other takes over and what was read before is nobody's",
        async () => {
          const topic = await makeTopic(4);
          const group = newName("group");
          const stays = startReader(log, { group, topics: [topic] });
          await untilShared(topic, [4], [stays]);
          const goes = startReader(world.open(), { group, topics: [topic] });
          await untilShared(topic, [2, 2], [stays, goes]);
          const moved = [...owned(goes)];
          const before = stays.batches.filter((batch) => moved.includes(positionKey(batch)));
          expect(before.length).toBeGreaterThan(0);
          const lost = goes.batches.filter((batch) => goes.subscription.owns(batch));
          await goes.stop();
          expect(lost.some((batch) => goes.subscription.owns(batch))).toBe(false);
          await untilShared(topic, [4], [stays]);
          // The same partition, and again the same owner, but not the same assignment.
          expect(before.some((batch) => stays.subscription.owns(batch))).toBe(false);
          for (const at of moved) expect(stays.asked.filter((asked) => asked === at).length).toBeGreaterThan(1);
          await stays.stop();
        },
      );

      given("a member of three partitions and two that join, then nobody has more than one", async () => {
        const topic = await makeTopic(3);
        const group = newName("group");
        const readers = [startReader(log, { group, topics: [topic] })];
        await untilShared(topic, [3], readers);
        readers.push(startReader(world.open(), { group, topics: [topic] }));
        readers.push(startReader(world.open(), { group, topics: [topic] }));
        await untilShared(topic, [1, 1, 1], readers);
        await Promise.all(readers.map((reader) => reader.stop()));
      });

      given("a member that dies without a word, then it is replaced when its session is over", async () => {
        const topic = await makeTopic(2);
        const group = newName("group");
        const dies = await world.startMember(group, topic);
        const stays = startReader(log, { group, topics: [topic] });
        await untilShared(topic, [1], [stays]);
        await dies.kill();
        await untilShared(topic, [2], [stays], world.sessionMs + 30_000);
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
          readers.push(startReader(world.open(), { group, topics: [topic], startAt }));
          if (readers.length > 3) await readers.shift()?.stop();
          await log.append(
            topic,
            Array.from({ length: 100 }, (_, n) => record(`key ${n}`, String(sent + n))),
          );
          await world.until(() => {
            apply();
            return seen.size > sent;
          });
        }
        await world.until(() => {
          apply();
          return seen.size === total;
        });
        await Promise.all(readers.map((reader) => reader.stop()));
      });
    });

    describe("members", () => {
      given(
        "a group, when members come and go, then so many are counted; of one that nobody joined, none",
        async () => {
          const topic = await makeTopic(2);
          const [group, nobodys] = [newName("group"), newName("group")];
          const counted = async (expected: number) => {
            await world.until(async () => (await log.members([group])).get(group) === expected);
          };
          expect(await log.members([group, nobodys])).toEqual(
            new Map([
              [group, 0],
              [nobodys, 0],
            ]),
          );
          const readers = [startReader(log, { group, topics: [topic] })];
          await counted(1);
          readers.push(startReader(world.open(), { group, topics: [topic] }));
          await counted(2);
          await readers.pop()?.stop();
          await counted(1);
          await readers.pop()?.stop();
          await counted(0);
          expect((await log.members([nobodys])).get(nobodys)).toBe(0);
        },
      );
    });

    describe("where a topic begins", () => {
      given("records, then at zero in every partition; a topic that is not there begins nowhere", async () => {
        const topic = await makeTopic(3);
        await log.append(
          topic,
          Array.from({ length: 20 }, (_, n) => record(`key ${n}`)),
        );
        expect(await log.startOffsets([topic, newName("missing")])).toEqual(
          new Map([0, 1, 2].map((partition) => [positionKey({ topic, partition }), 0])),
        );
      });

      givenAble("deleteBefore", "records that are gone, then after them, and so does who reads it first", async () => {
        const topic = await makeTopic();
        await log.append(topic, numbered(5));
        await world.deleteBefore?.({ topic, partition: 0 }, 3);
        await world.until(async () => (await log.startOffsets([topic])).get(`${topic}:0`) === 3);
        expect(await log.endOffsets([topic])).toEqual(new Map([[`${topic}:0`, 5]]));
        expect((await readAll(topic, 2)).values()).toEqual(["3", "4"]);
      });
    });

    describe("topics", () => {
      given("a topic that is there, when created again, then it stays as it is", async () => {
        const topic = await makeTopic(2, { "retention.ms": "1000000" });
        const before = await log.identity([topic]);
        await log.append(topic, numbered(2));
        await createTopic(topic, 2, { "retention.ms": "5" });
        expect(await log.identity([topic])).toEqual(before);
        const { topics, denied } = await log.describeTopics([topic, newName("missing")]);
        expect(denied).toEqual([]);
        expect(topics).toHaveLength(1);
        expect(topics[0]).toMatchObject({ name: topic, id: before.topicIds.get(topic) });
        expect(topics[0]?.config?.["retention.ms"]).toBe("1000000");
        expect(topics[0]?.replicas).toHaveLength(2);
      });

      given("a setting, when changed, then the others stay", async () => {
        const topic = await makeTopic(1, { "retention.ms": "1000000", "cleanup.policy": "delete" });
        await log.configureTopic(topic, { "retention.ms": "2000000" });
        const config = async () => (await log.describeTopics([topic])).topics[0]?.config ?? {};
        await world.until(async () => (await config())["retention.ms"] === "2000000");
        expect((await config())["cleanup.policy"]).toBe("delete");
      });

      given("more partitions, then keys go to all of them and what was there stays", async () => {
        const topic = await makeTopic(2);
        await log.append(topic, numbered(3, "foobar"));
        await log.addPartitions(topic, 4);
        await world.until(async () => (await log.endOffsets([topic])).size === 4);
        const writer = world.open();
        await writer.append(
          topic,
          Array.from({ length: 40 }, (_, n) => record(`key ${n}`)),
        );
        const ends = await log.endOffsets([topic]);
        expect([...ends.values()].every((end) => end > 0)).toBe(true);
        expect([...ends.values()].reduce((sum, end) => sum + end, 0)).toBe(43);
      });

      given("a topic made anew under its name, then it has another id and begins at zero", async () => {
        const topic = await makeTopic();
        const group = newName("group");
        await log.append(topic, numbered(5));
        const before = await log.identity([topic]);
        const first = startReader(log, { group, topics: [topic] });
        await world.until(() => first.records.length === 5);
        first.subscription.commit({ topic, partition: 0 }, 5);
        await first.stop();
        await dropTopic(topic);
        expect((await log.endOffsets([topic])).size).toBe(0);
        await createTopic(topic, 1);
        const after = await log.identity([topic]);
        expect(after.clusterId).toBe(before.clusterId);
        expect(after.topicIds.get(topic)).not.toBe(before.topicIds.get(topic));
        expect(await log.append(topic, [record("k", "new")])).toEqual([{ topic, partition: 0, offset: 0 }]);
        const reader = await readAll(topic, 1, group);
        expect(reader.values()).toEqual(["new"]);
        expect(reader.batches[0]?.topicId).toBe(after.topicIds.get(topic) ?? "");
      });

      given(
        "a member that reads it, when a topic is made anew, then it reads the new one from its beginning",
        async () => {
          const topic = await makeTopic();
          await log.append(topic, numbered(3));
          const reader = startReader(log, { group: newName("group"), topics: [topic] });
          await world.until(() => reader.records.length === 3);
          const [old] = reader.batches;
          await dropTopic(topic);
          await createTopic(topic, 1);
          const id = (await log.identity([topic])).topicIds.get(topic);
          await world.open().append(topic, [record("k", "new")]);
          await world.until(() => reader.values().at(-1) === "new", TEST_MS / 2);
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
        for (const each of [log, world.open(), world.open()]) {
          seen.push(await each.identity([topic, newName("missing")]));
        }
        expect(seen[0]?.clusterId).not.toBe("");
        expect([...(seen[0]?.topicIds.keys() ?? [])]).toEqual([topic]);
        for (const identity of seen) expect(identity).toEqual(seen[0] as LogIdentity);
      });
    });

    describe("the environment", () => {
      given("a member that waits for records, when it is told to stop, then it does at once", async () => {
        const topic = await makeTopic();
        const reader = startReader(log, { group: newName("group"), topics: [topic] });
        await world.until(() => reader.asked.length === 1);
        const startedAt = performance.now();
        await reader.stop();
        expect(performance.now() - startedAt).toBeLessThan(PROMPT_MS);
      });

      given(
        "a server that is away, then it is the environment's fault, and a member waits until told to stop",
        async () => {
          const away = world.openAway();
          await expect(away.append("topic", [record("k")])).rejects.toBeInstanceOf(EnvironmentError);
          await expect(away.identity(["topic"])).rejects.toBeInstanceOf(EnvironmentError);
          const leave = new AbortController();
          let interrupted = false;
          const subscription = away.subscribe({
            group: "group",
            topics: ["topic"],
            maxBatch: 10,
            signal: leave.signal,
            startAt: async () => new Map(),
            onChange: (change) => {
              interrupted ||= change === "interrupted";
            },
          });
          const reading = (async () => {
            for await (const _ of subscription) throw new Error("nothing can be read there");
          })();
          await world.until(() => interrupted);
          const startedAt = performance.now();
          leave.abort();
          await reading;
          await subscription[Symbol.asyncDispose]();
          expect(performance.now() - startedAt).toBeLessThan(PROMPT_MS);
        },
      );

      givenAble(
        "cutConnections",
        "connections that are cut, when the server is there again, then reading goes on without a gap",
        async () => {
          const topic = await makeTopic();
          const reader = startReader(world.open(), { group: newName("group"), topics: [topic] });
          await log.append(topic, numbered(3));
          await world.until(() => reader.records.length === 3);
          await world.cutConnections?.();
          await world.until(async () => {
            const sent = log.append(topic, [record("k", "after")]);
            return sent.then(
              () => true,
              (error) => {
                expect(error).toBeInstanceOf(EnvironmentError);
                return false;
              },
            );
          });
          await world.until(() => reader.values().includes("after"));
          await reader.stop();
          const offsets = reader.records.map(({ offset }) => offset);
          expect(new Set(offsets)).toEqual(new Set(offsets.map((_, n) => n).slice(0, Math.max(...offsets) + 1)));
        },
      );
    });
  });
}
