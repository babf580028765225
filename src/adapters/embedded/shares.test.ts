import { expect, test } from "bun:test";
import fc from "fast-check";
import { type GroupMember, planShares, type Share } from "./shares.ts";

const partitions = (topic: string, count: number): Share[] =>
  Array.from({ length: count }, (_, partition) => ({ topic, partition, member: null }));

const readersOf = (topics: readonly string[], ...ids: string[]): GroupMember[] => ids.map((id) => ({ id, topics }));

const counts = (ids: readonly string[], shares: readonly Share[]) =>
  ids.map((id) => shares.filter(({ member }) => member === id).length);

const same = (a: Share, b: Share) => a.topic === b.topic && a.partition === b.partition;

/**
 * Members come and go as in the database: whoever looks shares out what is free and stops reading its surplus, which it
 * releases when it looks again. Each change makes the others look once more; ends when nobody has a reason to.
 */
function settle(members: readonly GroupMember[], before: readonly Share[], order: readonly string[]): Share[] {
  const present = new Set(members.map(({ id }) => id));
  let shares = before.map((share) => (share.member && present.has(share.member) ? share : { ...share, member: null }));
  const leaving = new Map<string, Share[]>();
  const reasons = new Set(present);
  for (let looks = 0; reasons.size > 0; looks += 1) {
    if (looks > 500) throw new Error("it never settles");
    const me = order.find((id) => reasons.has(id)) ?? "";
    reasons.delete(me);
    const released = leaving.get(me) ?? [];
    leaving.delete(me);
    shares = shares.map((share) => (released.some((one) => same(one, share)) ? { ...share, member: null } : share));
    const { give, surplus } = planShares(me, members, shares);
    shares = shares.map((share) => give.find((one) => same(one, share)) ?? share);
    if (surplus.length > 0) {
      leaving.set(me, [...surplus]);
      reasons.add(me);
    }
    if (released.length + give.length > 0) for (const id of present) if (id !== me) reasons.add(id);
    expect(shares.every(({ member }) => member !== null)).toBe(true);
  }
  return shares;
}

test("given one member, when it looks, then everything is its own", () => {
  const { give } = planShares("a", readersOf(["t"], "a"), partitions("t", 3));
  expect(give.map(({ member }) => member)).toEqual(["a", "a", "a"]);
});

test("given a second member, when it comes, then the first gives up half and keeps the rest", () => {
  const owned = partitions("t", 4).map((share) => ({ ...share, member: "a" }));
  const { give, surplus } = planShares("a", readersOf(["t"], "a", "b"), owned);
  expect(give).toEqual([]);
  expect(surplus.map(({ partition }) => partition)).toEqual([2, 3]);
});

test("given free partitions, when anybody looks, then they go to those who have fewest", () => {
  const shares = partitions("t", 4).map((share) => (share.partition < 2 ? { ...share, member: "a" } : share));
  const { give } = planShares("a", readersOf(["t"], "a", "b"), shares);
  expect(give.map(({ member }) => member)).toEqual(["b", "b"]);
});

test("given an odd number, when shared, then the odd one stays where it is", () => {
  const owned = partitions("t", 3).map((share) => ({ ...share, member: share.partition === 0 ? "a" : "b" }));
  expect(settle(readersOf(["t"], "a", "b"), owned, ["a", "b"])).toEqual(owned);
});

test("given a topic that a member does not read, when shared, then it gets none of it", () => {
  const members = [...readersOf(["t"], "a"), ...readersOf(["u"], "b")];
  const shares = settle(members, [...partitions("t", 2), ...partitions("u", 2)], ["a", "b"]);
  expect(shares.map(({ topic, member }) => topic + member)).toEqual(["ta", "ta", "ub", "ub"]);
});

test("given any members before and after, when they look in any order, then all is owned, evenly, with few moves", () => {
  const ids = ["a", "b", "c", "d", "e"];
  const group = fc.uniqueArray(fc.constantFrom(...ids), { minLength: 1 });
  const order = fc.shuffledSubarray(ids, { minLength: ids.length });
  fc.assert(
    fc.property(group, group, order, fc.integer({ min: 1, max: 12 }), (before, after, first, count) => {
      const start = settle(readersOf(["t"], ...before), partitions("t", count), first);
      const end = settle(readersOf(["t"], ...after), start, first);
      const owned = counts(after, end);
      expect(Math.max(...owned) - Math.min(...owned)).toBeLessThanOrEqual(1);
      const most = [...owned].sort((a, b) => b - a);
      const kept = counts(after, start).sort((a, b) => b - a);
      const possible = kept.reduce((sum, had, index) => sum + Math.min(had, most[index] ?? 0), 0);
      expect(end.filter((share, index) => share.member === start[index]?.member).length).toBe(possible);
    }),
    { numRuns: 1_000 },
  );
});
