import { expect, test } from "bun:test";
import { renderBytes } from "./raw-bytes.ts";

test("given UTF-8, when rendered, then it is text, and whatever steers or turns it is escaped", () => {
  const raw = Buffer.from('{"title":"naïve \u001b[31mred\u0007 \u202egnp.exe","a":"\\u0000"}\n\u2028\r');
  expect(renderBytes(raw)).toEqual({
    as: "text",
    text: '{"title":"naïve \\u{1b}[31mred\\u{7} \\u{202e}gnp.exe","a":"\\\\u0000"}\\n\\u{2028}\\u{d}',
    size: raw.length,
    isCut: false,
  });
});

test("given an escape that came as such, when rendered, then it is told from one of ours", () => {
  const texts = ["\n", "\\n", "\\\n", "\u{7}", "\\u{7}", "\\\\"].map((text) => renderBytes(Buffer.from(text)).text);
  expect(texts).toEqual(["\\n", "\\\\n", "\\\\\\n", "\\u{7}", "\\\\u{7}", "\\\\\\\\"]);
});

test("given bytes that are no text, when rendered, then they are hexadecimal", () => {
  expect(renderBytes(new Uint8Array([0xff, 0x00, 0x41]))).toEqual({
    as: "hex",
    text: "ff 00 41",
    size: 3,
    isCut: false,
  });
});

test("given nothing, when rendered, then it says so", () => {
  expect(renderBytes(null)).toMatchObject({ as: "nothing", size: 0 });
  expect(renderBytes(new Uint8Array())).toMatchObject({ as: "nothing", size: 0 });
});

test("given a megabyte, when rendered, then it is cut, and says how much there is", () => {
  const text = renderBytes(Buffer.alloc(1_000_000, "x"));
  const bytes = renderBytes(Buffer.alloc(1_000_000, 0xff));
  expect([text.isCut, text.size, text.text.length]).toEqual([true, 1_000_000, 4_000]);
  expect([bytes.isCut, bytes.size, bytes.text.length]).toEqual([true, 1_000_000, 1_024 * 3 - 1]);
});
