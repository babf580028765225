import type { Sums } from "../adoption/adopt.ts";
import type { TableSum } from "../adoption/checksums.ts";
import type { AdoptionReport } from "../adoption/report.ts";
import { columns, plain, plural } from "./format.ts";

interface Telling {
  /** It was done; else it would be. */
  readonly done: boolean;
  /** Every row of every list. */
  readonly all: boolean;
}

/** An adoption as lines for a person: what is appended, what is left to do, what could not be adopted. */
export function adoptionLines(report: AdoptionReport, { done, all }: Telling): string[] {
  const { events, left, missing, problems, setBack, exposed } = report;
  const waits = left.filter((one) => !one.asked);
  const asked = left.filter((one) => one.asked);
  const list = (rows: readonly (readonly string[])[], elsewhere: string) =>
    listed(rows, all, done ? elsewhere : '"--all"');
  const leftRow = ({ next, reason, subjectId }: AdoptionReport["left"][number]) => [next, subjectId, plain(reason)];
  return [
    heading(`events ${done ? "appended" : "to append"}, so that the ledger gives every row:`, events.length > 0),
    ...table(events.map(({ type, subject, count }) => [String(count), type, subject])),
    heading("rows that the ledger tells of and the tables do not have; the stages add them:", missing.length > 0),
    ...table(missing.map(({ table: name, rows }) => [String(rows), name])),
    heading(
      `${plural(setBack, "published link")} set back by sharing them again; the stages set them right`,
      setBack > 0,
    ),
    heading(
      `${plural(exposed.length, "link")} made private by an event, and public since sharing them again; they stay public, "npm run admin:set-visibility" decides anew:`,
      exposed.length > 0,
    ),
    ...list(
      exposed.map(({ subjectId, url }) => [subjectId, plain(url)]),
      "the table lifestream.links",
    ),
    heading(`${plural(waits.length, "link")} that go on by themselves:`, waits.length > 0),
    ...list(waits.map(leftRow), "the table lifestream.work"),
    heading(`${plural(asked.length, "link")} left behind; "npm run retry:failed" moves them on:`, asked.length > 0),
    ...list(asked.map(leftRow), '"npm run dlq -- list"'),
    heading(`${plural(problems.length, "row")} not adopted, and left as they are:`, problems.length > 0),
    ...list(
      problems.map(({ table: name, key, reason }) => [name, plain(key).slice(0, LONGEST_KEY), plain(reason)]),
      "the table lifestream.adoption_problems",
    ),
  ].filter((line) => line !== "");
}

/** Rows shown of one list, unless all are wanted. */
const MOST = 100;
const LONGEST_KEY = 100;

function listed(rows: readonly (readonly string[])[], all: boolean, where: string): string[] {
  if (all || rows.length <= MOST) return table(rows);
  return [...table(rows.slice(0, MOST)), `  ... and ${rows.length - MOST} more: ${where} shows them`];
}

/** Sums per table: one line each, with both where there are two. */
export function sumLines(before: Readonly<Record<string, TableSum>>, after: Sums["after"] = before): string[] {
  return table(
    Object.entries(before).map(([name, { rows, sum }]) => {
      const now = after[name];
      const verdict = after === before ? "" : now?.sum === sum ? "as before" : `now ${now?.rows} rows, ${now?.sum}`;
      return [name, plural(rows, "row"), sum, verdict];
    }),
  );
}

const heading = (text: string, shown: boolean) => (shown ? text : "");

function table(rows: readonly (readonly string[])[]): string[] {
  return rows.length === 0
    ? []
    : columns(rows)
        .split("\n")
        .map((line) => `  ${line}`);
}
