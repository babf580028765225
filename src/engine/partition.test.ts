import { expect, test } from "bun:test";
import { murmur2 as referenceMurmur2 } from "@platformatic/kafka";
import fc from "fast-check";
import { murmur2, partitionOf } from "./partition.ts";

test.each([
  ["21", -973932308],
  ["foobar", -790332482],
  ["a-little-bit-long-string", -985981536],
  ["a-little-bit-longer-string", -1486304829],
  ["lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971],
  ["abc", 479470107],
])("given %p, when hashed, then it is what Kafka's Java client says", (text, expected) => {
  expect(murmur2(Buffer.from(text))).toBe(expected);
});

test("given any bytes, when hashed, then Kafka's client for JavaScript says the same", () => {
  const same = (bytes: Uint8Array) => (murmur2(Buffer.from(bytes)) | 0) === (referenceMurmur2(Buffer.from(bytes)) | 0);
  fc.assert(fc.property(fc.uint8Array({ maxLength: 40 }), same), { numRuns: 2_000 });
});

test("given any key, when placed, then there is such a partition", () => {
  const within = (key: string, count: number) => partitionOf(key, count) >= 0 && partitionOf(key, count) < count;
  fc.assert(fc.property(fc.string(), fc.integer({ min: 1, max: 50 }), within));
});
