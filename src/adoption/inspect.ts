import type { Database } from "../adapters/postgres/connect.ts";
import type { Migration } from "../adapters/postgres/migrate.ts";
import { UserError } from "../engine/errors.ts";
import type { Sql } from "../engine/store.ts";
import { takenNames } from "./taken-names.ts";
import { heldNarrow } from "./widen.ts";

/** What a database is to us before anything is done to it. */
export type DatabaseKind = "empty" | "ours" | "first-system";

interface Column {
  readonly table: string;
  readonly column: string;
  readonly type: string;
}

/** A column as it stands in the database. */
interface ActualColumn extends Column {
  readonly generated: boolean;
  /** Whoever adds a row has to say something here. */
  readonly needed: boolean;
}

/**
 * Says whose database this is, by what stands in its schema `lifestream`; throws where it is neither empty, ours nor the
 * first system's, naming what is missing, or where something of the first system's stands in our way.
 */
export async function inspectDatabase(db: Database, migrations: readonly Migration[]): Promise<DatabaseKind> {
  const columns = await db<ActualColumn[]>`
    select c.relname as table, a.attname as column, format_type(a.atttypid, a.atttypmod) as type,
      a.attgenerated <> '' as generated, a.attnotnull and not a.atthasdef and a.attidentity = '' as needed
    from pg_class c left join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
    where c.relnamespace = to_regnamespace('lifestream') and c.relkind in ('r', 'p', 'v', 'm', 'f')`;
  if (columns.length === 0) return "empty";
  if (columns.some(({ table }) => table === "schema_migrations")) return ours(columns);
  const [contract, ...later] = migrations;
  const wanted = contractColumns(contract?.sql ?? "");
  const problems = differences(wanted, columns);
  if (problems.length > 0) {
    throw new UserError(
      `the schema "lifestream" of this database is neither empty, nor ours, nor the first system's: ${problems.join(", ")}; name another database in DATABASE_URL`,
    );
  }
  const inTheWay = [
    ...unwritable(wanted, columns),
    ...(await takenNames(db, later)),
    ...(await heldNarrow(db as unknown as Sql, wanted)),
  ];
  if (inTheWay.length > 0) {
    throw new UserError(
      `this is the first system's database, but it cannot be adopted as it is: ${inTheWay.join(", ")}; nothing was changed`,
    );
  }
  return "first-system";
}

function ours(columns: readonly Column[]): "ours" {
  const own = columns.filter(({ table }) => table === "schema_migrations").map(({ column }) => column);
  if (["name", "checksum", "applied_at"].every((column) => own.includes(column))) return "ours";
  throw new UserError(
    'there is a table schema_migrations that is not ours in the schema "lifestream" of this database: give it another name or schema, or name another database in DATABASE_URL',
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

/** Types that hold the same things: what is written and read here goes through any of them. */
const FAMILIES = [
  ["smallint", "integer", "bigint"],
  ["real", "double precision", "numeric"],
  ["text", "character varying"],
  ["text[]", "character varying[]"],
];

function alike(type: string, wanted: string): boolean {
  // Without lengths and precisions.
  const plain = type.replace(/\(\d+(?:,\d+)?\)/, "");
  return plain === wanted || FAMILIES.some((family) => family.includes(plain) && family.includes(wanted));
}

function differences(wanted: readonly Column[], actual: readonly Column[]): string[] {
  const tables = new Set(actual.map(({ table }) => table));
  const types = new Map(actual.map(({ table, column, type }) => [`${table}.${column}`, type]));
  const missing = [...new Set(wanted.map(({ table }) => table))].filter((table) => !tables.has(table));
  const wrong = wanted.flatMap(({ table, column, type }) => {
    if (!tables.has(table)) return [];
    const there = types.get(`${table}.${column}`);
    if (there === undefined) return [`there is no column ${table}.${column}`];
    return alike(there, type) ? [] : [`${table}.${column} is ${there}, not ${type}`];
  });
  return [...(missing.length > 0 ? [`there is no table ${missing.join(", ")}`] : []), ...wrong];
}

/** Columns through which no row of ours would get. */
function unwritable(wanted: readonly Column[], actual: readonly ActualColumn[]): string[] {
  const known = new Set(wanted.map(({ table, column }) => `${table}.${column}`));
  const tables = new Set(wanted.map(({ table }) => table));
  return actual.flatMap(({ table, column, generated, needed }) => {
    const name = `${table}.${column}`;
    if (known.has(name)) return generated ? [`${name} is generated, so nothing can be written there`] : [];
    return tables.has(table) && needed ? [`${name} must have a value and has no default`] : [];
  });
}
