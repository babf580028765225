/** Bytes as a person may see them: nothing in them can steer a terminal or turn text around. */
export interface RawBytes {
  readonly as: "text" | "hex" | "nothing";
  readonly text: string;
  /** In bytes, all of them. */
  readonly size: number;
  readonly isCut: boolean;
}

/** Most characters of text, and bytes of what is none, that are shown. */
const TEXT_LIMIT = 4_000;
const HEX_LIMIT = 1_024;

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * Text where the bytes are UTF-8, else hexadecimal. What does not print is escaped, and so is the backslash: as far as it
 * is not cut, the bytes can be told from it.
 */
export function renderBytes(bytes: Uint8Array | null): RawBytes {
  if (bytes === null || bytes.length === 0) return { as: "nothing", text: "", size: 0, isCut: false };
  const size = bytes.length;
  try {
    const text = utf8.decode(bytes);
    return { as: "text", text: escaped(text.slice(0, TEXT_LIMIT)), size, isCut: text.length > TEXT_LIMIT };
  } catch {
    const hex = Buffer.from(bytes.subarray(0, HEX_LIMIT)).toString("hex");
    return { as: "hex", text: hex.replace(/..(?=.)/g, "$& "), size, isCut: size > HEX_LIMIT };
  }
}

function escaped(text: string): string {
  return visible(text.replaceAll("\\", "\\\\"));
}

/** Characters that do not print (controls, marks of direction, line separators, halves of pairs) as `\u{...}`. */
export function visible(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu, (character) => {
    if (character === "\n") return "\\n";
    if (character === "\t") return "\\t";
    return `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`;
  });
}
