import { positionKey, type RecordPosition } from "../../engine/log.ts";
import type { Sql } from "../../engine/store.ts";

/** Notes that the log has these records. */
export async function noteAcknowledged(tx: Sql, positions: readonly RecordPosition[]): Promise<void> {
  // Sent in this order: the last of each partition stays.
  const last = [...new Map(positions.map((position) => [positionKey(position), position])).values()];
  await tx`
    insert into lifestream.acknowledged_offsets as a (topic, partition, kafka_offset)
    select * from unnest(${last.map((at) => at.topic)}::text[], ${last.map((at) => at.partition)}::int[],
      ${last.map((at) => at.offset)}::bigint[])
    on conflict (topic, partition) do update set kafka_offset = greatest(a.kafka_offset, excluded.kafka_offset)`;
}
