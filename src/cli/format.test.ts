import { expect, test } from "bun:test";
import { columns, cut, plain } from "./format.ts";

test("given coloured cells, when aligned, then colours do not count", () => {
  expect(
    columns([
      ["\u001b[31mred\u001b[39m", "x"],
      ["longer", "y"],
    ]),
  ).toBe("\u001b[31mred\u001b[39m     x\nlonger  y");
});

test("given text of others, when printed, then it cannot steer the terminal", () => {
  expect(plain("a\u001b[2Jb\r\nc\u009b31m")).toBe("a [2Jb c 31m");
  expect(cut("abcdef", 4)).toBe("abc…");
});
