import { afterAll, beforeAll, test } from "bun:test";
import type { Log, NewRecord } from "../../src/engine/log.ts";
import type { Ability, LogUnderTest } from "./log-under-test.ts";
import { type Reader, startReader } from "./reader.ts";

export const TEST_MS = 90_000;

/** What the cases are written with: a log, and topics and groups of their own in it. */
export interface LogSuite {
  readonly world: LogUnderTest;
  readonly log: Log;
  given(what: string, run: () => Promise<void>): void;
  /** Not declared where the log cannot be made to do that. */
  givenAble(ability: Ability, what: string, run: () => Promise<void>): void;
  newName(kind: string): string;
  makeTopic(partitions?: number, config?: Record<string, string>): Promise<string>;
  createTopic(topic: string, partitions: number, config?: Record<string, string>): Promise<void>;
  dropTopic(topic: string): Promise<void>;
  /** Reads until there are so many records, then leaves. */
  readAll(topic: string, count: number, group?: string): Promise<Reader>;
}

export const record = (key: string, value = "", headers: Record<string, string> = {}): NewRecord => ({
  key,
  value,
  headers,
});

export const numbered = (count: number, key = "k") => Array.from({ length: count }, (_, n) => record(key, String(n)));

/** To be called where tests are declared: the log is there once they run. */
export function logSuite(create: () => Promise<LogUnderTest>, abilities: readonly Ability[]): LogSuite {
  let world: LogUnderTest;
  let log: Log;
  let names = 0;
  beforeAll(async () => {
    world = await create();
    log = world.open();
  }, TEST_MS);
  afterAll(() => world?.[Symbol.asyncDispose](), TEST_MS);

  const suite: LogSuite = {
    get world() {
      return world;
    },
    get log() {
      return log;
    },
    given: (what, run) => test(what, run, TEST_MS),
    givenAble(ability, what, run) {
      if (abilities.includes(ability)) suite.given(what, run);
    },
    newName(kind) {
      names += 1;
      return `${kind}-${names}`;
    },
    async makeTopic(partitions = 1, config = {}) {
      const topic = suite.newName("topic");
      await suite.createTopic(topic, partitions, config);
      return topic;
    },
    async createTopic(topic, partitions, config = {}) {
      await log.createTopics([{ name: topic, partitions, config, purpose: "a test", replication: 1 }]);
      // A broker may say yes before all of it is there.
      await world.until(async () => (await log.endOffsets([topic])).size === partitions);
    },
    async dropTopic(topic) {
      await log.deleteTopics([topic]);
      await world.until(async () => !(await log.identity([topic])).topicIds.has(topic));
    },
    async readAll(topic, count, group = suite.newName("group")) {
      const reader = startReader(log, { group, topics: [topic] });
      await world.until(() => reader.records.length >= count);
      await reader.stop();
      return reader;
    },
  };
  return suite;
}
