import type { Database } from "../adapters/postgres/connect.ts";
import { UserError } from "../engine/errors.ts";

/** What a database is to us before anything is done to it. */
export type DatabaseKind = "empty" | "ours" | "first-system";

interface Column {
  readonly table: string;
  readonly column: string;
  readonly type: string;
}

/**
 * Says whose database this is, by what stands in its schema `lifestream`; throws where it is neither empty, ours nor the
 * first system's, naming what is missing. `contract` is the SQL that makes the first system's tables.
 */
export async function inspectDatabase(db: Database, contract: string): Promise<DatabaseKind> {
  const columns = await db<Column[]>`
    select c.relname as table, a.attname as column, format_type(a.atttypid, a.atttypmod) as type
    from pg_class c left join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
    where c.relnamespace = to_regnamespace('lifestream') and c.relkind in ('r', 'p', 'v', 'm', 'f')`;
  if (columns.length === 0) return "empty";
  if (columns.some(({ table }) => table === "schema_migrations")) return "ours";
  const problems = differences(contractColumns(contract), columns);
  if (problems.length === 0) return "first-system";
  throw new UserError(
    `the schema "lifestream" of this database is neither empty, nor ours, nor the first system's: ${problems.join(", ")}; name another database in DATABASE_URL`,
  );
}

/** Columns of the first system's tables, as the SQL that makes them says. */
export function contractColumns(contract: string): Column[] {
  const tables = contract.matchAll(/^create table if not exists lifestream\.(\w+) \(\n([\s\S]*?)\n\);$/gm);
  return [...tables].flatMap(([, table = "", body = ""]) =>
    [...body.matchAll(/^ {2}(?!primary key)(\w+) +(double precision|[\w[\]]+)/gm)].map(
      ([, column = "", type = ""]) => ({
        table,
        column,
        type: CATALOG_NAMES[type] ?? type,
      }),
    ),
  );
}

/** What the catalog calls types that SQL abbreviates. */
const CATALOG_NAMES: Record<string, string> = { int: "integer", timestamptz: "timestamp with time zone" };

function differences(wanted: readonly Column[], actual: readonly Column[]): string[] {
  const tables = new Set(actual.map(({ table }) => table));
  const types = new Map(actual.map(({ table, column, type }) => [`${table}.${column}`, type]));
  const missing = [...new Set(wanted.map(({ table }) => table))].filter((table) => !tables.has(table));
  const wrong = wanted.flatMap(({ table, column, type }) => {
    if (!tables.has(table)) return [];
    const there = types.get(`${table}.${column}`);
    if (there === undefined) return [`there is no column ${table}.${column}`];
    const alike = there === type || (type === "text" && there.startsWith("character varying"));
    return alike ? [] : [`${table}.${column} is ${there}, not ${type}`];
  });
  return [...(missing.length > 0 ? [`there is no table ${missing.join(", ")}`] : []), ...wrong];
}
