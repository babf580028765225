import type { App } from "../../src/app.ts";

export type Row = Readonly<Record<string, unknown>>;

/** What a state table has to hold, by what tells its rows apart. Columns that are left out may be anything. */
export interface ExpectedTable {
  readonly name: string;
  readonly key: readonly string[];
  readonly rows: readonly Row[];
  /** Only these rows of the table are meant: a condition in SQL. */
  readonly where?: string;
}

/** Says what a live table lacks, and what it has that it should not. */
export async function compareTable(
  { db }: Pick<App, "db">,
  { name, key, rows, where = "true" }: ExpectedTable,
): Promise<{ lacking: string[]; extra: string[] }> {
  const keyOf = (row: Row) => key.map((column) => normal(row[column])).join(" ");
  const live = await db.unsafe<{ row: Row }[]>(`select to_jsonb(t) as row from lifestream."${name}" t where ${where}`);
  const left = new Map(live.map(({ row }) => [keyOf(row), row]));
  const lacking: string[] = [];
  for (const expected of rows) {
    const found = left.get(keyOf(expected));
    left.delete(keyOf(expected));
    if (!found) lacking.push(`${name} ${keyOf(expected)}: no row`);
    else lacking.push(...differences(expected, found).map((what) => `${name} ${keyOf(expected)}: ${what}`));
  }
  return { lacking, extra: [...left.keys()].map((id) => `${name} ${id}: no event tells of it`) };
}

function differences(expected: Row, found: Row): string[] {
  return Object.keys(expected)
    .filter((column) => normal(expected[column]) !== normal(found[column]))
    .map((column) => `${column} is ${normal(found[column])}, not ${normal(expected[column])}`);
}

const TIME = /^\d{4}-\d\d-\d\dT/;

/** The same for all ways to write the same value. */
function normal(value: unknown): string {
  if (value === undefined || value === null) return "null";
  if (typeof value === "string" && TIME.test(value)) return new Date(value).toISOString();
  if (Array.isArray(value)) return `[${value.map(normal).join(",")}]`;
  if (typeof value !== "object") return JSON.stringify(value);
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${entries.map(([name, inner]) => `${name}:${normal(inner)}`).join(",")}}`;
}
