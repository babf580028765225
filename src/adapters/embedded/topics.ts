import {
  type ClusterShape,
  type LogIdentity,
  type PlacedTopic,
  positionKey,
  type TopicState,
  type TopicSurvey,
} from "../../engine/log.ts";
import { CHANNEL, type LogDb, type LogTx, topicSignal } from "./database.ts";

/** The database stands for the one broker. */
const BROKER = 0;

export async function identity(db: LogDb, topics: readonly string[]): Promise<LogIdentity> {
  const rows = await db<{ cluster: string; name: string | null; id: string | null }[]>`
    select c.id as cluster, t.name, t.id
    from lifestream.log_cluster c left join lifestream.log_topics t on t.name = any(${[...topics]}::text[])`;
  return {
    clusterId: rows[0]?.cluster ?? "",
    topicIds: new Map(rows.flatMap(({ name, id }) => (name && id ? [[name, id] as const] : []))),
  };
}

export function endOffsets(db: LogDb, topics: readonly string[]): Promise<Map<string, number>> {
  return offsets(db, topics, "next_offset");
}

export function startOffsets(db: LogDb, topics: readonly string[]): Promise<Map<string, number>> {
  return offsets(db, topics, "start_offset");
}

async function offsets(db: LogDb, topics: readonly string[], column: "next_offset" | "start_offset") {
  const rows = await db<{ topic: string; partition: number; at: number }[]>`
    select t.name as topic, p.partition, p.${db(column)} as at
    from lifestream.log_topics t join lifestream.log_partitions p on p.topic_id = t.id
    where t.name = any(${[...topics]}::text[])`;
  return new Map(rows.map((row) => [positionKey(row), row.at]));
}

export async function cluster(): Promise<ClusterShape> {
  return { brokers: [BROKER], defaults: { replication: 1, minIsr: 1 } };
}

export async function describeTopics(db: LogDb, names: readonly string[]): Promise<TopicSurvey> {
  const rows = await db<{ name: string; id: string; config: Record<string, string>; partitions: number }[]>`
    select t.name, t.id, t.config, count(*)::int as partitions
    from lifestream.log_topics t join lifestream.log_partitions p on p.topic_id = t.id
    where t.name = any(${[...names]}::text[]) group by t.id`;
  const topics = rows.map(({ partitions, ...topic }): TopicState => {
    return { ...topic, replicas: Array.from({ length: partitions }, () => [BROKER]) };
  });
  return { topics, denied: [] };
}

/** Creates topics; one that exists already is left as it is. */
export async function createTopics(db: LogDb, topics: readonly PlacedTopic[]): Promise<void> {
  for (const { name, partitions, config } of topics) {
    await changing(db, [name], async (tx) => {
      await tx`
        with made as (
          insert into lifestream.log_topics (name, config) values (${name}, ${tx.json(config)})
          on conflict (name) do nothing returning id
        )
        insert into lifestream.log_partitions (topic_id, partition)
        select id, nth from made, generate_series(0, ${partitions - 1}::int) as nth order by nth`;
    });
  }
}

export async function addPartitions(db: LogDb, name: string, total: number): Promise<void> {
  await changing(db, [name], async (tx) => {
    await tx`
      insert into lifestream.log_partitions (topic_id, partition)
      select t.id, nth from lifestream.log_topics t, generate_series(0, ${total - 1}::int) as nth
      where t.name = ${name} order by nth
      on conflict do nothing`;
  });
}

/** Takes effect at once; the records are cleared away in small steps later (`cleaner.ts`). */
export async function deleteTopics(db: LogDb, names: readonly string[], confirm?: () => Promise<void>): Promise<void> {
  await changing(db, names, async (tx) => {
    // Locked in the order in which appends lock them.
    const partitions = await tx<{ id: number }[]>`
      select p.id from lifestream.log_partitions p join lifestream.log_topics t on t.id = p.topic_id
      where t.name = any(${[...names]}::text[]) order by p.id for update of p`;
    await confirm?.();
    await tx`delete from lifestream.log_shares where partition_id = any(${partitions.map(({ id }) => id)}::bigint[])`;
    await tx`delete from lifestream.log_topics where name = any(${[...names]}::text[])`;
  });
}

export async function configureTopic(
  db: LogDb,
  name: string,
  settings: Readonly<Record<string, string>>,
): Promise<void> {
  await db`update lifestream.log_topics set config = config || ${db.json(settings)} where name = ${name}`;
}

/** A change of topics: the members of every group that reads them look again at what there is to own. */
async function changing(db: LogDb, names: readonly string[], change: (tx: LogTx) => Promise<void>): Promise<void> {
  await db.begin(async (tx) => {
    // First of all, since members hold their group's row while they take partitions.
    await tx`
      update lifestream.log_groups g set generation = generation + 1 where exists (
        select 1 from lifestream.log_members m where m.group_name = g.name and m.topics && ${[...names]}::text[])`;
    await change(tx);
    for (const name of names) await tx`select pg_notify(${CHANNEL}, ${topicSignal(name)})`;
  });
}
