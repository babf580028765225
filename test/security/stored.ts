/** All that a life keeps, as text in which a secret can be looked for. */
import { readTopic } from "../support/read-topic.ts";
import type { TestApp } from "../support/test-app.ts";

interface Column {
  readonly table: string;
  readonly column: string;
}

/** Columns of bytes: a row that is printed has them as hexadecimal, in which nobody finds a word. */
async function byteColumns({ app: { db } }: TestApp): Promise<Column[]> {
  return db<Column[]>`
    select quote_ident(table_name) as "table", quote_ident(column_name) as "column"
    from information_schema.columns join information_schema.tables using (table_catalog, table_schema, table_name)
    where table_schema = 'lifestream' and table_type = 'BASE TABLE' and udt_name like '%bytea'`;
}

/** All rows of all tables, with what is in their bytes, and all records of all topics; by what they are of. */
export async function everythingStored(world: TestApp): Promise<Map<string, string>> {
  const { db, registry } = world.app;
  const texts = new Map<string, string>();
  const bytes = await byteColumns(world);
  const tables = await db<{ name: string }[]>`
    select quote_ident(table_name) as name from information_schema.tables
    where table_schema = 'lifestream' and table_type = 'BASE TABLE'`;
  for (const { name } of tables) {
    const decoded = bytes.filter(({ table }) => table === name).map(({ column }) => `encode(t.${column}, 'escape')`);
    const text = `concat_ws(E'\\n', ${["t::text", ...decoded].join(", ")})`;
    const rows = await db.unsafe<{ text: string }[]>(`select ${text} as text from lifestream.${name} t`);
    texts.set(`table ${name}`, rows.map((row) => row.text).join("\n"));
  }
  for (const { name } of registry.topics) texts.set(`topic ${name}`, (await readTopic(world, name)).join("\n"));
  return texts;
}

export interface Planted {
  /** `table.column`. */
  readonly column: string;
  /** The name under which `everythingStored` has it. */
  readonly where: string;
  readonly canary: string;
}

/** Puts a canary of its own, among bytes that are no text, into a row of each column of bytes whose table has rows. */
export async function plantAmongBytes(world: TestApp): Promise<Planted[]> {
  const planted: Planted[] = [];
  for (const { table, column } of await byteColumns(world)) {
    const canary = `canary-${crypto.randomUUID()}`;
    const bytes = Buffer.concat([Buffer.from([0xff, 0]), Buffer.from(`{"${canary}"`), Buffer.from([0, 0xfe])]);
    const { count } = await world.app.db.unsafe(
      `update lifestream.${table} set ${column} = $1 where ctid = (select ctid from lifestream.${table} limit 1)`,
      [bytes],
    );
    if (count > 0) planted.push({ column: `${table}.${column}`, where: `table ${table}`, canary });
  }
  return planted;
}
