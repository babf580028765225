import type { Catalog } from "../../engine/store.ts";
import { noteAcknowledged } from "./acknowledged.ts";
import type { Database } from "./connect.ts";
import { requireLease } from "./leases.ts";

/** The tag vocabulary. */
export function createCatalog(db: Database): Catalog {
  return {
    async unsent(limit) {
      return db<{ tag: string; first_seen: string }[]>`
        select tag, first_seen from lifestream.tag_catalog where sent_at is null order by tag limit ${limit}`;
    },
    async markSent(lease, tags, sentTo) {
      await db.begin(async (tx) => {
        await requireLease(tx, lease);
        await tx`update lifestream.tag_catalog set sent_at = now() where tag = any(${tags as string[]})`;
        await noteAcknowledged(tx, sentTo);
      });
    },
    async mostUsed() {
      const rows = await db<{ tag: string }[]>`
        select c.tag from lifestream.tag_catalog c
        left join (select unnest(tags) as tag, count(*) as uses from lifestream.link_metadata group by 1) u using (tag)
        order by coalesce(u.uses, 0) desc, c.tag limit 2000`;
      return rows.map((row) => row.tag);
    },
  };
}
