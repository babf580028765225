import type { TableDifference } from "../rebuild/difference.ts";
import { columns, paint, plain } from "./format.ts";

/** A line for each table: rows and digest as they are, and as the ledger gives them. */
export function tableLines(tables: readonly TableDifference[]): string {
  const head = ["table", "rows", "digest", "from the ledger", "", "differing"];
  return columns([
    head.map((cell) => paint("bold", cell)),
    ...tables.map(({ table, live, folded, differing, examples }) => [
      table,
      String(live.rows),
      live.digest,
      folded.digest,
      String(folded.rows),
      differing === 0 ? "0" : `${differing}: ${plain(examples.join(" "))}`,
    ]),
  ]);
}

/** Counts on a terminal, on one line; says nothing elsewhere. */
export function progressOf(what: string): (done: number) => void {
  return (done) => {
    if (process.stderr.isTTY) process.stderr.write(`\r${done} ${what}\u001b[K`);
  };
}
