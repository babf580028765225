import { expect, test } from "bun:test";
import type { FaultOutcome, FaultRow } from "./row.ts";
import { tryRow } from "./try-row.ts";

const OUTCOME: FaultOutcome = {
  injected: "",
  seen: "",
  recoveredMs: 900,
  lost: 0,
  doubled: 0,
  said: ["waiting: Kafka"],
};

const tried = (row: Partial<FaultRow>, outcome: Partial<FaultOutcome> = {}) =>
  tryRow(
    {
      number: 1,
      title: "",
      expected: "",
      deadlineSeconds: 1,
      quick: false,
      run: async () => ({ ...OUTCOME, ...outcome }),
      ...row,
    },
    Math.random,
  );

test("given a row that recovers in time and says what it has to, then its outcome is told", async () => {
  expect(await tried({ says: [/waiting.*Kafka/] })).toEqual(OUTCOME);
});

test("given a row that recovers too late, then it fails", async () => {
  await expect(tried({}, { recoveredMs: 1_100 })).rejects.toThrow("recovered after 1.1 s, not within 1 s");
});

test("given a row of which no stage says what it waits for, then it fails", async () => {
  await expect(tried({ says: [/waiting.*Postgres/] })).rejects.toThrow("no stage said /waiting.*Postgres/");
});
