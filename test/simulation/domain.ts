import { z } from "zod";
import type { Agent } from "../../src/engine/agent.ts";
import type { Domain } from "../../src/engine/domain.ts";
import { DataError, PauseError, RetryLaterError, TerminalError } from "../../src/engine/errors.ts";
import { defineEvent, type StoredEvent } from "../../src/engine/event.ts";
import type { Parked, Projection } from "../../src/engine/projection.ts";
import { defineRoute } from "../../src/engine/route.ts";
import { defineWork } from "../../src/engine/work.ts";
import type { SimSql } from "./memory-store.ts";
import type { Scheduler, SimProcess } from "./scheduler.ts";

const payload = z.looseObject({ number: z.number() });
export const happened = defineEvent({ type: "thing.happened", subject: "thing", version: 1, payload });
export const enriched = defineEvent({ type: "thing.enriched", subject: "thing", version: 1, payload });
/** Said about something that happened, often before that is known. */
export const noted = defineEvent({ type: "note.added", subject: "note", version: 1, payload });
const enrichThing = defineWork({ type: "enrich_thing", payload });

/** What the projection keeps of a subject. */
export interface ThingState {
  /** Positions in the order in which they were applied. */
  readonly order: readonly number[];
  /** The same where events come again: in the order in which each was given last. */
  readonly last: readonly number[];
  readonly number: number;
}

/** What the world outside saw: how often each piece of work asked it for something. */
export interface Outside {
  readonly calls: Map<string, number>;
}

export const THINGS = "things";
/** By the number of what happened, the notes about it: their positions, in the order in which they were applied. */
export const NOTES = "notes";
const KNOWN = "known";

/**
 * Writes down every event it is given, so that one applied twice shows. `replayed`: events may come again, and then a
 * handler has to pass over what it has, as every handler of ours does by position.
 */
function apply(events: readonly StoredEvent[], sql: SimSql, replayed: boolean): void {
  const things = sql.table<ThingState>(THINGS);
  for (const { subjectId, position, payload } of events) {
    const before = things.get(subjectId) ?? { order: [], last: [], number: 0 };
    const at = position ?? -1;
    const last = [...before.last.filter((other) => other !== at), at];
    if (replayed && before.order.includes(at)) {
      things.set(subjectId, { ...before, last });
      continue;
    }
    const order = [...before.order, at];
    const number = Number(payload.number);
    things.set(subjectId, { order: replayed ? order.sort((a, b) => a - b) : order, last, number });
  }
}

/** Notes wait for what they are about; each is written down as often as it is applied. */
function applyNotes(events: readonly StoredEvent[], sql: SimSql, replayed: boolean): Parked[] {
  const notes = sql.table<readonly number[]>(NOTES);
  const known = sql.table<true>(KNOWN);
  return events.flatMap((event) => {
    const about = String(event.payload.number);
    if (!known.get(about)) return [{ event, waitsFor: String(event.payload.about) }];
    const before = notes.get(about) ?? [];
    const at = event.position ?? -1;
    if (!replayed || !before.includes(at)) notes.set(about, [...before, at]);
    return [];
  });
}

/** How an agent's attempt may go. */
export const MOODS = ["ok", "ok", "ok", "ok", "slow", "retry", "later", "terminal", "hang", "pause"] as const;
export type Mood = (typeof MOODS)[number];

export interface Setting {
  readonly scheduler: Scheduler;
  readonly process: SimProcess;
  readonly outside: Outside;
  /** The storm is over: everything can be read. */
  readonly calm: () => boolean;
  /** How the agent's work on this number goes when it is called for the n-th time. */
  readonly mood: (number: number, nth: number) => Mood;
  /** Events come again: the log is filled anew from the ledger, or what was set aside is read once more. */
  readonly replayed: boolean;
}

/** The program has a bug while the storm rages: it cannot read some of the things that happen. */
function requireReadable(events: readonly StoredEvent[], { replayed, calm }: Setting): void {
  const unreadable = replayed && !calm() && events.some(({ payload }) => Number(payload.number) % 9 === 4);
  if (unreadable) throw new DataError("this is a number that nobody thought of");
}

/** A domain of the simulation: things happen, each is enriched once, and a projection writes down what it saw. */
export function simulatedDomain(setting: Setting): Domain {
  const { scheduler, process, outside, replayed } = setting;
  const clock = scheduler.clock(process);
  const agent: Agent<{ number: number }> = {
    name: "enricher",
    group: "enricher-v1",
    handles: enrichThing,
    concurrency: 3,
    timeoutMs: 8_000,
    async run(work, { signal }) {
      await scheduler.point(process);
      const mood = setting.mood(work.payload.number, count(outside.calls, work.id));
      if (mood === "slow") await clock.sleep(scheduler.below(6_000), signal);
      if (mood === "hang") await new Promise(() => {});
      if (mood === "retry") throw new Error("it did not work this time");
      if (mood === "later") throw new RetryLaterError("busy", scheduler.below(5_000));
      if (mood === "terminal") throw new TerminalError("it is not there");
      if (mood === "pause") throw new PauseError("the quota is spent", scheduler.below(4_000), "quota");
      await scheduler.point(process);
      const number = Number(work.payload.number);
      return [{ type: enriched.type, subject: "thing", subjectId: work.subjectId, payload: { number } }];
    },
  };
  const projection: Projection<SimSql> = {
    name: "things",
    tables: [THINGS],
    handlers: [happened, enriched].map(({ type }) => ({
      type,
      handler: async (events, tx) => {
        await scheduler.point(process);
        if (type === happened.type) requireReadable(events, setting);
        apply(events, tx, replayed);
        return undefined;
      },
    })),
  };
  const notes: Projection<SimSql> = {
    name: "notes",
    tables: [NOTES, KNOWN],
    handlers: [
      {
        type: happened.type,
        handler: async (events, tx) => {
          await scheduler.point(process);
          const known = tx.table<true>(KNOWN);
          for (const { payload } of events) known.set(String(payload.number), true);
          return undefined;
        },
      },
      {
        type: noted.type,
        handler: async (events, tx) => {
          await scheduler.point(process);
          return applyNotes(events, tx, replayed);
        },
      },
    ],
  };
  return {
    name: "things",
    events: [happened, enriched, noted],
    // Its handlers write to the simulated database, which is what the store's transactions hand them here.
    projections: [projection, notes] as unknown as Projection[],
    routes: [
      defineRoute({
        on: happened,
        dispatch: enrichThing,
        key: (event) => event.id,
        plan: (event) => ({ number: event.payload.number }),
      }),
    ],
    agents: [agent],
  };
}

/** Counts one more; returns how many it is. */
function count(counts: Map<string, number>, key: string): number {
  const now = (counts.get(key) ?? 0) + 1;
  counts.set(key, now);
  return now;
}
