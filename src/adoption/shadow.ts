import type { Migration } from "../adapters/postgres/migrate.ts";
import type { Sql } from "../engine/store.ts";
import { contractColumns } from "./inspect.ts";

/** Empty state tables beside the live ones, gone with the transaction. */
export interface Shadow {
  readonly tables: readonly string[];
  /** Columns that are ours alone or make themselves, by table: the first system's rows have nothing to say about them. */
  readonly ownColumns: Readonly<Record<string, readonly string[]>>;
  /** The transaction as handlers see it: what they say of a live table means the one beside it. */
  redirect(tx: Sql): Sql;
}

/** Makes temporary tables as the migrations would make the live ones: so it works before these were applied, too. */
export async function createShadow(
  tx: Sql,
  tables: readonly string[],
  migrations: readonly Migration[],
): Promise<Shadow> {
  const wanted = new Set(tables);
  for (const { sql } of migrations) {
    for (const [, verb = "", table = "", rest = ""] of sql.matchAll(DEFINITION)) {
      if (!wanted.has(table)) continue;
      await tx.unsafe(verb.startsWith("create") ? createTemporary(table, rest) : `alter table pg_temp.${table}${rest}`);
    }
  }
  await takeLiveTypes(tx, tables);
  await storePlainly(tx, tables);
  const contract = contractColumns(migrations.map(({ sql }) => sql).join("\n"));
  const theirs = new Set(contract.map(({ table, column }) => `${table}.${column}`));
  const rows = await tx<{ table: string; column: string; generated: boolean }[]>`
    select c.relname as table, a.attname as column, a.attgenerated <> '' as generated
    from pg_class c join pg_attribute a on a.attrelid = c.oid
    where (c.relnamespace = pg_my_temp_schema() or c.relnamespace = 'lifestream'::regnamespace and a.attgenerated <> '')
      and c.relname = any(${[...wanted]}) and a.attnum > 0 and not a.attisdropped`;
  const own = rows.filter(({ table, column, generated }) => generated || !theirs.has(`${table}.${column}`));
  const ownColumns = Object.fromEntries(
    tables.map((table) => [table, own.filter((row) => row.table === table).map(({ column }) => column)]),
  );
  return { tables, ownColumns, redirect: (sql) => redirected(sql, tables) };
}

/** Numbers and times are kept as exactly as in the live tables, and no more: else each row would look like another. */
async function takeLiveTypes(tx: Sql, tables: readonly string[]): Promise<void> {
  const rows = await tx<{ table: string; column: string; type: string }[]>`
    select c.relname as table, a.attname as column, format_type(live.atttypid, live.atttypmod) as type
    from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0
    join pg_attribute live on live.attrelid = to_regclass('lifestream.' || c.relname) and live.attname = a.attname
    where c.relnamespace = pg_my_temp_schema() and c.relname = any(${tables as string[]})
      and (live.atttypid, live.atttypmod) <> (a.atttypid, a.atttypmod)
      and live.atttypid in ('real'::regtype, 'double precision'::regtype, 'numeric'::regtype, 'timestamptz'::regtype)`;
  for (const { table, column, type } of rows) {
    await tx.unsafe(`alter table pg_temp.${table} alter column "${column}" type ${type}`);
  }
}

/** Long texts are here for minutes: pressing them together takes longer than writing them down. */
async function storePlainly(tx: Sql, tables: readonly string[]): Promise<void> {
  const rows = await tx<{ table: string; column: string }[]>`
    select c.relname as table, a.attname as column from pg_class c join pg_attribute a on a.attrelid = c.oid
    where c.relnamespace = pg_my_temp_schema() and c.relname = any(${tables as string[]})
      and a.attnum > 0 and not a.attisdropped and a.attstorage = 'x'`;
  for (const { table, column } of rows) {
    await tx.unsafe(`alter table pg_temp.${table} alter column "${column}" set storage external`);
  }
}

const DEFINITION = /^(create table(?: if not exists)?|alter table) lifestream\.(\w+)([\s\S]*?);$/gm;

/** Without what ties a table to others or makes one row refuse another: every event is to leave its trace. */
function createTemporary(table: string, rest: string): string {
  const loose = rest.replace(/ references lifestream\.\w+(?: on delete \w+)?/g, "").replace(/ unique\b/g, "");
  return `create temp table ${table}${loose} on commit drop`;
}

type Template = readonly string[] & { readonly raw: readonly string[] };

/** The transaction as handlers see it that know only the live tables. */
export function redirected(tx: Sql, tables: readonly string[]): Sql {
  const names = new RegExp(`\\blifestream\\.(${tables.join("|")})\\b`, "g");
  const rewrite = (text: string) => text.replace(names, "pg_temp.$1");
  const known = new WeakMap<Template, Template>();
  const rewritten = (template: Template): Template => {
    const before = known.get(template);
    if (before) return before;
    const strings = template.map(rewrite);
    const made = Object.assign(strings, { raw: strings });
    known.set(template, made);
    return made;
  };
  return new Proxy(tx, {
    apply(target, self, [first, ...rest]: unknown[]) {
      const redirectedFirst = isTemplate(first) ? rewritten(first) : typeof first === "string" ? rewrite(first) : first;
      return Reflect.apply(target, self, [redirectedFirst, ...rest]);
    },
  });
}

function isTemplate(value: unknown): value is Template {
  return Array.isArray(value) && "raw" in value;
}
