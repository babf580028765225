import { expect, test } from "bun:test";
import { UserError } from "../../engine/errors.ts";
import { dlq, loginName, numberOf, person, report } from "./dlq.ts";

const ID = "018f4e3a-0000-7000-8000-000000000001";
const reasonOf = (work: Promise<unknown>) => work.then(() => null).catch((error: unknown) => error);

test.each([
  [["eat"], {}, /^usage: dlq list/],
  [["show"], {}, /^usage: dlq list/],
  [["show", "42"], {}, /^"42" is no id/],
  [["redrive"], {}, /^which\? give ids, or a filter/],
  [["redrive", ID], { type: "fetch_link" }, /^give ids or a filter, not both/],
  [["redrive"], { since: "soon" }, /^"soon" is no time/],
  [["redrive"], { type: "fetch_link", limit: "-1" }, /^"-1" is no number/],
  [["discard"], { reason: "x" }, /^which\? give ids, or a filter/],
  [["discard", ID], { reason: " " }, /^say why: --reason TEXT/],
])(
  "given the words %p and options %p, when run, then nothing is done, and one sentence says why",
  async (args, options, words) => {
    const error = await reasonOf(dlq({ args, options: options as Record<string, unknown> }));
    expect(error).toBeInstanceOf(UserError);
    expect(error).toMatchObject({ exitCode: 2, message: expect.stringMatching(words) });
  },
);

test("given failures that could not be decided about, when reported, then the command fails", () => {
  const done = { work: 1, records: 0, outlooks: [], already: 0, unchanged: [], left: 0 };
  expect(() => report({ ...done, skipped: [] }, "redriven")).not.toThrow();
  expect(() => report({ ...done, unchanged: [{ id: ID, why: "it is done" }], skipped: [] }, "redriven")).not.toThrow();
  const skipped = [{ id: ID, why: "nothing that failed has this id" }];
  expect(() => report({ ...done, skipped }, "redriven")).toThrow("1 could not be redriven");
});

test("given no number, when an option is read, then there is none", () => {
  expect(numberOf({}, "limit")).toBeUndefined();
  expect(numberOf({ limit: "7" }, "limit")).toBe(7);
});

test("given a user without a name, as in a container, when it decides, then its number is told", () => {
  const nameless = () => {
    throw new Error("A system error occurred: uv_os_get_passwd returned ENOENT");
  };
  expect(loginName(() => ({ username: "ada", uid: 1000 }))).toBe("ada");
  expect(loginName(() => ({ username: "unknown", uid: 54321 }))).toBe("uid 54321");
  expect(loginName(nameless)).toBe(`uid ${process.getuid?.()}`);
});

test("given a name, when something is decided, then that one decides, and nobody else is asked for", () => {
  expect(person({ by: "ada" }, "redriven")).toEqual({
    by: "ada",
    source: "cli",
    reason: "redriven, from the terminal",
  });
});
