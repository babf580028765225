import type { Forwarding, LogIdentity } from "../../engine/ports.ts";
import type { Database } from "./connect.ts";

/** Which log the ledger was forwarded to, and starting over when it is another one. */
export function createForwarding(db: Database): Forwarding {
  return {
    async knownIdentity() {
      const rows = await db<{ cluster_id: string; topic: string; topic_id: string }[]>`
        select cluster_id, topic, topic_id from lifestream.log_identity`;
      const [first] = rows;
      return first
        ? { clusterId: first.cluster_id, topicIds: new Map(rows.map((row) => [row.topic, row.topic_id])) }
        : null;
    },

    async noteIdentity(identity) {
      await db.begin((tx) => writeIdentity(tx as unknown as Database, identity));
    },

    async startOver(identity, { catalog }) {
      return db.begin(async (tx) => {
        // Whoever relays or dispatches now loses the lease, so that what it has in flight marks nothing.
        await tx`delete from lifestream.leases where name in ('relay', 'dispatcher', 'catalog')`;
        await tx`delete from lifestream.event_ingest_dedupe`;
        await tx`delete from lifestream.kafka_offsets`;
        await tx`update lifestream.outbox_batch set event_ids = '{}', high_water = 0, generation = generation + 1`;
        const events = await tx`update lifestream.events set published_to_kafka = false where published_to_kafka`;
        await tx`update lifestream.work set status = 'pending', next_attempt_at = now() where status = 'queued'`;
        // The dead-letter topic was made anew too: it is filled again like everything else.
        await tx`update lifestream.work set dead_letter_sent_at = null where status = 'dead'`;
        if (catalog) await tx`update lifestream.tag_catalog set sent_at = null`;
        await writeIdentity(tx as unknown as Database, identity);
        await tx`select pg_notify('lifestream_events', '')`;
        return events.count;
      }) as Promise<number>;
    },
  };
}

async function writeIdentity(db: Database, { clusterId, topicIds }: LogIdentity): Promise<void> {
  await db`delete from lifestream.log_identity`;
  await db`
    insert into lifestream.log_identity (cluster_id, topic, topic_id)
    select ${clusterId}, * from unnest(${[...topicIds.keys()]}::text[], ${[...topicIds.values()]}::text[])`;
}
