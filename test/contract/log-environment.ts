import { describe, expect } from "bun:test";
import { EnvironmentError } from "../../src/engine/errors.ts";
import { type LogSuite, numbered, record } from "./log-suite.ts";
import { startReader } from "./reader.ts";

/** Waiting ends so soon after it was told to stop. */
const PROMPT_MS = 10_000;

/** A server that is away, connections that break, a wait that is told to end. */
export function environment(suite: LogSuite): void {
  const { given, givenAble, makeTopic, newName } = suite;

  describe("the environment", () => {
    given("a member that waits for records, when it is told to stop, then it does at once", async () => {
      const topic = await makeTopic();
      const reader = startReader(suite.log, { group: newName("group"), topics: [topic] });
      await suite.world.until(() => reader.asked.length === 1);
      const startedAt = performance.now();
      await reader.stop();
      expect(performance.now() - startedAt).toBeLessThan(PROMPT_MS);
    });

    given(
      "a server that is away, then it is the environment's fault, and a member waits until told to stop",
      async () => {
        const away = suite.world.openAway();
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
        await suite.world.until(() => interrupted);
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
        const reader = startReader(suite.world.open(), { group: newName("group"), topics: [topic] });
        await suite.log.append(topic, numbered(3));
        await suite.world.until(() => reader.records.length === 3);
        await suite.world.cutConnections?.();
        await suite.world.until(async () => {
          const sent = suite.log.append(topic, [record("k", "after")]);
          return sent.then(
            () => true,
            (error) => {
              expect(error).toBeInstanceOf(EnvironmentError);
              return false;
            },
          );
        });
        await suite.world.until(() => reader.values().includes("after"));
        await reader.stop();
        const offsets = reader.records.map(({ offset }) => offset);
        expect(new Set(offsets)).toEqual(new Set(offsets.map((_, n) => n).slice(0, Math.max(...offsets) + 1)));
      },
    );
  });
}
