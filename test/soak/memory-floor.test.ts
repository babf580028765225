import { expect, test } from "bun:test";
import { MemoryFloor } from "./memory-floor.ts";

test("given memory that goes up and down, when it is asked for, then it is the least since it was asked last", () => {
  const floor = new MemoryFloor();
  for (const mb of [120, 110, 180]) floor.note("router", 7, mb);
  expect([...floor.take()]).toEqual([["router", 110]]);
  for (const mb of [150, 140]) floor.note("router", 7, mb);
  expect([...floor.take()]).toEqual([["router", 140]]);
  expect([...floor.take()]).toEqual([]);
});

test("given a process that was started anew, then what the one before it took is forgotten", () => {
  const floor = new MemoryFloor();
  floor.note("router", 7, 90);
  for (const mb of [130, 125]) floor.note("router", 8, mb);
  expect([...floor.take()]).toEqual([["router", 125]]);
});
