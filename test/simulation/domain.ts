import { z } from "zod";
import type { Agent } from "../../src/engine/agent.ts";
import type { Domain } from "../../src/engine/domain.ts";
import { DataError, PauseError, RetryLaterError, TerminalError } from "../../src/engine/errors.ts";
import { defineEvent, type StoredEvent } from "../../src/engine/event.ts";
import type { Projection } from "../../src/engine/projection.ts";
import { defineRoute } from "../../src/engine/route.ts";
import { defineWork } from "../../src/engine/work.ts";
import type { SimSql } from "./memory-store.ts";
import type { Scheduler, SimProcess } from "./scheduler.ts";

const payload = z.looseObject({ number: z.number() });
export const happened = defineEvent({ type: "thing.happened", subject: "thing", version: 1, payload });
export const enriched = defineEvent({ type: "thing.enriched", subject: "thing", version: 1, payload });
const enrichThing = defineWork({ type: "enrich_thing", payload });

/** What the projection keeps of a subject. */
export interface ThingState {
  /** Positions in the order in which they were applied. */
  readonly order: readonly number[];
  readonly number: number;
}

/** What the world outside saw: how often each piece of work asked it for something. */
export interface Outside {
  readonly calls: Map<string, number>;
}

export const THINGS = "things";

/**
 * Writes down every event it is given, so that one applied twice shows. `replayed`: events may come again, and then a
 * handler has to pass over what it has, as every handler of ours does by position.
 */
function apply(events: readonly StoredEvent[], sql: SimSql, replayed: boolean): void {
  const things = sql.table<ThingState>(THINGS);
  for (const { subjectId, position, payload } of events) {
    const before = things.get(subjectId) ?? { order: [], number: 0 };
    const at = position ?? -1;
    if (replayed && before.order.includes(at)) continue;
    const order = [...before.order, at];
    things.set(subjectId, { order: replayed ? order.sort((a, b) => a - b) : order, number: Number(payload.number) });
  }
}

/** How an agent's attempt goes, by what the dice say. */
const MOODS = ["ok", "ok", "ok", "ok", "slow", "retry", "later", "terminal", "hang", "pause"] as const;

export interface Setting {
  readonly scheduler: Scheduler;
  readonly process: SimProcess;
  readonly outside: Outside;
  /** The storm is over: everything that is asked for works. */
  readonly calm: () => boolean;
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
  const { scheduler, process, outside, calm, replayed } = setting;
  const clock = scheduler.clock(process, () => 0);
  const agent: Agent<{ number: number }> = {
    name: "enricher",
    group: "enricher-v1",
    handles: enrichThing,
    concurrency: 3,
    timeoutMs: 8_000,
    async run(work, { signal }) {
      await scheduler.point(process);
      outside.calls.set(work.id, (outside.calls.get(work.id) ?? 0) + 1);
      const mood = calm() ? "ok" : MOODS[scheduler.below(MOODS.length)];
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
  return {
    name: "things",
    events: [happened, enriched],
    // Its handlers write to the simulated database, which is what the store's transactions hand them here.
    projections: [projection as unknown as Projection],
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
