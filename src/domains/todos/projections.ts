import { stateAdopted } from "../../engine/adopted.ts";
import type { PayloadOf, StoredEvent } from "../../engine/event.ts";
import { on, type Parked, type Projection } from "../../engine/projection.ts";
import type { Sql } from "../../engine/store.ts";
import { type Adopted, adoptRows, adoptSubjects } from "../shared/adopt.ts";
import { firstOfEach, lastOfEach } from "../shared/of-each.ts";
import { knownIn, park } from "../shared/parking.ts";
import { todoCompleted, todoCreated } from "./events.ts";

const subjectOf = (event: StoredEvent) => event.subjectId;
/** A completion that came before its todo takes effect as it is created, and stays in effect when both are applied again. */
const placeOf = (event: StoredEvent) => Math.max(event.position ?? 0, event.freedAt ?? 0);

type Created = StoredEvent<PayloadOf<typeof todoCreated>>;

/** What is to be done, and what was. */
export const todosProjection: Projection = {
  name: "todos",
  tables: ["todos"],
  subjects: ["todo"],
  handlers: [on(todoCreated, applyCreated), on(todoCompleted, applyCompleted), on(stateAdopted, applyAdopted)],
};

async function applyCreated(events: readonly Created[], tx: Sql): Promise<undefined> {
  const rows = lastOfEach(events, subjectOf);
  const since = new Map(firstOfEach(events, subjectOf).map((event) => [event.subjectId, event.occurredAt]));
  await tx`
    insert into lifestream.subjects (subject, subject_id, created_at, display_name)
    select 'todo', * from unnest(${rows.map(subjectOf)}::text[],
      ${rows.map((e) => since.get(e.subjectId) ?? e.occurredAt)}::timestamptz[],
      ${rows.map((e) => e.payload.title)}::text[])
    on conflict (subject, subject_id) do update set display_name = excluded.display_name
      where subjects.display_name is distinct from excluded.display_name`;
  await tx`
    insert into lifestream.todos as t (subject_id, title, project, labels, due_at, updated_at, position)
    select subject_id, title, project, array(select jsonb_array_elements_text(labels::jsonb)), due_at, at, position
    from unnest(${rows.map((e) => e.subjectId)}::text[], ${rows.map((e) => e.payload.title)}::text[],
      ${rows.map((e) => e.payload.project ?? null)}::text[],
      ${rows.map((e) => JSON.stringify(e.payload.labels ?? []))}::text[],
      ${rows.map((e) => e.payload.due_at ?? null)}::timestamptz[], ${rows.map((e) => e.occurredAt)}::timestamptz[],
      ${rows.map((e) => e.position ?? 0)}::bigint[])
      as n(subject_id, title, project, labels, due_at, at, position)
    on conflict (subject_id) do update set
      title = excluded.title, project = excluded.project, labels = excluded.labels, due_at = excluded.due_at,
      status = case when t.position = excluded.position then t.status else 'open' end,
      completed_at = case when t.position = excluded.position then t.completed_at end,
      updated_at = case when t.position = excluded.position then t.updated_at else excluded.updated_at end,
      position = excluded.position
    where t.position <= excluded.position`;
}

async function applyCompleted(events: readonly StoredEvent[], tx: Sql): Promise<readonly Parked[]> {
  const known = await knownIn("todos", [...new Set(events.map((event) => event.subjectId))], tx);
  const { present, parked } = park(events, (event) => event.subjectId, known);
  const rows = lastOfEach(present, subjectOf);
  const done = await tx<{ id: string }[]>`
    update lifestream.todos t
    set status = 'done', completed_at = n.at, updated_at = n.at, position = n.position
    from unnest(${rows.map((e) => e.subjectId)}::text[], ${rows.map((e) => e.occurredAt)}::timestamptz[],
      ${rows.map(placeOf)}::bigint[]) as n(subject_id, at, position)
    where t.subject_id = n.subject_id and t.position <= n.position
    returning t.subject_id as id`;
  const ids = new Set(done.map(({ id }) => id));
  await completeLate(
    rows.filter((event) => !ids.has(event.subjectId)),
    tx,
  );
  return parked;
}

/**
 * A completion of before its todo, as the ledger has them, whose record is read after the todo's: where partitions were
 * added, the two may lie in different ones. It takes effect as the todo is created, as if it had waited for that.
 */
async function completeLate(rows: readonly StoredEvent[], tx: Sql): Promise<void> {
  if (rows.length === 0) return;
  await tx`
    update lifestream.todos t
    set status = 'done', completed_at = n.at, updated_at = n.at, position = c.first
    from unnest(${rows.map((e) => e.subjectId)}::text[], ${rows.map((e) => e.occurredAt)}::timestamptz[],
      ${rows.map(placeOf)}::bigint[]) as n(subject_id, at, position)
    cross join lateral (
      select min(e.position) as first from lifestream.events e
      where e.subject_id = n.subject_id and e.event_type = ${todoCreated.type}) as c
    where t.subject_id = n.subject_id and n.position < c.first and t.position <= c.first`;
}

/** Todos as another program left them, unless a later event is known. */
async function applyAdopted(all: readonly Adopted[], tx: Sql): Promise<undefined> {
  const told = all.filter((event) => event.subject === "todo");
  const newer = await tx<{ subject_id: string; position: number }[]>`
    select subject_id, position from lifestream.todos where subject_id = any(${told.map((event) => event.subjectId)})`;
  const positions = new Map(newer.map((row) => [row.subject_id, row.position]));
  const events = told.filter((event) => (positions.get(event.subjectId) ?? -1) < (event.position ?? 0));
  if (events.length === 0) return;
  await adoptSubjects(events, tx);
  await adoptRows("todos", events, tx);
  await tx`
    update lifestream.todos t set position = n.position
    from unnest(${events.map((e) => e.subjectId)}::text[], ${events.map((e) => e.position ?? 0)}::bigint[])
      as n(subject_id, position)
    where t.subject_id = n.subject_id`;
}
