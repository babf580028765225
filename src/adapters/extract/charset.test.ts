import { expect, test } from "bun:test";
import { decodeText } from "./charset.ts";

const latin1 = (text: string) => Buffer.from(text, "latin1");

test.each([
  ["a byte order mark wins over every label", Buffer.from("\ufeffcafé"), "text/html; charset=koi8-r", "café"],
  ["UTF-16 is known by its mark", Buffer.from("\ufeffcafé", "utf16le"), "text/html", "café"],
  ["valid UTF-8 wins over a wrong label", Buffer.from("café"), "text/html; charset=iso-8859-1", "café"],
  ["the header's label comes next", latin1("\xf0\xd2\xc9\xd7\xc5\xd4"), "text/html; charset=KOI8-R", "Привет"],
  ["then the page's own", latin1('<meta charset="windows-1251">\xcf'), "text/html", '<meta charset="windows-1251">П'],
  [
    "an old page's own",
    latin1("<meta content='text/html; charset=shift_jis'>\x83n"),
    "",
    "<meta content='text/html; charset=shift_jis'>ハ",
  ],
  ["a label nobody knows is passed over", latin1("caf\xe9 \x93x\x94"), "text/html; charset=klingon", "café “x”"],
  ["without any label it is windows-1252", latin1("caf\xe9 \x80"), "text/html", "café €"],
  [
    "a label in plain letters cannot mean UTF-16",
    latin1('<meta charset="utf-16">\xe9'),
    "",
    '<meta charset="utf-16">é',
  ],
])("%s", (_rule, body, contentType, text) => {
  expect(decodeText(body, contentType)).toBe(text);
});
