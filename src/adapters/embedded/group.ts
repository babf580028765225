import { CHANNEL, groupSignal, type LogDb, type LogTx } from "./database.ts";
import { type GroupMember, planShares, type Share } from "./shares.ts";

/** Who a member is; it is in the group from its first `rebalance` to its `leave`, or until its time runs out. */
export interface Membership {
  readonly id: string;
  readonly group: string;
  readonly topics: readonly string[];
  /** A member that does not renew its place for this long has lost it. */
  readonly sessionMs: number;
}

/** A partition that a member owns. */
export interface Assignment extends Share {
  readonly partition_id: number;
  readonly topic_id: string;
  /** A number that no other assignment ever had. */
  readonly epoch: number;
  readonly committed: number | null;
}

export interface Balance {
  /** What the group's count of changes was. */
  readonly generation: number;
  readonly owned: readonly Assignment[];
  /** Of these, what others should have: to be given up. */
  readonly surplus: readonly Assignment[];
}

export interface Pulse {
  readonly generation: number;
  /** Another member's time has run out. */
  readonly someoneIsGone: boolean;
}

/** Renews the member's place. Null: it has none (any more). One statement: most of the time this is all there is to do. */
export async function renew(db: LogDb, { id, sessionMs }: Membership): Promise<Pulse | null> {
  const [row] = await db<{ generation: number; gone: boolean }[]>`
    update lifestream.log_members m set expires_at = clock_timestamp() + ${sessionMs} * interval '1 millisecond'
    from lifestream.log_groups g where m.id = ${id} and g.name = m.group_name
    returning g.generation, exists (
      select 1 from lifestream.log_members o
      where o.group_name = g.name and o.id <> m.id and o.expires_at < clock_timestamp()) as gone`;
  return row ? { generation: row.generation, someoneIsGone: row.gone } : null;
}

/**
 * Joins if need be, gives up `release`, removes members whose time has run out, and shares out what is nobody's. Under
 * the lock of the group's row, so members do it one after the other. What is surplus stays ours until it is released:
 * first its reader has to stop.
 */
export async function rebalance(db: LogDb, member: Membership, release: readonly Assignment[]): Promise<Balance> {
  const { id, group, topics } = member;
  return db.begin(async (tx) => {
    await tx`
      insert into lifestream.log_groups as g (name) values (${group})
      on conflict (name) do update set used_at = clock_timestamp()`;
    const joined = await join(tx, member);
    const left = await tx`
      delete from lifestream.log_members where group_name = ${group} and expires_at < clock_timestamp()`;
    const released = await tx`
      update lifestream.log_shares set member = null
      where group_name = ${group} and member = ${id} and epoch = any(${release.map(({ epoch }) => epoch)}::bigint[])`;
    await tx`
      insert into lifestream.log_shares (group_name, partition_id)
      select ${group}, p.id from lifestream.log_partitions p join lifestream.log_topics t on t.id = p.topic_id
      where t.name = any(${[...topics]}::text[]) order by p.id
      on conflict do nothing`;
    const shares = await sharesOf(tx, group);
    const members = await tx<GroupMember[]>`
      select id, topics from lifestream.log_members where group_name = ${group}`;
    const { give, surplus } = planShares(id, members, shares);
    const owned = [...shares, ...(await assign(tx, group, give))].filter((share) => share.member === id);
    const changed = joined || left.count + released.count + give.length > 0;
    return { generation: await generationOf(tx, group, changed), owned, surplus };
  }) as Promise<Balance>;
}

/** Notes how far a member says it is, where the partition is still its own. */
export async function commit(
  db: LogDb,
  group: string,
  offsets: readonly { readonly epoch: number; readonly nextOffset: number }[],
): Promise<void> {
  await db`
    update lifestream.log_shares s set committed = c.next_offset
    from unnest(
      ${offsets.map(({ epoch }) => epoch)}::bigint[], ${offsets.map(({ nextOffset }) => nextOffset)}::bigint[]
    ) as c (epoch, next_offset)
    where s.group_name = ${group} and s.epoch = c.epoch and s.member is not null`;
}

/** Gives everything back at once; the others need not wait for this member's time to run out. */
export async function leave(db: LogDb, { id, group }: Membership): Promise<void> {
  await db.begin(async (tx) => {
    await tx`select 1 from lifestream.log_groups where name = ${group} for update`;
    const left = await tx`delete from lifestream.log_members where id = ${id}`;
    await generationOf(tx, group, left.count > 0);
  });
}

/** Renews the member's place; true where it had none. */
async function join(tx: LogTx, { id, group, topics, sessionMs }: Membership): Promise<boolean> {
  const joined = await tx`
    insert into lifestream.log_members (id, group_name, topics, expires_at)
    values (${id}, ${group}, ${[...topics]}::text[], clock_timestamp() + ${sessionMs} * interval '1 millisecond')
    on conflict (id) do update set expires_at = excluded.expires_at
    returning xmax = 0 as is_new`;
  return joined[0]?.is_new === true;
}

async function sharesOf(tx: LogTx, group: string): Promise<Assignment[]> {
  return tx<Assignment[]>`
    select t.name as topic, t.id as topic_id, p.partition, p.id as partition_id, s.member, s.epoch, s.committed
    from lifestream.log_shares s
    join lifestream.log_partitions p on p.id = s.partition_id
    join lifestream.log_topics t on t.id = p.topic_id
    where s.group_name = ${group}`;
}

async function assign(tx: LogTx, group: string, shares: readonly Assignment[]): Promise<Assignment[]> {
  if (shares.length === 0) return [];
  const assigned = await tx<{ partition_id: number; epoch: number }[]>`
    update lifestream.log_shares s set member = given.member, epoch = nextval('lifestream.log_epochs')
    from unnest(
      ${shares.map((share) => share.partition_id)}::bigint[], ${shares.map((share) => share.member)}::uuid[]
    ) as given (partition_id, member)
    where s.group_name = ${group} and s.partition_id = given.partition_id
    returning s.partition_id, s.epoch`;
  const epochs = new Map(assigned.map((row) => [row.partition_id, row.epoch]));
  return shares.map((share) => ({ ...share, epoch: epochs.get(share.partition_id) ?? 0 }));
}

/** The group's count of changes; with one more, the other members look again. */
async function generationOf(tx: LogTx, group: string, changed: boolean): Promise<number> {
  const [row] = await tx<{ generation: number }[]>`
    update lifestream.log_groups set generation = generation + ${changed ? 1 : 0} where name = ${group}
    returning generation`;
  if (changed) await tx`select pg_notify(${CHANNEL}, ${groupSignal(group)})`;
  return row?.generation ?? 0;
}

/** How many members each group has whose time has not run out. */
export async function members(db: LogDb, groups: readonly string[]): Promise<Map<string, number>> {
  const rows = await db<{ name: string; members: number }[]>`
    select g.name, count(m.id)::int as members from unnest(${groups as string[]}::text[]) as g(name)
    left join lifestream.log_members m on m.group_name = g.name and m.expires_at >= clock_timestamp()
    group by g.name`;
  return new Map(rows.map(({ name, members }) => [name, members]));
}
