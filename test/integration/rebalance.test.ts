import { expect, test } from "bun:test";
import type { NewEvent } from "../../src/engine/event.ts";
import { silentLogger } from "../../src/engine/logger.ts";
import { ingest } from "../../src/pipeline/ingest.ts";
import { runStages } from "../../src/runtime/service.ts";
import { materializerStages, relayStage } from "../../src/stages.ts";
import { isApplied } from "../support/settled.ts";
import { createTestApp, until } from "../support/test-app.ts";

const EVENTS = 6_000;
const BATCH = 200;
const TODOS = 40;

/** A todo that is written again and again, and a reading that stands alone. */
function eventsOf(number: number): NewEvent[] {
  const todo = { subject: "todo", subjectId: `t:${number % TODOS}`, payload: { title: String(number) } };
  const occurredAt = new Date(Date.UTC(2026, 0, 1) + number).toISOString();
  const reading = { subject: "sensor", subjectId: `sensor:${number % 7}`, occurredAt, payload: { celsius: 1 } };
  return [
    { type: "todo.created", ...todo },
    { type: "temp.reading_recorded", ...reading },
  ];
}

test("given materializers that come and go under load, when all is applied, then nothing is lost and order holds", async () => {
  await using world = await createTestApp();
  const { app } = world;
  const stop = new AbortController();
  const options = { drainTimeoutMs: 10_000, logger: silentLogger };
  const member = () => {
    const leave = new AbortController();
    const signal = AbortSignal.any([stop.signal, leave.signal]);
    const done = runStages(materializerStages(app, { once: false }), { ...options, signal });
    return { leave: () => leave.abort(), done };
  };
  const relay = runStages([relayStage(app, { once: false })], { ...options, signal: stop.signal });
  const members = [member()];
  let round = 0;
  for (let sent = 0; sent < EVENTS; sent += BATCH) {
    const events = Array.from({ length: BATCH }, (_, index) => eventsOf(sent + index)).flat();
    await ingest(events, { store: app.store, registry: app.registry, now: () => new Date() });
    if (sent % 1_000 !== 0) continue;
    // One joins, and every other time the oldest leaves.
    members.push(member());
    round += 1;
    if (round % 2 === 0) members.shift()?.leave();
    // Long enough for some rebalances to meet a batch under way.
    await Bun.sleep(300);
  }
  try {
    await until(() => isApplied(app, ["materializer-v1"]), 60_000);
    const rows = await app.db<{ subject_id: string; title: string }[]>`select subject_id, title from lifestream.todos`;
    expect(rows).toHaveLength(TODOS);
    for (const { subject_id, title } of rows) {
      expect(Number(title)).toBe(EVENTS - TODOS + Number(subject_id.slice(2)));
    }
    // Every single event left its row: a skipped batch would be missing here even where a later one repaired the todo.
    const [readings] = await app.db<{ n: number }[]>`select count(*) as n from lifestream.temperature_readings`;
    expect(readings?.n).toBe(EVENTS);
    expect(await app.db`select 1 from lifestream.dead_letters`).toHaveLength(0);
  } finally {
    stop.abort();
    await Promise.allSettled([relay, ...members.map(({ done }) => done)]);
  }
}, 120_000);
