import { DEAD_LETTER_TOPIC, EVENTS_TOPIC } from "../../src/engine/topics.ts";
import type { Life } from "./life.ts";

interface Counts {
  readonly events: number;
  /** Attempts of all work. */
  readonly attempts: number;
  /** Attempts before the one that succeeded. */
  readonly repeats: number;
  readonly dead: number;
  readonly aside: number;
  readonly asideEvents: number;
  readonly flows: number;
}

/** What is to be seen of a fault when all is at rest, in a few words: what came again, what waited, what was given up. */
export async function seenOf(life: Life): Promise<string[]> {
  const { app } = life.world;
  const counts = await countsOf(life);
  const workTopics = [...app.registry.work.keys()].map((type) => `work.${type}`);
  const records = (await recordsIn(life, [EVENTS_TOPIC])) - counts.events - counts.asideEvents;
  const messages = (await recordsIn(life, workTopics)) - counts.attempts - (counts.aside - counts.asideEvents);
  const deaths = life.started().filter(({ asked, diesByItself }) => asked === "kill" || diesByItself).length;
  const waits = life.said().filter((line) => /waiting/i.test(line)).length;
  const rejoins = life.said().filter((line) => line.includes("rejoining")).length;
  return [
    `${counts.events} events`,
    ...some(deaths, "killed"),
    ...some(records, "records again"),
    ...some(messages, "messages again"),
    ...some(counts.repeats, "attempts repeated"),
    ...some(counts.dead, "given up"),
    ...some(counts.aside, "set aside"),
    ...some(counts.flows, "flowed anew"),
    ...some(waits, "times told of waiting"),
    ...some(rejoins, "rejoined"),
  ];
}

const some = (count: number, what: string) => (count > 0 ? [`${count} ${what}`] : []);

async function countsOf({ world }: Life): Promise<Counts> {
  const [counts] = await world.app.db<Counts[]>`
    select (select count(*) from lifestream.events) as events,
      (select coalesce(sum(attempt), 0)::bigint from lifestream.work) as attempts,
      (select coalesce(sum(attempt - 1), 0)::bigint from lifestream.work where status = 'done') as repeats,
      (select count(*) from lifestream.work where status = 'dead') as dead,
      (select count(*) from lifestream.dead_letters where topic <> ${DEAD_LETTER_TOPIC}) as aside,
      (select count(*) from lifestream.dead_letters where topic = ${EVENTS_TOPIC}) as "asideEvents",
      (select count(*) from lifestream.ledger_flows) as flows`;
  if (!counts) throw new Error("Postgres counts nothing");
  return counts;
}

async function recordsIn({ world }: Life, topics: readonly string[]): Promise<number> {
  const ends = await world.app.log.endOffsets(topics);
  return [...ends.values()].reduce((sum, end) => sum + end, 0);
}
