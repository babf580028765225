import { errorClassOf } from "../engine/errors.ts";
import type { StoredEvent } from "../engine/event.ts";
import type { StoreTx } from "../engine/ports.ts";
import type { Parked, Projection } from "../engine/projection.ts";
import type { Registry } from "../engine/registry.ts";
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

/** Applies a batch to one projection, then whatever waited for a subject of this batch. */
export async function applyProjection(
  projection: Projection,
  events: readonly StoredEvent[],
  tx: ProjectionTx,
): Promise<void> {
  const handled = new Set(projection.handlers.map((handler) => handler.type));
  let batch = events.filter((event) => handled.has(event.type));
  // What was applied may be the parent of something parked, and that in turn. What was only parked frees nobody.
  while (batch.length > 0) {
    const parked = await applyWaves(projection, batch, tx);
    const applied = batch.filter((event) => !parked.has(event.id));
    batch = await tx.parked.take(projection.name, [...new Set(applied.map((event) => event.subjectId))]);
  }
}

/** Returns the ids of the events that had to be parked. */
async function applyWaves(
  projection: Projection,
  events: readonly StoredEvent[],
  tx: ProjectionTx,
): Promise<Set<string>> {
  const early = await offerWaves(projection, events, tx);
  if (early.length === 0) return new Set();
  // Another partition may be committing the parent just now and must not miss what is parked here: once it is done,
  // what it brought is asked for again.
  await tx.parked.hold(projection.name);
  const parked = await offerWaves(
    projection,
    early.map(({ event }) => event),
    tx,
  );
  await tx.parked.put(parked.map(({ event, waitsFor }) => ({ projection: projection.name, waitsFor, event })));
  return new Set(parked.map(({ event }) => event.id));
}

/** Returns what has to wait for a parent. */
async function offerWaves(projection: Projection, events: readonly StoredEvent[], tx: ProjectionTx): Promise<Parked[]> {
  const handlers = new Map(projection.handlers.map((entry) => [entry.type, entry.handler]));
  const parked: Parked[] = [];
  for (const { type, events: wave } of planWaves(events)) {
    const result = await handlers.get(type)?.(wave, tx.sql);
    if (result) parked.push(...result);
  }
  return parked;
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
