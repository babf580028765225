import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Database } from "../../../src/adapters/postgres/connect.ts";

export interface FirstSystem {
  /** About this many events. */
  readonly events: number;
  /** Links that were captured last, and that nobody has tried to read yet. */
  readonly waiting?: number;
  /** Which tables have row-level security: every one, none, or only the ledger, as somebody may have set it by hand. */
  readonly rowSecurity?: "all" | "none" | "events";
  /** Changes its schema before there are rows: no two of these databases need be alike. */
  readonly before?: string;
}

const EVENTS_PER_LINK = 5.2;

const sql = (name: string) => readFileSync(join(import.meta.dirname, name), "utf8");

/**
 * Makes an empty database the first system's, as one that ran for a while on a hosted server: its schema, row-level
 * security, and rows with all that was ever found odd about them. The same numbers give the same rows.
 */
export async function buildFirstSystem(
  db: Database,
  { events, waiting = 0, rowSecurity = "all", before = "" }: FirstSystem,
): Promise<void> {
  const scale = Math.round(events / EVENTS_PER_LINK);
  const rows = ["rows.sql", "odd-rows.sql", "ledger.sql"]
    .map(sql)
    .join("\n")
    .replaceAll(":scale", String(scale))
    .replaceAll(":waiting", String(waiting));
  await db.begin(async (tx) => {
    await tx.unsafe(sql("schema.sql"));
    await tx.unsafe(before);
    await tx.unsafe(rows);
    await tx.unsafe("drop table link, todo, fact");
    if (rowSecurity !== "none") await tx.unsafe(ROW_SECURITY.replaceAll(":only", rowSecurity));
  });
  await db.unsafe("analyze");
}

/** Takes away the rows that no event can be about: without them the tables are what the ledger gives. */
export async function removeRowsWithoutId(db: Database): Promise<void> {
  for (const table of ["links", "publish_state", "subjects", "todos", "temperature_latest"]) {
    await db`delete from lifestream.${db(table)} where subject_id = ''`;
  }
}

/** On every table, and only the service's own role may see anything. Roles are the server's, so others may make it too. */
const ROW_SECURITY = `
do $$
declare t text;
begin
  begin
    create role service_role nologin;
  exception when duplicate_object or unique_violation then null;
  end;
  for t in select relname from pg_class where relnamespace = 'lifestream'::regnamespace and relkind = 'r'
    and ':only' in ('all', relname) loop
    execute format('alter table lifestream.%I enable row level security', t);
    execute format('create policy service_only on lifestream.%I to service_role using (true) with check (true)', t);
  end loop;
end $$`;
