import type { TableDifference } from "../rebuild/difference.ts";
import type { VerifyReport } from "../rebuild/verify.ts";
import { columns, paint, plain, plural } from "./format.ts";

/**
 * A line for each table: rows and digest as they are, and as the ledger gives them; of a rebuild, as they were before and
 * as they are after it.
 */
export function tableLines(tables: readonly TableDifference[]): string {
  const rebuilt = tables.some(({ after }) => after);
  const head = rebuilt
    ? ["table", "rows", "before", "after", "rows", "changed"]
    : ["table", "rows", "digest", "from the ledger", "rows", "differing"];
  return columns([
    head.map((cell) => paint("bold", cell)),
    ...tables.map(({ table, live, folded, after = folded, differing, examples }) => [
      table,
      String(live.rows),
      live.digest,
      after.digest,
      String(after.rows),
      differing === 0 ? "0" : `${differing}: ${plain(examples.join(" "))}`,
    ]),
  ]);
}

/** Which subjects were left out, and what to do about it. */
export function notCompared({ leftOut, onTheirWay, readAfterAll }: VerifyReport): string {
  const why = [
    ...(leftOut.onTheirWay > 0
      ? [
          `${plural(leftOut.onTheirWay, "subject")} could not be compared yet, as ${plural(onTheirWay, "event")} are on the way to the tables (do relay and materializer run?)`,
        ]
      : []),
    ...(leftOut.readAfterAll > 0
      ? [
          `${plural(leftOut.readAfterAll, "subject")} could not be compared, as ${plural(readAfterAll, "event")} that ${readAfterAll === 1 ? "was" : "were"} set aside can be read now ("npm run dlq -- redrive" or a rebuild applies them)`,
        ]
      : []),
  ];
  return why.join("; ");
}

/** Counts on a terminal, on one line; says nothing elsewhere. */
export function progressOf(what: string): (done: number) => void {
  return (done) => {
    if (process.stderr.isTTY) process.stderr.write(`\r${done} ${what}\u001b[K`);
  };
}
