import { describe, expect, test } from "bun:test";
import { PauseError } from "../../engine/errors.ts";
import { TokenBudget } from "./token-budget.ts";

const HOUR_MS = 3_600_000;

describe("given 100 tokens a day", () => {
  let now = new Date("2026-01-01T22:00:00Z");
  const budget = new TokenBudget(100, () => now);

  test("when some are spent, then the rest is left", () => {
    budget.spend(60);
    budget.check();
    expect(budget.left).toBe(40);
  });

  test("when more than all are spent, then it pauses until midnight UTC", () => {
    budget.spend(50);
    expect(budget.left).toBe(0);
    const check = () => budget.check();
    expect(check).toThrow(PauseError);
    expect(check).toThrow("today's 100 tokens");
    expect(catching(check)).toMatchObject({ afterMs: 2 * HOUR_MS, errorClass: "quota" });
  });

  test("when the next day comes, then all are there again", () => {
    now = new Date("2026-01-02T00:00:01Z");
    budget.check();
    expect(budget.left).toBe(100);
  });
});

test("given no limit, when anything is spent, then it goes on", () => {
  const budget = new TokenBudget(null, () => new Date());
  budget.spend(1e12);
  budget.check();
  expect(budget.left).toBeNull();
});

function catching(run: () => void): unknown {
  try {
    return run();
  } catch (error) {
    return error;
  }
}
