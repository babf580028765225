import { amidAny } from "../own-life.ts";
import type { FaultRow } from "../row.ts";
import { badRecordsAmidGood } from "./bad-records.ts";

export const brokenBytes: FaultRow = {
  number: 9,
  title: "malformed JSON, empty value, wrong encoding",
  expected: "set aside with bytes and coordinates; the next goes on",
  deadlineSeconds: 60,
  quick: true,
  ...amidAny((life) =>
    badRecordsAmidGood(life, [
      (n) => ["invalid_json", { topic: "events.raw", key: "a", value: Buffer.from(`{half ${n}`) }],
      () => ["empty_value", { topic: "events.raw", key: "b", value: Buffer.alloc(0) }],
      (n) => ["wrong_encoding", { topic: "events.raw", key: "c", value: Buffer.from([0xff, 0x00, n]) }],
      (n) => ["invalid_json", { topic: "work.fetch_link", key: "d", value: Buffer.from(`not json ${n}`) }],
      (n) => ["wrong_encoding", { topic: "work.publish_link", key: "e", value: Buffer.from([0xc3, 0x28, n]) }],
    ]),
  ),
};
