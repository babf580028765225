import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Database } from "../../../src/adapters/postgres/connect.ts";

export interface FirstSystem {
  /** About this many events. */
  readonly events: number;
  /** Links that were captured last, and that nobody has tried to read yet. */
  readonly waiting?: number;
  /** Changes its schema before there are rows: no two of these databases need be alike. */
  readonly before?: string;
}

const EVENTS_PER_LINK = 5.2;

const sql = (name: string) => readFileSync(join(import.meta.dirname, name), "utf8");

/**
 * Makes an empty database the first system's, as one that ran for a while on a hosted server: its schema, row-level
 * security, and rows with all that was ever found odd about them. The same numbers give the same rows.
 */
export async function buildFirstSystem(db: Database, { events, waiting = 0, before = "" }: FirstSystem): Promise<void> {
  const scale = Math.round(events / EVENTS_PER_LINK);
  const rows = sql("rows.sql").replaceAll(":scale", String(scale)).replaceAll(":waiting", String(waiting));
  await db.begin(async (tx) => {
    await tx.unsafe(sql("schema.sql"));
    await tx.unsafe(before);
    await tx.unsafe(rows);
    await tx.unsafe("drop table link, todo, fact");
    await tx.unsafe(ROW_SECURITY);
  });
  await db.unsafe("analyze");
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
  for t in select relname from pg_class where relnamespace = 'lifestream'::regnamespace and relkind = 'r' loop
    execute format('alter table lifestream.%I enable row level security', t);
    execute format('create policy service_only on lifestream.%I to service_role using (true) with check (true)', t);
  end loop;
end $$`;
