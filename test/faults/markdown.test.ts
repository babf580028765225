import { expect, test } from "bun:test";
import { markdownTable } from "./markdown.ts";

test("given rows of different widths, then the table's columns stand below each other, and no cell ends early", () => {
  expect(
    markdownTable([
      ["fault", "lost"],
      ["1 a | b", "0"],
      ["2", ""],
    ]),
  ).toBe(["| fault    | lost |", "| -------- | ---- |", "| 1 a \\| b | 0    |", "| 2        |      |"].join("\n"));
});
