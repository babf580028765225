import { expect } from "bun:test";
import { expectedStatuses, failsForGood, statuses } from "./link-mix.ts";
import type { TestPages } from "./pages.ts";
import { readTopic } from "./read-topic.ts";
import type { TestApp } from "./test-app.ts";

/** Every link ended where it has to, by one effect each, whatever was killed on the way. */
export async function expectSameEnd(world: TestApp, pages: TestPages, urls: readonly string[]): Promise<void> {
  expect(await statuses(world.app)).toEqual(expectedStatuses(urls));
  await expectNothingTwice(world, urls.length);
  await expectNoRequestUncounted(world, pages);
  await expectDeadLetters(world, urls.filter(failsForGood).length);
}

/** Each link is one subject, and each effect is reported once: by one cause, one event of a type. */
async function expectNothingTwice({ app }: TestApp, links: number): Promise<void> {
  const doubled = await app.db`
    select causation_id, event_type from lifestream.events where event_type <> 'work.failed' and causation_id is not null
    group by 1, 2 having count(*) > 1`;
  expect(doubled).toEqual([] as never);
  const read = await app.db`
    select subject_id, event_type, count(*) as n from lifestream.events
    where event_type in ('link.added', 'content.fetched', 'enrichment.completed') group by 1, 2 having count(*) > 1`;
  expect(read).toEqual([] as never);
  const failed = await app.db`
    select subject_id, payload->'work_message'->>'attempt' as attempt from lifestream.events
    where event_type = 'work.failed' group by 1, 2, payload->'work_message'->>'id' having count(*) > 1`;
  expect(failed).toEqual([] as never);
  const [count] = await app.db`
    select (select count(*) from lifestream.subjects where subject = 'link') as subjects, (select count(*) from lifestream.links) as links`;
  expect(count).toMatchObject({ subjects: links, links });
}

/** A page may be asked for again after a crash, but only as another attempt that counts. */
async function expectNoRequestUncounted({ app }: TestApp, pages: TestPages): Promise<void> {
  const rows = await app.db<{ url: string; attempt: number }[]>`
    select payload->>'url' as url, attempt from lifestream.work where work_type = 'fetch_link'`;
  const attempts = new Map(rows.map(({ url, attempt }) => [new URL(url).pathname, attempt]));
  const uncounted = [...pages.requests].filter(([path, asked]) => asked > (attempts.get(path) ?? 0));
  expect(uncounted).toEqual([]);
  expect(pages.requests.size).toBe(rows.filter(({ url }) => url.startsWith(pages.origin)).length);
}

/** One for each work id that ended dead; a crash between sending and noting it may repeat that one. */
async function expectDeadLetters(world: TestApp, expected: number): Promise<void> {
  const dead = await world.app.db<{ id: string }[]>`select id from lifestream.work where status = 'dead' order by id`;
  expect(dead.length).toBe(expected);
  const letters = (await readTopic(world, "work.dead_letter")).map((value) => JSON.parse(value).original_work.id);
  expect([...new Set(letters)].sort()).toEqual(dead.map(({ id }) => id));
  if (letters.length > dead.length) console.log(`${letters.length - dead.length} dead letters were sent twice`);
}
