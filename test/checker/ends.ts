import type { App } from "../../src/app.ts";

/** How a life is meant to end; all that ends otherwise is wrong. */
export interface MeantEnds {
  /** Whether nobody can read this page: the work on it has to be given up. */
  readonly isHopeless: (url: string) => boolean;
  /** Work on other pages that has to be given up too, as `workName` calls it. */
  readonly givenUp?: readonly string[];
  /** Agents were killed at random. Work that lost each of its attempts to that is given up rightly: they count. */
  readonly agentsDie?: boolean;
  /** Ids of the records that have to be set aside. */
  readonly aside?: Iterable<string>;
}

export interface Ends {
  readonly wrong: readonly string[];
  /** Work on good pages whose agent was gone each time, where that is allowed. */
  readonly abandoned: readonly string[];
}

interface GivenUp {
  readonly type: string;
  readonly url: string;
  readonly attempts: number;
  /** Attempts whose agent was gone before it said anything. */
  readonly expired: number;
  readonly error: string | null;
}

export const workName = (type: string, url: string): string => `${type} of ${url}`;

/**
 * What a life that came to rest has given up, set aside or never finished, against what it was meant to. A ledger in which
 * a failure stands and a state table that shows it agree with each other, whether or not the work had to fail.
 */
export async function endsOf({ db }: Pick<App, "db">, meant: MeantEnds): Promise<Ends> {
  const dead = await givenUp({ db });
  const asked = new Set(meant.givenUp);
  const good = dead.filter(({ type, url }) => type !== "fetch_link" || !meant.isHopeless(url));
  const unasked = good.filter(({ type, url }) => !asked.has(workName(type, url)));
  const abandoned = meant.agentsDie ? unasked.filter(({ attempts, expired }) => expired === attempts) : [];
  const names = new Set(dead.map(({ type, url }) => workName(type, url)));
  return {
    wrong: [
      ...unasked.filter((work) => !abandoned.includes(work)).map(told),
      ...[...asked].filter((name) => !names.has(name)).map((name) => `not given up: ${name}`),
      ...(await unfinished({ db }, new Set(dead.map(({ url }) => url)), meant)),
      ...(await wronglyAside({ db }, new Set(meant.aside))),
    ],
    abandoned: abandoned.map(({ type, url }) => workName(type, url)),
  };
}

const told = ({ type, url, attempts, expired, error }: GivenUp) =>
  `given up, and the page can be had: ${workName(type, url)} after ${attempts} attempts, ${expired} of them without an answer: ${error}`;

async function givenUp({ db }: Pick<App, "db">): Promise<GivenUp[]> {
  return db<GivenUp[]>`
    with expired as (
      select payload->'work_message'->>'id' as id, count(*) as times from lifestream.events
      where event_type = 'work.failed' and payload->>'error_class' = 'lease_expired' group by 1)
    select w.work_type as type, coalesce(l.url, w.payload->>'url', w.subject_id) as url, w.attempt as attempts,
      coalesce(e.times, 0) as expired, w.last_error as error
    from lifestream.work w left join lifestream.links l using (subject_id) left join expired e on e.id = w.id::text
    where w.status in ('dead', 'discarded') order by w.created_at`;
}

/** A hopeless page has work that was given up, any other is published in the end: work that nobody asked for shows here. */
async function unfinished(
  { db }: Pick<App, "db">,
  dead: ReadonlySet<string>,
  { isHopeless }: MeantEnds,
): Promise<string[]> {
  const links = await db<{ url: string; status: string }[]>`select url, status from lifestream.links order by url`;
  return links
    .filter(({ url, status }) => !dead.has(url) && (isHopeless(url) || status !== "published"))
    .map(({ url, status }) => `not given up, and the link is ${status}: ${url}`);
}

async function wronglyAside({ db }: Pick<App, "db">, meant: ReadonlySet<string>): Promise<string[]> {
  const there = await db<{ id: string; what: string }[]>`
    select id, error_class || ' of ' || topic || ':' || kafka_partition || ' at ' || kafka_offset || ': ' || error as what
    from lifestream.dead_letters order by created_at`;
  const ids = new Set(there.map(({ id }) => id));
  return [
    ...there.filter(({ id }) => !meant.has(id)).map(({ what }) => `set aside, and nobody meant it to be: ${what}`),
    ...[...meant].filter((id) => !ids.has(id)).map((id) => `not set aside: record ${id}`),
  ];
}
