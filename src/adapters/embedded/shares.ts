/*
 * Who should own what. A pure rule, applied by whichever member looks, under the lock of the group's row. Partitions
 * that are nobody's go at once to those who have fewest, whoever they are: so none is left lying after a look. What a
 * member has too many of only it can give up, for it has to stop reading first. Partitions that need not move stay.
 */

export interface GroupMember {
  readonly id: string;
  readonly topics: readonly string[];
}

export interface Share {
  readonly topic: string;
  readonly partition: number;
  /** Null: nobody's. */
  readonly member: string | null;
}

export interface Plan<T extends Share> {
  /** Partitions that were nobody's, with whom they belong to from now on. */
  readonly give: readonly (T & { readonly member: string })[];
  /** What `me` has too many of. */
  readonly surplus: readonly T[];
}

/** What to do about the shares of a group: members of a topic get equal shares of it. */
export function planShares<T extends Share>(
  me: string,
  members: readonly GroupMember[],
  shares: readonly T[],
): Plan<T> {
  const give: (T & { readonly member: string })[] = [];
  const surplus: T[] = [];
  for (const [topic, all] of Map.groupBy(shares, (share) => share.topic)) {
    const readers = members.filter((member) => member.topics.includes(topic)).map(({ id }) => id);
    if (readers.length === 0) continue;
    const counts = new Map(readers.map((id) => [id, all.filter((share) => share.member === id).length]));
    for (const share of inOrder(all.filter(({ member }) => member === null))) {
      const [member = me] = ranked(counts).reverse();
      counts.set(member, (counts.get(member) ?? 0) + 1);
      give.push({ ...share, member });
    }
    const mine = inOrder(all.filter(({ member }) => member === me));
    const tooMany = (counts.get(me) ?? 0) - quotaOf(me, counts, all.length);
    if (tooMany > 0) surplus.push(...mine.slice(-tooMany));
  }
  return { give, surplus };
}

/** The odd partitions are for those who have most already. */
function quotaOf(member: string, counts: ReadonlyMap<string, number>, partitions: number): number {
  const odd = partitions % counts.size;
  return Math.floor(partitions / counts.size) + (ranked(counts).indexOf(member) < odd ? 1 : 0);
}

/** Those who have most first. */
function ranked(counts: ReadonlyMap<string, number>): string[] {
  const byCount = [...counts].sort(([a, hasA], [b, hasB]) => hasB - hasA || (a < b ? -1 : 1));
  return byCount.map(([id]) => id);
}

function inOrder<T extends Share>(shares: readonly T[]): T[] {
  return [...shares].sort((a, b) => a.partition - b.partition);
}
