import { positionKey } from "../../engine/log.ts";
import type { Forwarding, GroupPlace, KnownLog, Lease, Sql } from "../../engine/store.ts";
import { DEAD_LETTER_TOPIC, EVENTS_TOPIC } from "../../engine/topics.ts";
import type { Database } from "./connect.ts";
import { requireLease } from "./leases.ts";
import { forgetSentLetters } from "./sent-letters.ts";

/** Offsets of one topic, by partition. */
type Offsets = Record<string, number>;

/** Which log the ledger was forwarded to, what it must still hold, and starting over when it does not. */
export function createForwarding(db: Database): Forwarding {
  return {
    async knownIdentity() {
      const rows = await db<{ cluster_id: string; topic: string; topic_id: string; flow_from: Offsets }[]>`
        select cluster_id, topic, topic_id, flow_from from lifestream.log_identity`;
      const [first] = rows;
      if (!first) return null;
      return {
        clusterId: first.cluster_id,
        topicIds: new Map(rows.map((row) => [row.topic, row.topic_id])),
        flowFrom: new Map(rows.flatMap((row) => byPositionKey(row.topic, row.flow_from))),
      };
    },

    async noteIdentity(log) {
      await db.begin(async (tx) => {
        await forgetMarksOfOthers(tx);
        await writeIdentity(tx as unknown as Database, log);
      });
    },

    async partitions() {
      const [batch] = await db<{ partitions: number | null }[]>`select partitions from lifestream.outbox_batch`;
      return batch?.partitions ?? null;
    },

    async sharePartitions(lease, among) {
      return db.begin(async (tx) => {
        await requireLease(tx, lease);
        const { count } = await tx`
          update lifestream.outbox_batch set partitions = ${among} where partitions is null or event_ids = '{}'`;
        return count > 0;
      }) as Promise<boolean>;
    },

    async acknowledgedIn(topic) {
      return offsetsOf(
        await db<LastOffset[]>`
        select topic, partition, kafka_offset as last from lifestream.acknowledged_offsets where topic = ${topic}`,
      );
    },

    async sentState() {
      const [batch] = await db<{ acknowledged: Offsets }[]>`select acknowledged from lifestream.outbox_batch`;
      const others = await db<LastOffset[]>`
        select 'work.' || work_type as topic, kafka_partition as partition, max(kafka_offset) as last
        from lifestream.work where status = 'queued' and kafka_offset is not null group by 1, 2
        union all select topic, partition, kafka_offset from lifestream.acknowledged_offsets`;
      const places = await db<GroupPlace[]>`
        select o.consumer_group as "group", o.topic, o.partition, o.last_offset as "lastOffset"
        from lifestream.kafka_offsets o join lifestream.log_identity i using (topic, topic_id)`;
      const events = byPositionKey(EVENTS_TOPIC, batch?.acknowledged ?? {});
      return { acknowledged: new Map([...events, ...offsetsOf(others)]), places };
    },

    async startOver(lease, log, reason) {
      return db.begin(async (tx) => {
        // Whoever relays or dispatches now loses the lease, so that what it has in flight marks nothing.
        const ended = await tx<Lease[]>`
          delete from lifestream.leases where name in ('relay', 'dispatcher', 'catalog') returning name, holder`;
        await tx`delete from lifestream.event_ingest_dedupe`;
        await tx`delete from lifestream.kafka_offsets`;
        const [batch] = await tx<{ generation: number }[]>`
          update lifestream.outbox_batch
          set event_ids = '{}', high_water = 0, generation = generation + 1, acknowledged = '{}', partitions = null
          returning generation`;
        const events = await unmark(tx, tx`true`);
        await tx`
          insert into lifestream.ledger_flows (generation, reason, events)
          values (${batch?.generation ?? 1}, ${reason}, ${events})`;
        await tx`update lifestream.work set status = 'pending', next_attempt_at = now() where status = 'queued'`;
        await forgetDeadLetters(tx, log);
        await tx`update lifestream.tag_catalog set sent_at = null`;
        await tx`delete from lifestream.acknowledged_offsets`;
        await writeIdentity(tx as unknown as Database, log);
        await tx`delete from lifestream.topic_resets`;
        await tx`select pg_notify('lifestream_events', '')`;
        // At the end, as a required lease cannot be renewed before the commit, and a long ledger takes its time.
        const wasOwn = ended.some(({ name, holder }) => name === lease.name && holder === lease.holder);
        if (!wasOwn) await requireLease(tx, lease);
        return events;
      }) as Promise<number>;
    },

    async resetUnderWay() {
      const rows = await db<{ topic: string; partitions: number }[]>`
        select topic, partitions from lifestream.topic_resets`;
      return new Map(rows.map(({ topic, partitions }) => [topic, partitions]));
    },

    async beginReset(lease, partitions) {
      await db.begin(async (tx) => {
        await requireLease(tx, lease);
        await tx`
          insert into lifestream.topic_resets (topic, partitions)
          select * from unnest(${[...partitions.keys()]}::text[], ${[...partitions.values()]}::int[])
          on conflict (topic) do nothing`;
      });
    },
  };
}

