import { DataError, EnvironmentError } from "../../engine/errors.ts";
import type { NewRecord, RecordPosition } from "../../engine/log.ts";
import { partitionOf, sharedAmong } from "../../engine/partition.ts";
import { type Ask, CHANNEL, type LogDb, topicSignal } from "./database.ts";

/** A record larger than this is refused, as Kafka's brokers do: what flows here must be able to flow there. */
const MAX_RECORD_BYTES = 1_000_000;
/** Most bytes in one statement. */
const STATEMENT_BYTES = 4_000_000;
/** Type of a `bytea[]` parameter: the driver would take it for one `bytea`. */
const BYTEA_ARRAY = 1001;

/** Where keys go: a topic as it was when its partitions were counted. */
export interface TopicShape {
  readonly id: string;
  readonly partitions: number;
}

/** A record with its place, bytes as they are to be stored. */
export interface PlacedRecord {
  readonly partition: number;
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
  readonly headers: Readonly<Record<string, string>>;
}

/** Appends in the order of the calls: one statement at a time per topic. */
export class Appender {
  #db: LogDb;
  #ask: Ask;
  #lanes = new Map<string, Promise<unknown>>();
  #shapes = new Map<string, TopicShape>();

  constructor(db: LogDb, ask: Ask) {
    this.#db = db;
    this.#ask = ask;
  }

  /** Positions come back in the order of the records. */
  append(topic: string, records: readonly NewRecord[], among = Number.POSITIVE_INFINITY): Promise<RecordPosition[]> {
    const before = this.#lanes.get(topic) ?? Promise.resolve();
    const mine = before.then(() => this.#append(topic, records, among));
    this.#lanes.set(
      topic,
      mine.catch(() => {}),
    );
    return mine;
  }

  /** Resolves when everything asked for so far is over. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.#lanes.values());
  }

  async #append(topic: string, records: readonly NewRecord[], among: number): Promise<RecordPosition[]> {
    const positions: RecordPosition[] = [];
    for (const chunk of chunksBySize(records)) {
      if (chunk[0] && sizeOf(chunk[0]) > MAX_RECORD_BYTES)
        throw new DataError(`a record is larger than the ${MAX_RECORD_BYTES} bytes that the log takes`, "too_large");
      positions.push(...(await this.#appendChunk(topic, chunk, among)));
    }
    return positions;
  }

  /** The topic may have been made anew, or grown, since its partitions were counted: then they are counted once more. */
  async #appendChunk(topic: string, records: readonly NewRecord[], among: number): Promise<RecordPosition[]> {
    for (const known of [this.#shapes.get(topic), undefined]) {
      const isEnough = known && (!Number.isFinite(among) || known.partitions >= among);
      const shape = isEnough ? known : await this.#lookUp(topic);
      const partitions = sharedAmong(topic, shape.partitions, among);
      const placed = records.map(({ key, value, headers }) => ({
        partition: partitionOf(key, partitions),
        key: Buffer.from(key),
        value: Buffer.from(value),
        headers,
      }));
      const positions = await this.#ask(() => appendPlaced(this.#db, topic, shape, placed));
      if (positions) return positions;
    }
    throw new EnvironmentError(`the topic ${topic} was changed while records were appended to it`);
  }

  async #lookUp(topic: string): Promise<TopicShape> {
    const [shape] = await this.#ask(
      () => this.#db<TopicShape[]>`
        select t.id, count(*)::int as partitions
        from lifestream.log_topics t join lifestream.log_partitions p on p.topic_id = t.id
        where t.name = ${topic} group by t.id`,
    );
    if (!shape) throw new EnvironmentError(`the topic ${topic} does not exist: run "npm run kafka:init"`);
    this.#shapes.set(topic, shape);
    return shape;
  }
}

/**
 * One statement, one transaction: locks the rows of the partitions, always in the order of their ids, takes offsets from
 * them and inserts the records. Null: the topic has not this shape any more, and nothing was appended.
 */
export async function appendPlaced(
  db: LogDb,
  topic: string,
  shape: TopicShape,
  records: readonly PlacedRecord[],
): Promise<RecordPosition[] | null> {
  const column = (of: (record: PlacedRecord) => Uint8Array | null) =>
    db.array(records.map(of) as unknown as string[], BYTEA_ARRAY);
  const first = await db<{ partition: number; first: number }[]>`
    with sent as (
      select *, row_number() over (partition by partition order by nth) - 1 as rank
      from unnest(
        ${records.map(({ partition }) => partition)}::int[], ${column(({ key }) => key)}::bytea[],
        ${column(({ value }) => value)}::bytea[], ${records.map(headersOf)}::text[]
      ) with ordinality as s (partition, key, value, headers, nth)
    ), counted as (
      select partition, count(*) as records from sent group by partition
    ), locked as materialized (
      select p.id, c.records from lifestream.log_partitions p join counted c using (partition)
      where p.topic_id = ${shape.id}
        and ${shape.partitions} = (select count(*) from lifestream.log_partitions where topic_id = ${shape.id})
      order by p.id for no key update of p
    ), moved as (
      update lifestream.log_partitions p set next_offset = p.next_offset + l.records
      from locked l where p.id = l.id
      returning p.id, p.partition, p.next_offset - l.records as first
    ), inserted as (
      insert into lifestream.log_records (partition_id, record_offset, key, value, headers)
      select m.id, m.first + s.rank, s.key, s.value, s.headers::json from sent s join moved m using (partition)
      order by m.id, s.rank
    )
    select partition, first, pg_notify(${CHANNEL}, ${topicSignal(topic)}) from moved`;
  const next = new Map(first.map((row) => [row.partition, row.first]));
  if (records.some(({ partition }) => !next.has(partition))) return null;
  return records.map(({ partition }) => {
    const offset = next.get(partition) ?? 0;
    next.set(partition, offset + 1);
    return { topic, partition, offset };
  });
}

function headersOf({ headers }: PlacedRecord): string | null {
  return Object.keys(headers).length > 0 ? JSON.stringify(headers) : null;
}

function sizeOf({ key, value }: NewRecord): number {
  return Buffer.byteLength(key) + Buffer.byteLength(value);
}

/** Cuts a list into statements of a bounded size; a record that is too large stands alone. */
function* chunksBySize(records: readonly NewRecord[]): Generator<NewRecord[]> {
  let chunk: NewRecord[] = [];
  let bytes = 0;
  for (const record of records) {
    const size = sizeOf(record);
    const tooLarge = size > MAX_RECORD_BYTES;
    if (chunk.length > 0 && (tooLarge || bytes + size > STATEMENT_BYTES)) {
      yield chunk;
      chunk = [];
      bytes = 0;
    }
    chunk.push(record);
    bytes += tooLarge ? STATEMENT_BYTES : size;
  }
  if (chunk.length > 0) yield chunk;
}
