import { createHash } from "node:crypto";
import type { App } from "../../src/app.ts";

/** A hash over every row of every table that a projection keeps, per table. */
export async function stateDigest(app: App): Promise<Record<string, string>> {
  const tables = [...new Set(["subjects", ...app.registry.projections.flatMap((projection) => projection.tables)])];
  const digests: Record<string, string> = {};
  for (const table of tables) {
    const rows = await app.db<{ row: string }[]>`
      select to_jsonb(t) - 'sent_at' as row from ${app.db(`lifestream.${table}`)} t order by to_jsonb(t)::text collate "C"`;
    digests[table] = createHash("sha256").update(JSON.stringify(rows)).digest("hex").slice(0, 16);
  }
  return digests;
}
