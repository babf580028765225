import { stateAdopted } from "../../engine/adopted.ts";
import type { PayloadOf, StoredEvent } from "../../engine/event.ts";
import { on, type Projection } from "../../engine/projection.ts";
import type { Sql } from "../../engine/store.ts";
import { type Adopted, adoptRows, adoptSubjects } from "../shared/adopt.ts";
import { readingRecorded } from "./events.ts";

type Reading = StoredEvent<PayloadOf<typeof readingRecorded>>;

/** All readings, and the latest of each sensor: a late reading never replaces a newer one. */
export const temperatureProjection: Projection = {
  name: "temperature",
  tables: ["temperature_readings", "temperature_latest"],
  subjects: ["sensor"],
  handlers: [on(readingRecorded, applyReadings), on(stateAdopted, applyAdopted)],
};

async function applyReadings(events: readonly Reading[], tx: Sql): Promise<undefined> {
  // One statement cannot write a row twice: the last of equal keys counts, as if they came one by one.
  const readings = [...new Map(events.map((event) => [`${event.subjectId} ${event.occurredAt}`, event])).values()];
  await tx`
    insert into lifestream.temperature_readings (subject_id, occurred_at, celsius, humidity, battery)
    select * from ${rows(readings, tx)}
    on conflict (subject_id, occurred_at) do update
      set celsius = excluded.celsius, humidity = excluded.humidity, battery = excluded.battery`;
  await tx`
    insert into lifestream.temperature_latest as l (subject_id, occurred_at, celsius, humidity, battery, updated_at)
    select r.*, r.occurred_at from ${rows(newestPerSensor(readings), tx)} as r(subject_id, occurred_at, celsius, humidity, battery)
    on conflict (subject_id) do update
      set occurred_at = excluded.occurred_at, celsius = excluded.celsius, humidity = excluded.humidity,
        battery = excluded.battery, updated_at = excluded.updated_at
      where excluded.occurred_at >= l.occurred_at`;
}

function rows(readings: readonly Reading[], tx: Sql) {
  return tx`unnest(${readings.map((r) => r.subjectId)}::text[], ${readings.map((r) => r.occurredAt)}::timestamptz[],
    ${readings.map((r) => r.payload.celsius)}::float8[], ${readings.map((r) => r.payload.humidity ?? null)}::float8[],
    ${readings.map((r) => r.payload.battery ?? null)}::float8[])`;
}

function newestPerSensor(readings: readonly Reading[]): Reading[] {
  const newest = new Map<string, Reading>();
  for (const reading of readings) {
    const before = newest.get(reading.subjectId);
    if (!before || Date.parse(reading.occurredAt) >= Date.parse(before.occurredAt))
      newest.set(reading.subjectId, reading);
  }
  return [...newest.values()];
}

/** Readings as another program left them; a latest one, unless a newer is known. */
async function applyAdopted(all: readonly Adopted[], tx: Sql): Promise<undefined> {
  const events = all.filter((event) => event.subject === "sensor");
  if (events.length === 0) return;
  await adoptSubjects(events, tx);
  const sameReading = tx`t.subject_id = n.of_id and t.occurred_at = (n.told->>'occurred_at')::timestamptz`;
  await adoptRows("temperature_readings", events, tx, sameReading);
  await adoptRows("temperature_latest", await notOvertaken(events, tx), tx);
}

async function notOvertaken(events: readonly Adopted[], tx: Sql): Promise<Adopted[]> {
  const rows = await tx<{ subject_id: string; occurred_at: string }[]>`
    select subject_id, occurred_at from lifestream.temperature_latest
    where subject_id = any(${events.map((event) => event.subjectId)})`;
  const latest = new Map(rows.map((row) => [row.subject_id, Date.parse(row.occurred_at)]));
  return events.filter(({ subjectId, payload }) => {
    const at = Date.parse(String(payload.rows.temperature_latest?.occurred_at));
    return !(at < (latest.get(subjectId) ?? Number.NEGATIVE_INFINITY));
  });
}
