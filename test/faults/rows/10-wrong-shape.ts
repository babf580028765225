import { eventRecord, json } from "../../support/raw-records.ts";
import { amidAny } from "../own-life.ts";
import type { FaultRow } from "../row.ts";
import { badRecordsAmidGood } from "./bad-records.ts";

export const wrongShape: FaultRow = {
  number: 10,
  title: "valid JSON of the wrong shape, unknown event type",
  expected: "set aside; unknown types are not lost",
  deadlineSeconds: 60,
  quick: true,
  ...amidAny((life) => {
    const [warm, landed] = [ofPartition({ payload: { celsius: "warm" } }), ofPartition({ event_type: "moon.landed" })];
    return badRecordsAmidGood(life, [
      (n) => ["wrong_shape", { topic: "events.raw", key: "a", value: json([1, n]) }],
      (n) => ["wrong_shape", { topic: "events.raw", key: "b", value: warm[n] as Buffer }],
      (n) => ["unknown_event_type", { topic: "events.raw", key: "c", value: landed[n] as Buffer }],
      (n) => ["wrong_shape", { topic: "work.enrich_link", key: "d", value: json({ subject_id: `link:${n}` }) }],
    ]);
  }),
};

/** Each has an id of its own. */
const ofPartition = (over: object) => [0, 1, 2].map(() => eventRecord(over));
