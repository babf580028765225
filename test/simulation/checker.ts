import { DEAD_LETTER_TOPIC } from "../../src/engine/topics.ts";
import { enriched, happened, THINGS, type ThingState } from "./domain.ts";
import type { World } from "./world.ts";

/** What is wrong with how a world ended: the invariants of docs/guarantees.md that do not hold. Empty: all is well. */
export function violations(world: World): string[] {
  return [...checkState(world), ...checkWork(world), ...checkBookkeeping(world)];
}

/** I1, I2, I3: each subject's events were applied once each, in ledger order. */
function* checkState({ database }: World): Generator<string> {
  const relevant = database.inOrder().filter(({ type }) => type === happened.type || type === enriched.type);
  const things = database.table<ThingState>(THINGS);
  for (const [subjectId, events] of Map.groupBy(relevant, (event) => event.subjectId)) {
    const state = things.get(subjectId);
    const expected = events.map(({ position }) => position);
    if (state?.order.join() === expected.join()) continue;
    const applied = state?.order ?? [];
    const lost = expected.filter((position) => !applied.includes(position));
    const doubled = applied.filter((position, index) => applied.indexOf(position) !== index);
    if (lost.length > 0) yield `I1 lost: ${subjectId} lacks ${lost}`;
    if (doubled.length > 0) yield `I2 doubled: ${subjectId} applied ${doubled} again`;
    if (lost.length + doubled.length === 0) yield `I3 order: ${subjectId} applied ${applied} instead of ${expected}`;
  }
  if (database.deadLetters.values().length > 0) yield "I1 set aside: a good record is among the dead letters";
}

/** I1 and I4: every fact has its work; it was tried at most as often as it may be, and ended once. */
function* checkWork({ database, outside, cluster }: World): Generator<string> {
  const facts = database.inOrder().filter(({ type }) => type === happened.type);
  const works = database.work.values();
  if (works.length !== facts.length) yield `I1 work: ${facts.length} facts, ${works.length} pieces of work`;
  const results = Map.groupBy(
    database.inOrder().filter(({ type }) => type === enriched.type),
    (event) => event.causationId,
  );
  const letters = cluster.recordsOf(DEAD_LETTER_TOPIC).map(({ value }) => {
    return JSON.parse(new TextDecoder().decode(value ?? new Uint8Array())).original_work.id as string;
  });
  for (const work of works) {
    const ended = results.get(work.triggeredByEventId)?.length ?? 0;
    if (ended !== (work.status === "done" ? 1 : 0))
      yield `I2 effect: ${work.id} is ${work.status} with ${ended} results`;
    if (work.attempt > work.maxAttempts) yield `I4 attempts: ${work.id} was tried ${work.attempt} times`;
    if (work.status === "dead" && !letters.includes(work.id)) yield `I4 dead letter: none for ${work.id}`;
    if (work.status !== "dead" && letters.includes(work.id)) yield `I4 dead letter: ${work.id} is ${work.status}`;
    if (work.status === "done" && !outside.calls.has(work.id)) yield `I1 work: ${work.id} is done without being done`;
  }
}

/** I7: what the engine keeps does not grow with history. */
function* checkBookkeeping({ database, registry }: World): Generator<string> {
  const partitions = registry.topics.reduce((sum, topic) => sum + topic.partitions, 0);
  if (database.positions.values().length > partitions * 2) yield "I7 flat: more positions than partitions";
  if (database.parked.values().length > 0) yield "I1 parked: something waits though everything is there";
}
