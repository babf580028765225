import { StaleOwnerError } from "../../engine/errors.ts";
import { positionKey } from "../../engine/log.ts";
import type { GroupPosition, Positions, Sql, TxPositions, Watermark } from "../../engine/store.ts";
import type { Database } from "./connect.ts";

interface PositionRow {
  topic: string;
  partition: number;
  last_offset: number;
  last_position: number | null;
  last_generation: number | null;
  topic_id: string | null;
}

/** Reads positions. One that belongs to a topic that was re-created since is left out: its offsets mean nothing now. */
export function createPositions(db: Database): Positions {
  return {
    async load(group, partitions) {
      const ids = new Map(partitions.map((partition) => [positionKey(partition), partition.topicId]));
      const rows = await db<PositionRow[]>`
        select topic, partition, last_offset, last_position, last_generation, topic_id
        from lifestream.kafka_offsets where consumer_group = ${group}`;
      const positions = new Map<string, GroupPosition>();
      for (const row of rows) {
        const key = positionKey(row);
        if (row.topic_id === null || ids.get(key) !== row.topic_id) continue;
        positions.set(key, { lastOffset: row.last_offset, watermark: watermarkOf(row), topicId: row.topic_id });
      }
      return positions;
    },
  };
}

function watermarkOf({ last_position: position, last_generation: generation }: PositionRow): Watermark | null {
  return position === null || generation === null ? null : { position, generation };
}

/**
 * Moves positions, as a compare-and-set: whoever finds another position than it left is not the owner any more, nor is
 * who finds none, as the ledger flows anew since, perhaps into offsets that were passed already. A
 * position in the topic that the ledger flows into gives way to none in another one: that one was deleted, and the
 * member slept through it, or it is new, and the relay will notice it soon.
 */
export function txPositions(tx: Sql): TxPositions {
  return {
    async advance(group, { topic, partition }, from, to) {
      const moved = await tx`
        insert into lifestream.kafka_offsets as o
          (consumer_group, topic, partition, last_offset, last_position, last_generation, topic_id, updated_at)
        select ${group}, ${topic}, ${partition}::int, ${to.lastOffset}::bigint, ${to.watermark?.position ?? null}::bigint,
          ${to.watermark?.generation ?? null}::int, ${to.topicId}, now()
        where ${from === null} or exists (
          select from lifestream.kafka_offsets
          where consumer_group = ${group} and topic = ${topic} and partition = ${partition})
        on conflict (consumer_group, topic, partition) do update
          set last_offset = excluded.last_offset, last_position = excluded.last_position,
              last_generation = excluded.last_generation, topic_id = excluded.topic_id, updated_at = now()
          where case when o.topic_id = excluded.topic_id
            then o.last_offset is not distinct from ${from?.lastOffset ?? null}::bigint
            else not exists (select 1 from lifestream.log_identity i where i.topic = o.topic and i.topic_id = o.topic_id)
          end
        returning 1`;
      if (moved.length === 0) {
        throw new StaleOwnerError(`${group} was moved on ${topic}/${partition} by another member`);
      }
    },
  };
}
