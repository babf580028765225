import { afterAll, beforeAll, expect, test } from "bun:test";
import { z } from "zod";
import type { Agent } from "../../src/engine/agent.ts";
import { PauseError, TerminalError } from "../../src/engine/errors.ts";
import { defineEvent } from "../../src/engine/event.ts";
import { defineRoute } from "../../src/engine/route.ts";
import { defineWork } from "../../src/engine/work.ts";
import { ingest } from "../../src/pipeline/ingest.ts";
import { createTestApp, type TestApp } from "../support/test-app.ts";

const asked = defineEvent({ type: "question.asked", subject: "question", version: 1, payload: z.looseObject({}) });
const answered = defineEvent({
  type: "question.answered",
  subject: "question",
  version: 1,
  payload: z.looseObject({ text: z.string() }),
});
const answer = defineWork({ type: "answer_question", payload: z.looseObject({ mood: z.string() }) });
const route = defineRoute({
  on: asked,
  dispatch: answer,
  key: (event) => event.id,
  plan: (event) => ({ mood: String(event.payload.mood) }),
});

const calls: string[] = [];
let together = 0;
let most = 0;

/** Behaves as its work's mood says. */
const oracle: Agent<{ mood: string }> = {
  name: "oracle",
  group: "oracle-v1",
  handles: answer,
  concurrency: 4,
  timeoutMs: 300,
  async run({ subjectId, payload }) {
    calls.push(`${subjectId} ${payload.mood}`);
    if (payload.mood === "hangs") await new Promise(() => {});
    together += 1;
    most = Math.max(most, together);
    try {
      if (payload.mood === "rests" && calls.filter((call) => call.endsWith("rests")).length === 1) {
        throw new PauseError("no quota", 400, "quota");
      }
      if (payload.mood === "refuses") throw new TerminalError("never", "refused");
      await Bun.sleep(5);
      const text = payload.mood === "broken" ? { text: 7 } : { text: "42" };
      return [{ type: answered.type, subject: answered.subject, subjectId, payload: text }];
    } finally {
      together -= 1;
    }
  },
};

let world: TestApp;

beforeAll(async () => {
  const domain = { name: "questions", events: [asked, answered], routes: [route], agents: [oracle as Agent] };
  world = await createTestApp({}, { domains: () => [domain] });
}, 60_000);
afterAll(() => world[Symbol.asyncDispose](), 60_000);

async function ask(subjectId: string, mood: string, times = 1): Promise<void> {
  const { store, registry } = world.app;
  const event = { type: asked.type, subject: asked.subject, subjectId, payload: { mood } };
  await ingest(Array(times).fill(event), { store, registry, now: () => new Date() });
}

const workOf = (subjectId: string) => world.app.db<{ status: string; attempt: number; error_class: string | null }[]>`
  select status, attempt, error_class from lifestream.work where subject_id = ${subjectId}`;

const run = (subjectId: string, ends: readonly string[]) =>
  world.runUntil(world.stages(), async () => {
    const work = await workOf(subjectId);
    return work.length > 0 && work.every((item) => ends.includes(item.status));
  });

test("given an agent that never answers, when its time is over, then it is tried three times and buried", async () => {
  await ask("q:hangs", "hangs");
  await run("q:hangs", ["dead"]);
  expect([...(await workOf("q:hangs"))]).toEqual([{ status: "dead", attempt: 3, error_class: "unexpected" }]);
  expect(calls.filter((call) => call === "q:hangs hangs")).toHaveLength(3);
}, 30_000);

test("given an agent that refuses, when it ran once, then nothing more is tried", async () => {
  await ask("q:refuses", "refuses");
  await run("q:refuses", ["dead"]);
  expect([...(await workOf("q:refuses"))]).toEqual([{ status: "dead", attempt: 1, error_class: "refused" }]);
}, 30_000);

test("given an agent that rests, when it goes on, then no attempt was burned", async () => {
  await ask("q:rests", "rests");
  await run("q:rests", ["done"]);
  expect(await workOf("q:rests")).toMatchObject([{ status: "done", attempt: 1 }]);
}, 30_000);

test("given an answer that the ledger cannot take, when it comes, then the work is buried with the reason", async () => {
  await ask("q:broken", "broken");
  await run("q:broken", ["dead"]);
  expect([...(await workOf("q:broken"))]).toEqual([{ status: "dead", attempt: 1, error_class: "wrong_shape" }]);
}, 30_000);

test("given much work of one subject, when it runs, then one at a time; and never more than the agent wants", async () => {
  most = 0;
  await ask("q:same", "fine", 10);
  await run("q:same", ["done"]);
  expect(most).toBe(1);
  for (let index = 0; index < 40; index += 1) await ask(`q:many${index}`, "fine");
  await run("q:many39", ["done"]);
  await world.runUntil(world.stages(), async () => {
    const open = await world.app.db`select 1 from lifestream.work where status not in ('done', 'dead')`;
    return open.length === 0;
  });
  expect(most).toBeGreaterThan(1);
  expect(most).toBeLessThanOrEqual(oracle.concurrency);
  const [events] = await world.app.db<{ n: number }[]>`
    select count(*) as n from lifestream.events where event_type = 'question.answered' and subject_id like 'q:many%'`;
  expect(events?.n).toBe(40);
}, 30_000);

test("given work under way when the process died, when the lease is over, then it counts and is tried again", async () => {
  const { db, store } = world.app;
  await ask("q:orphan", "fine");
  await world.runUntil(
    (await world.stages()).filter((stage) => stage.name !== "oracle"),
    async () => (await workOf("q:orphan")).some((work) => work.status === "queued"),
  );
  // As a killed agent leaves it: accepted, never answered, its lease over.
  const [item] = await db<{ id: string }[]>`select id from lifestream.work where subject_id = 'q:orphan'`;
  await store.transaction((tx) => tx.work.accept([{ id: item?.id ?? "", attempt: 1 }], -1_000, "oracle"));
  await run("q:orphan", ["done"]);
  expect(await workOf("q:orphan")).toMatchObject([{ status: "done", attempt: 2 }]);
}, 30_000);
