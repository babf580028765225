import { expect, test } from "bun:test";
import type { Explained } from "../rebuild/explain.ts";
import type { VerifyReport } from "../rebuild/verify.ts";
import { findings } from "./verify-report.ts";

const SOUND: VerifyReport = {
  events: 9,
  unreadable: { total: 0, first: [] },
  tables: [],
  leftByAdoption: 0,
  onTheirWay: 0,
  readAfterAll: 0,
  leftOut: { onTheirWay: 0, readAfterAll: 0 },
  differingSubjects: 0,
  explained: [],
  doubled: [],
  overspent: [],
};

const differs = (subjectId: string, why: Partial<Explained> = {}): Explained => ({
  subjectId,
  lost: [],
  doubled: [],
  lookedInto: true,
  ...why,
});

test("given nothing that differs, when told, then there is nothing to tell", () => {
  expect(findings(SOUND)).toEqual([]);
});

test("given subjects that differ, when told, then each says what explains it, and of no more than was tried", () => {
  const explained = [
    differs("t:1", { lost: ["e1", "e2"] }),
    differs("t:2", { doubled: ["e3"] }),
    differs("t:3"),
    differs("t:4", { lookedInto: false }),
  ];
  expect(findings({ ...SOUND, differingSubjects: 6, explained })).toEqual([
    "lost: event e1, e2 of t:1",
    "doubled: event e3 of t:2 was applied twice",
    "differs: t:3: neither a single event, lost or doubled, explains it nor its last few, lost together",
    "differs: t:4: not looked into, it has more than 50 events",
    "not looked into: 1 subject with more than 50 events, 2 subjects behind the first 50 that differ",
  ]);
});
