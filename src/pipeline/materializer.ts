import { errorClassOf } from "../engine/errors.ts";
import type { StoredEvent } from "../engine/event.ts";
import type { Parked, Projection } from "../engine/projection.ts";
import type { Registry } from "../engine/registry.ts";
import type { StoreTx } from "../engine/store.ts";
import { secondsSince, type Telemetry } from "../engine/telemetry.ts";
import { EVENTS_TOPIC } from "../engine/topics.ts";
import { deadRecord, type RecordHandler } from "../runtime/consume.ts";
import { bytesWithPayload, decodeBatch } from "./decode-batch.ts";
import { applyRecordActs } from "./failure-desk-apply.ts";

/** Its consumer group. */
export const MATERIALIZER_GROUP = "materializer-v1";

/** `events.raw` -> state tables: all projections of a batch and the position in one transaction. */
export function createMaterializer({
  registry,
  telemetry,
}: {
  registry: Registry;
  telemetry: Telemetry;
}): RecordHandler {
  return {
    stage: "materializer",
    group: MATERIALIZER_GROUP,
    topics: [EVENTS_TOPIC],
    maxBatch: 1_000,
    bytesOf: bytesWithPayload,
    async handle(batch, tx, done) {
      const startedAt = performance.now();
      const { events, bad, watermark } = await decodeBatch(batch.records, { tx, done, registry });
      await tx.deadLetters.put(
        bad.map(({ record, error }) => deadRecord("materializer", batch.topicId, record, error)),
      );
      const apply = async (some: readonly StoredEvent[], within: StoreTx) => {
        for (const projection of registry.projections) await applyProjection(projection, some, within);
      };
      await apply(events, tx);
      const upTo = watermark?.position ?? 0;
      await applyRecordActs(events, { stage: "materializer", registry, tx, upTo, apply });
      const afterCommit = () => {
        telemetry.setAside(
          "materializer",
          bad.map(({ error }) => errorClassOf(error)),
        );
        telemetry.materialized(events, secondsSince(startedAt));
      };
      return { watermark, afterCommit };
    },
  };
}

/** What projections are applied with. */
type ProjectionTx = Pick<StoreTx, "sql" | "parked">;

/**
 * Applies a batch to one projection, and what waited for a subject of it right behind the event that it waited for: as if
 * the events had come one by one. So of a subject that something waits for, one event is applied in a pass.
 */
export async function applyProjection(
  projection: Projection,
  events: readonly StoredEvent[],
  tx: ProjectionTx,
): Promise<void> {
  const handled = new Set(projection.handlers.map((handler) => handler.type));
  let rest = events.filter((event) => handled.has(event.type));
  if (rest.length === 0) return;
  const awaited = new Set(await tx.parked.awaited(projection.name, subjectsOf(rest)));
  const touched = new Set<string>();
  while (rest.length > 0) {
    const { applied, parked } = await applyWaves(projection, firstOfAwaited(rest, awaited), tx, { upToParked: true });
    const freed = await applyFreed(projection, applied, tx);
    for (const { subjectId } of applied) awaited.delete(subjectId);
    for (const { waitsFor } of [...parked, ...freed.parkedAgain]) awaited.add(waitsFor);
    for (const { subjectId } of [...applied, ...freed.applied]) touched.add(subjectId);
    const done = new Set([...applied, ...parked.map(({ event }) => event)].map(({ id }) => id));
    rest = rest.filter(({ id }) => !done.has(id));
  }
  if (touched.size > 0) await projection.settle?.([...touched], tx.sql);
}

const subjectsOf = (events: readonly StoredEvent[]) => [...new Set(events.map((event) => event.subjectId))];

/** All events of most subjects; of those that something waits for, the first. */
function firstOfAwaited(events: readonly StoredEvent[], awaited: ReadonlySet<string>): StoredEvent[] {
  const seen = new Set<string>();
  return events.filter(({ subjectId }) => {
    const isFirst = !seen.has(subjectId);
    seen.add(subjectId);
    return isFirst || !awaited.has(subjectId);
  });
}

