import { expect, test } from "bun:test";
import fc from "fast-check";
import type { StoredEvent } from "../engine/event.ts";
import { planWaves } from "./materializer.ts";

const event = (subjectId: string, type: string, position: number): StoredEvent => ({
  id: String(position),
  occurredAt: "",
  receivedAt: "",
  source: "",
  subject: "",
  subjectId,
  type,
  schemaVersion: 1,
  payload: {},
  correlationId: null,
  causationId: null,
  position,
});

test("given any mix of subjects and types, when waves are planned, then each subject's events keep their order", () => {
  const mixes = fc.array(fc.tuple(fc.constantFrom("a", "b", "c"), fc.constantFrom("x", "y", "z")), { maxLength: 60 });
  fc.assert(
    fc.property(mixes, (mix) => {
      const events = mix.map(([subject, type], index) => event(subject, type, index));
      const applied = planWaves(events).flatMap((wave) => wave.events);
      expect(applied).toHaveLength(events.length);
      for (const subject of ["a", "b", "c"]) {
        const order = (list: readonly StoredEvent[]) =>
          list.filter((one) => one.subjectId === subject).map((one) => one.position);
        expect(order(applied)).toEqual(order(events));
      }
    }),
  );
});

test("given many subjects with interleaved types, when waves are planned, then there are as few as types", () => {
  const events = Array.from({ length: 300 }, (_, index) => event(`s${index}`, index % 2 ? "x" : "y", index));
  expect(planWaves(events).map((wave) => wave.events.length)).toEqual([150, 150]);
});
