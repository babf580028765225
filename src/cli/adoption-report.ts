import type { TableSum } from "../adoption/checksums.ts";
import type { AdoptionReport } from "../adoption/report.ts";
import type { Sums } from "../adoption/upgrade.ts";
import { columns, plain, plural } from "./format.ts";

/** An adoption as lines for a person: what is appended, what is left to do, what could not be adopted. */
export function adoptionLines(report: AdoptionReport, { done }: { done: boolean }): string[] {
  const { events, left, missing, problems, setBack } = report;
  const waits = left.filter((one) => !one.asked);
  const asked = left.filter((one) => one.asked);
  return [
    heading(`events ${done ? "appended" : "to append"}, so that the ledger gives every row:`, events.length > 0),
    ...table(events.map(({ type, subject, count }) => [String(count), type, subject])),
    heading("rows that the ledger tells of and the tables do not have; the stages add them:", missing.length > 0),
    ...table(missing.map(({ table: name, rows }) => [String(rows), name])),
    heading(
      `${plural(setBack, "published link")} set back by sharing them again; the stages set them right`,
      setBack > 0,
    ),
    heading("links that go on by themselves:", waits.length > 0),
    ...table(waits.map(({ links, next, reason }) => [String(links), next, plain(reason)])),
    heading('links that were left behind; "npm run retry:failed" moves them on:', asked.length > 0),
    ...table(asked.slice(0, MOST).map(({ links, next, reason }) => [String(links), next, plain(reason)])),
    ...(asked.length > MOST ? [`  and ${plural(asked.length - MOST, "other reason")}`] : []),
    heading("not adopted, and left as it is (in the table lifestream.adoption_problems):", problems.length > 0),
    ...table(
      problems.map(({ table: name, reason, count, keys }) => [
        String(count),
        name,
        plain(reason),
        plain(`${keys.join(", ")}${count > keys.length ? ", ..." : ""}`),
      ]),
    ),
  ].filter((line) => line !== "");
}

/** Reasons shown at most: each error of a page may have its own words. */
const MOST = 20;

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
