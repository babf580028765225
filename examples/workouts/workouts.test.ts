import { expect, test } from "bun:test";
import { domains } from "../../src/app.ts";
import { ingest } from "../../src/pipeline/ingest.ts";
import { materializerStages, relayStage } from "../../src/stages.ts";
import { createTestApp } from "../../test/support/test-app.ts";
import { workouts } from "./index.ts";

test("given one folder and one line, when a workout is captured, then it is in the domain's own table once", async () => {
  await using world = await createTestApp({}, { domains: (config, agents) => [...domains(config, agents), workouts] });
  const { app } = world;
  const event = app.registry.captures.get("workout")?.parse(["run", "30"], { now: new Date(), source: "test" });
  if (!event) throw new Error("the domain's capture is not registered");
  const added = await ingest([event, event], { store: app.store, registry: app.registry, now: () => new Date() });
  expect(added.map((one) => one.isNew)).toEqual([true, false]);
  const stages = [relayStage(app, { once: false }), ...materializerStages(app, { once: false })];
  await world.runUntil(stages, async () => (await app.db`select 1 from lifestream.workouts`).length > 0);
  const rows = await app.db<object[]>`select subject_id, kind, minutes from lifestream.workouts`;
  expect([...rows]).toEqual([{ subject_id: "workout:run", kind: "run", minutes: 30 }]);
}, 60_000);
