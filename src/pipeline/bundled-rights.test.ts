import { expect, test } from "bun:test";
import type { AccessOperation, Right } from "../engine/log.ts";
import { bundled } from "./bundled-rights.ts";

const right = (kind: Right["kind"], name: string, operation: AccessOperation): Right => ({ kind, name, operation });

test("given topics with the same rights, when bundled, then they are one bundle, apart from groups and other rights", () => {
  const rights = [
    ...["a", "b"].flatMap((name) => [right("topic", name, "create"), right("topic", name, "alter")]),
    right("topic", "c", "create"),
    right("group", "a", "read"),
  ];

  expect(bundled(rights)).toEqual([
    { kind: "topic", operations: ["create", "alter"], names: ["a", "b"] },
    { kind: "topic", operations: ["create"], names: ["c"] },
    { kind: "group", operations: ["read"], names: ["a"] },
  ]);
});
