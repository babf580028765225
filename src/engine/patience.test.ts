import { expect, test } from "bun:test";
import { fresh, within } from "./patience.ts";

test("given a question nobody answers, when its time is over, then there is an answer all the same", async () => {
  expect(await within(5, new Promise<string>(() => {}), () => "late")).toBe("late");
  expect(await within(1_000, Promise.resolve("here"), () => "late")).toBe("here");
});

test("given many who ask at once, when answered, then the question was asked once, and again only later", async () => {
  let asked = 0;
  const ask = fresh(20, async () => {
    asked += 1;
    return asked;
  });
  expect(await Promise.all([ask(), ask(), ask()])).toEqual([1, 1, 1]);
  expect(await ask()).toBe(1);
  await Bun.sleep(25);
  expect(await ask()).toBe(2);
});

test("given an answer that failed, when asked again, then it is asked anew", async () => {
  let asked = 0;
  const ask = fresh(60_000, async () => {
    asked += 1;
    if (asked === 1) throw new Error("away");
    return "here";
  });
  await expect(ask()).rejects.toThrow("away");
  expect(await ask()).toBe("here");
});
