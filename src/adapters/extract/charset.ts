const BOMS: readonly (readonly [readonly number[], string])[] = [
  [[0xef, 0xbb, 0xbf], "utf-8"],
  [[0xfe, 0xff], "utf-16be"],
  [[0xff, 0xfe], "utf-16le"],
];

/** How far into a page its own charset label is looked for, in bytes. */
const LABEL_WINDOW = 4_096;

/**
 * Bytes to text: byte order mark, then valid UTF-8, then the label of the header or the page, then windows-1252.
 * Labels come after the UTF-8 test because they are wrong far more often than random bytes are valid UTF-8.
 */
export function decodeText(body: Uint8Array, contentType: string): string {
  const marked = BOMS.find(([bom]) => bom.every((byte, index) => body[index] === byte));
  if (marked) return new TextDecoder(marked[1]).decode(body);
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(body);
  } catch {
    return labelledDecoder(body, contentType).decode(body);
  }
}

function labelledDecoder(body: Uint8Array, contentType: string): TextDecoder {
  const opening = Buffer.from(body.subarray(0, LABEL_WINDOW)).toString("latin1");
  const labels = [charsetIn(contentType), charsetIn(/<meta[^>]+charset[^>]*/i.exec(opening)?.[0] ?? "")];
  for (const label of labels) {
    const decoder = label === null ? null : decoderFor(label);
    // A label that was read as ASCII cannot be right about UTF-16.
    if (decoder && !decoder.encoding.startsWith("utf-16")) return decoder;
  }
  return new TextDecoder("windows-1252");
}

function charsetIn(text: string): string | null {
  return /charset\s*=\s*["']?\s*([\w:.-]{1,40})/i.exec(text)?.[1] ?? null;
}

function decoderFor(label: string): TextDecoder | null {
  try {
    return new TextDecoder(label as ConstructorParameters<typeof TextDecoder>[0]);
  } catch {
    return null;
  }
}
