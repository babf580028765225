import type { Sql } from "../engine/store.ts";
import type { Live } from "./comparison.ts";

/** Readings are events by themselves, but for numbers and times that JSON has no words for. */
export async function compareReadings(tx: Sql, live: Live): Promise<void> {
  await tx`
    insert into pg_temp.adoption_events (subject, subject_id, key, event_type, occurred_at, payload)
    select 'sensor', r.subject_id, r.occurred_at::text,
      case when sayable then 'temp.reading_recorded' else 'state.adopted' end,
      case when sayable then r.occurred_at else now() end,
      case when sayable
        then jsonb_build_object('celsius', r.celsius, 'humidity', r.humidity, 'battery', r.battery)
        else jsonb_build_object('settled', false, 'rows', jsonb_build_object('temperature_readings', ${live("temperature_readings", "r")})) end
    from lifestream.temperature_readings r
    left join pg_temp.temperature_readings f on f.subject_id = r.subject_id and f.occurred_at = r.occurred_at
    cross join lateral (select isfinite(r.occurred_at) and not array[r.celsius, r.humidity, r.battery]::float8[]
      && array['NaN', 'Infinity', '-Infinity']::float8[] as sayable) as s
    where r.subject_id <> '' and (f.subject_id is null
      or (r.celsius, r.humidity, r.battery) is distinct from (f.celsius, f.humidity, f.battery))
    order by r.occurred_at, r.subject_id`;
}

/** After the readings, which move it themselves: then the whole row is said. */
export async function compareLatestReadings(tx: Sql, live: Live): Promise<void> {
  await tx`
    insert into pg_temp.adoption_events (subject, subject_id, key, payload)
    select 'sensor', l.subject_id, 'latest', jsonb_build_object('settled', false, 'rows', jsonb_build_object(
      'temperature_latest', told.latest))
    from lifestream.temperature_latest l
    left join pg_temp.temperature_latest f on f.subject_id = l.subject_id and not exists (
      select from pg_temp.adoption_events e where e.subject = 'sensor' and e.subject_id = l.subject_id)
    cross join lateral (
      select pg_temp.told(${live("temperature_latest", "l")}, ${live("temperature_latest", "f")}) as latest
      offset 0) as told
    where l.subject_id <> '' and told.latest is not null
    order by l.subject_id`;
}

/** Todos, edited by hand as they may be. */
export async function compareTodos(tx: Sql, live: Live): Promise<void> {
  await tx`
    insert into pg_temp.adoption_events (subject, subject_id, key, payload)
    select 'todo', t.subject_id, '', jsonb_build_object('settled', true, 'rows',
      jsonb_build_object('todos', ${live("todos", "t")})
      || pg_temp.part('subjects', told.subject))
    from lifestream.todos t
    left join lifestream.subjects s on s.subject = 'todo' and s.subject_id = t.subject_id
    left join pg_temp.todos ft on ft.subject_id = t.subject_id
    left join pg_temp.subjects fs on fs.subject = 'todo' and fs.subject_id = t.subject_id
    cross join lateral (select pg_temp.told(${live("todos", "t")}, ${live("todos", "ft")}) as todo,
      pg_temp.told(${live("subjects", "s")}, ${live("subjects", "fs")}) as subject offset 0) as told
    where t.subject_id <> '' and coalesce(told.todo, told.subject) is not null
    order by t.updated_at, t.subject_id`;
}

/** Annotations; the link of each is there, as the table refers to it. */
export async function compareAnnotations(tx: Sql, live: Live): Promise<void> {
  await tx`
    insert into pg_temp.adoption_events (subject, subject_id, key, payload)
    select 'annotation', a.subject_id, a.annotation_id::text, jsonb_build_object('settled', true, 'rows',
      jsonb_build_object('annotations', ${live("annotations", "a")})
      || pg_temp.part('subjects', told.subject))
    from lifestream.annotations a
    left join lifestream.subjects s on s.subject = 'annotation' and s.subject_id = a.subject_id
    left join pg_temp.annotations fa on fa.annotation_id = a.annotation_id
    left join pg_temp.subjects fs on fs.subject = 'annotation' and fs.subject_id = a.subject_id
    cross join lateral (select pg_temp.told(${live("annotations", "a")}, ${live("annotations", "fa")}) as annotation,
      pg_temp.told(${live("subjects", "s")}, ${live("subjects", "fs")}) as subject offset 0) as told
    where a.subject_id <> '' and coalesce(told.annotation, told.subject) is not null
    order by a.created_at, a.annotation_id`;
}
