import { styleText } from "node:util";
import { withoutLogins } from "../engine/logins.ts";

type Style = Parameters<typeof styleText>[0];

/** Colour only where standard output is a terminal that wants it (NO_COLOR and the like are heeded). */
export function paint(style: Style, text: string): string {
  return styleText(style, text, { stream: process.stdout });
}

/** Rows as aligned columns; the last column is not padded. Widths ignore colours. */
export function columns(rows: readonly (readonly string[])[], gap = "  "): string {
  const widths: number[] = [];
  for (const row of rows)
    for (const [i, cell] of row.entries()) widths[i] = Math.max(widths[i] ?? 0, visibleLength(cell));
  return rows
    .map((row) =>
      row
        .map((cell, i) => (i === row.length - 1 ? cell : pad(cell, widths[i] ?? 0)))
        .join(gap)
        .trimEnd(),
    )
    .join("\n");
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences are what is looked for
const STYLES = /\u001b\[[0-9;]*m/g;

function visibleLength(text: string): number {
  return text.replace(STYLES, "").length;
}

function pad(text: string, width: number): string {
  return text + " ".repeat(Math.max(0, width - visibleLength(text)));
}

/**
 * Text of others on one line, without control characters: it must not be able to steer the terminal. Nor does it show the
 * logins that addresses of other programs have.
 */
export function plain(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is taken out
  return withoutLogins(text).replace(/[\u0000-\u001f\u007f-\u009f]+/g, " ");
}

/** Cut to a length, with an ellipsis. */
export function cut(text: string, length: number): string {
  return text.length > length ? `${text.slice(0, length - 1)}…` : text;
}

/** `1 row`, `2 rows`. */
export function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}