/** A ledger that we never forwarded has not been sent to our log, whatever another system marked: its marks name no offset. */
async function forgetMarksOfOthers(tx: Sql): Promise<void> {
  const known = await tx`select from lifestream.log_identity limit 1`;
  if (known.length === 0) await unmark(tx, tx`kafka_offset is null`);
}

/** Pages of the ledger in one statement: a stage that gets no answer for 30 s gives its connection up, and would never end. */
const PAGES = 4_000;

/**
 * Events that were marked as sent, and for which this holds, are to be sent again. Returns how many. Some pages of the table
 * at a time; the last statement finds what moved meanwhile.
 */
async function unmark(tx: Sql, condition: ReturnType<Sql>): Promise<number> {
  const [table] = await tx<{ pages: number }[]>`
    select pg_relation_size('lifestream.events') / current_setting('block_size')::bigint as pages`;
  const within = async (where: ReturnType<Sql>) =>
    (
      await tx`update lifestream.events set published_to_kafka = false where published_to_kafka and ${where} and ${condition}`
    ).count;
  let events = 0;
  for (let page = 0; page < (table?.pages ?? 0); page += PAGES) {
    events += await within(tx`ctid >= ${`(${page},0)`}::tid and ctid < ${`(${page + PAGES},0)`}::tid`);
  }
  return events + (await within(tx`true`));
}

async function forgetDeadLetters(tx: Sql, { topicIds }: KnownLog): Promise<void> {
  const [known] = await tx<{ topic_id: string }[]>`
    select topic_id from lifestream.log_identity where topic = ${DEAD_LETTER_TOPIC}`;
  await forgetSentLetters(tx, { all: known?.topic_id !== topicIds.get(DEAD_LETTER_TOPIC) });
}

async function writeIdentity(db: Database, { clusterId, topicIds, flowFrom }: KnownLog): Promise<void> {
  const rows = [...topicIds].map(([topic, id]) => ({ topic, id, from: byPartition(topic, flowFrom) }));
  await db`delete from lifestream.log_identity`;
  await db`
    insert into lifestream.log_identity (cluster_id, topic, topic_id, flow_from)
    select ${clusterId}, topic, id, flow_from::jsonb
    from unnest(${rows.map(({ topic }) => topic)}::text[], ${rows.map(({ id }) => id)}::text[],
      ${rows.map(({ from }) => JSON.stringify(from))}::text[]) as n(topic, id, flow_from)`;
}

interface LastOffset {
  readonly topic: string;
  readonly partition: number;
  readonly last: number;
}

const offsetsOf = (rows: readonly LastOffset[]) => new Map(rows.map((row) => [positionKey(row), row.last]));

function byPositionKey(topic: string, offsets: Offsets): [string, number][] {
  return Object.entries(offsets).map(([partition, offset]) => [`${topic}:${partition}`, offset]);
}

function byPartition(topic: string, offsets: ReadonlyMap<string, number>): Offsets {
  const own = [...offsets].filter(([key]) => key.startsWith(`${topic}:`));
  return Object.fromEntries(own.map(([key, offset]) => [key.slice(topic.length + 1), offset]));
}