/**
 * What was applied may be the parent of something parked, and that in turn; what was only parked frees nobody. Returns
 * what was taken out and applied, and what has to wait on.
 */
async function applyFreed(
  projection: Projection,
  events: readonly StoredEvent[],
  tx: ProjectionTx,
): Promise<{ applied: readonly StoredEvent[]; parkedAgain: readonly Parked[] }> {
  const all: StoredEvent[] = [];
  const parkedAgain: Parked[] = [];
  for (let parents = events; parents.length > 0; ) {
    const placeOf = new Map(parents.map((parent) => [parent.subjectId, parent.position ?? 0]));
    const freed = (await tx.parked.take(projection.name, [...placeOf.keys()])).map((event) => {
      const freedAt = placeOf.get(event.subjectId);
      return freedAt === undefined ? event : { ...event, freedAt };
    });
    const { applied, parked } = await applyWaves(projection, freed, tx, { upToParked: false });
    all.push(...applied);
    parkedAgain.push(...parked);
    parents = applied;
  }
  return { applied: all, parkedAgain };
}

/** With `upToParked`, events of a subject that one of these was parked for are left alone from there on. */
interface WaveOptions {
  readonly upToParked: boolean;
}

/** Applies events, or parks them; says which. */
async function applyWaves(
  projection: Projection,
  events: readonly StoredEvent[],
  tx: ProjectionTx,
  options: WaveOptions,
): Promise<{ applied: readonly StoredEvent[]; parked: readonly Parked[] }> {
  const first = await offerWaves(projection, events, tx, options);
  if (first.early.length === 0) return { applied: first.taken, parked: [] };
  // Another partition may be committing the parent just now and must not miss what is parked here: once it is done,
  // what it brought is asked for again.
  await tx.parked.hold(projection.name);
  const again = first.early.map(({ event }) => event);
  const { taken, early: parked } = await offerWaves(projection, again, tx, { upToParked: false });
  await tx.parked.put(parked.map(({ event, waitsFor }) => ({ projection: projection.name, waitsFor, event })));
  return { applied: [...first.taken, ...taken], parked };
}

/** Offers events to their handlers: which were taken, and which have to wait for a parent. */
async function offerWaves(
  projection: Projection,
  events: readonly StoredEvent[],
  tx: ProjectionTx,
  { upToParked }: WaveOptions,
): Promise<{ taken: StoredEvent[]; early: Parked[] }> {
  const handlers = new Map(projection.handlers.map((entry) => [entry.type, entry.handler]));
  const awaited = new Set<string>();
  const offered: StoredEvent[] = [];
  const early: Parked[] = [];
  for (const { type, events: wave } of planWaves(events)) {
    const now = upToParked ? wave.filter(({ subjectId }) => !awaited.has(subjectId)) : wave;
    const parked = now.length > 0 ? await handlers.get(type)?.(now, tx.sql) : undefined;
    offered.push(...now);
    for (const one of parked ?? []) {
      early.push(one);
      awaited.add(one.waitsFor);
    }
  }
  const isEarly = new Set(early.map(({ event }) => event.id));
  return { taken: offered.filter(({ id }) => !isEarly.has(id)), early };
}

export interface Wave {
  readonly type: string;
  readonly events: readonly StoredEvent[];
}

/**
 * Groups a batch by event type for set-based SQL without changing any subject's order: an event joins the wave of its
 * type that comes after everything earlier of its own subject. Few waves result however types are mixed, as most
 * subjects have few events in a batch.
 */
export function planWaves(events: readonly StoredEvent[]): Wave[] {
  const levels = new Map<string, { level: number; type: string }>();
  const waves = new Map<string, { level: number; type: string; events: StoredEvent[] }>();
  for (const event of events) {
    const before = levels.get(event.subjectId);
    const level = before ? (before.type === event.type ? before.level : before.level + 1) : 0;
    levels.set(event.subjectId, { level, type: event.type });
    const key = `${level}:${event.type}`;
    const wave = waves.get(key);
    if (wave) wave.events.push(event);
    else waves.set(key, { level, type: event.type, events: [event] });
  }
  return [...waves.values()].sort((a, b) => a.level - b.level);
}
