import type { App } from "../../src/app.ts";
import { DEAD_LETTER_TOPIC } from "../../src/engine/topics.ts";
import { startReader } from "../contract/reader.ts";
import { until } from "../support/test-app.ts";

/** What the dead-letter topic holds, sorted: the work's id and the round that was given up, as `ID/ROUND`. */
export async function lettersInTopic({ log }: Pick<App, "log">): Promise<string[]> {
  const total = (offsets: ReadonlyMap<string, number>) =>
    [...offsets.values()].reduce((sum, offset) => sum + offset, 0);
  const [starts, ends] = [await log.startOffsets([DEAD_LETTER_TOPIC]), await log.endOffsets([DEAD_LETTER_TOPIC])];
  const wanted = total(ends) - total(starts);
  if (wanted === 0) return [];
  const reader = startReader(log, { group: `checker-${crypto.randomUUID()}`, topics: [DEAD_LETTER_TOPIC] });
  await until(async () => reader.records.length >= wanted);
  await reader.stop();
  return reader.values().flatMap(toRound).sort();
}

/** What others put there is no letter of ours. */
function toRound(value: string): string[] {
  try {
    const { id, round = 1 } = JSON.parse(value).original_work;
    return id ? [`${id}/${round}`] : [];
  } catch {
    return [];
  }
}

/** Rounds that were given up and have not one letter in the topic; and rounds that have more than one. */
export async function wrongLetters(app: Pick<App, "db" | "log">): Promise<{ lacking: string[]; doubled: string[] }> {
  const letters = await lettersInTopic(app);
  const given = await app.db<{ round: string }[]>`
    select id || '/' || round as round from lifestream.work where status in ('dead', 'discarded')`;
  return {
    lacking: given.filter(({ round }) => !letters.includes(round)).map(({ round }) => `no dead letter of ${round}`),
    doubled: letters.filter((one, n) => one === letters[n - 1]).map((round) => `one more dead letter of ${round}`),
  };
}
