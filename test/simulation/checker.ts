import { workRedriven } from "../../src/engine/failure-acts.ts";
import { deterministicId } from "../../src/engine/ids.ts";
import { type LogRecord, positionKey } from "../../src/engine/log.ts";
import { DEAD_LETTER_TOPIC } from "../../src/engine/topics.ts";
import { enriched, happened, NOTES, noted, THINGS, type ThingState } from "./domain.ts";
import { isOpen } from "./memory-set-aside.ts";
import type { World } from "./world.ts";

/** What is wrong with how a world ended: the invariants of docs/guarantees.md that do not hold. Empty: all is well. */
export function violations(world: World): string[] {
  return [
    ...checkState(world),
    ...checkNotes(world),
    ...checkOwners(world),
    ...checkWork(world),
    ...checkDeadLetters(world),
    ...checkRounds(world),
    ...checkBookkeeping(world),
  ];
}

/** I1, I2, I3: each subject's events were applied once each, in ledger order. */
function* checkState(world: World): Generator<string> {
  const { database } = world;
  const relevant = database.ledger.inOrder().filter(({ type }) => type === happened.type || type === enriched.type);
  const things = database.table<ThingState>(THINGS);
  const records = database.setAside.records.values();
  const discarded = new Set(discardedRecords(world).map(({ position }) => position));
  for (const [subjectId, events] of Map.groupBy(relevant, (event) => event.subjectId)) {
    const state = things.get(subjectId);
    const last = state?.last ?? [];
    if (last.some((position, index) => position < (last[index - 1] ?? 0)))
      yield `I3 order: ${subjectId} was last given ${last}`;
    const expected = events.map(({ position }) => position);
    if (state?.order.join() === expected.join()) continue;
    const applied = state?.order ?? [];
    const lost = expected.filter((position) => !applied.includes(position) && !discarded.has(position));
    const doubled = applied.filter((position, index) => applied.indexOf(position) !== index);
    if (lost.length > 0) yield `I1 lost: ${subjectId} lacks ${lost}`;
    if (doubled.length > 0) yield `I2 doubled: ${subjectId} applied ${doubled} again`;
    const kept = expected.filter((position) => applied.includes(position));
    if (lost.length + doubled.length === 0 && applied.join() !== kept.join())
      yield `I3 order: ${subjectId} applied ${applied} instead of ${expected}`;
  }
  if (records.some(isOpen)) yield "I1 set aside: a good record is among the dead letters";
}

/** I1, I2: a note is applied once, however early it came; it waits only where what it is about is given up. */
function* checkNotes(world: World): Generator<string> {
  const { database } = world;
  const applied = database.table<readonly number[]>(NOTES);
  const waiting = new Set(database.setAside.parked.values().map(({ event }) => event.id));
  const discarded = new Set(discardedRecords(world).map(({ payload }) => payload.number));
  for (const { id, type, position, payload } of database.ledger.inOrder()) {
    if (type !== noted.type) continue;
    const number = Number(payload.number);
    const times = (applied.get(String(number)) ?? []).filter((at) => at === position).length;
    if (times > 1) yield `I2 doubled: the note on ${number} was applied ${times} times`;
    if (discarded.has(number)) continue;
    if (times === 0) yield `I1 lost: the note on ${number} is not applied`;
    if (waiting.has(id)) yield `I1 parked: the note on ${number} waits though everything is there`;
  }
}

/** A person has said that nobody need look at them; a later flow of the ledger may have brought them all the same. */
function discardedRecords({ database }: World): { position: number; payload: { number?: number } }[] {
  const discarded = database.setAside.records.where(({ status }) => status === "discarded");
  return discarded.map(({ value }) => jsonOf(value));
}

/** I3: whoever has given a partition up begins no write for it. */
function* checkOwners({ database }: World): Generator<string> {
  for (const write of database.staleWrites.values()) yield `I3 owner: ${write} after it had given that up`;
}

/** I1 and I4: every fact has its work; it was tried at most as often as it may be, and ended once. */
function* checkWork({ database, outside }: World): Generator<string> {
  const facts = database.ledger.inOrder().filter(({ type }) => type === happened.type);
  const works = database.work.values();
  if (works.length < facts.length) yield `I1 work: ${facts.length} facts, ${works.length} pieces of work`;
  if (works.length > facts.length) yield `I2 work: ${facts.length} facts, ${works.length} pieces of work`;
  const results = Map.groupBy(
    database.ledger.inOrder().filter(({ type }) => type === enriched.type),
    (event) => event.causationId,
  );
  for (const work of works) {
    const ended = results.get(work.triggeredByEventId)?.length ?? 0;
    if (ended !== (work.status === "done" ? 1 : 0))
      yield `I2 effect: ${work.id} is ${work.status} with ${ended} results`;
    const tried = work.attempt - work.attemptsBefore;
    if (tried > work.maxAttempts) yield `I4 attempts: ${work.id} was tried ${tried} times in round ${work.round}`;
    const calls = outside.calls.get(work.id) ?? 0;
    if (work.status === "done" && calls === 0) yield `I1 work: ${work.id} is done without being done`;
    // A pause gives the attempt back, to be made again under its number.
    const may = work.attempt + (database.registry.givenBack.get(work.id) ?? 0);
    if (calls > may) yield `I4 calls: ${work.id} asked the world outside ${calls} times, and may ${may} times`;
  }
}

/**
 * I4: each round that was given up has its dead letter, and no other has. One that a process had begun to send when it was
 * frozen does not count as a second.
 */
function* checkDeadLetters({ database, cluster, replayed }: World): Generator<string> {
  const letters = lettersByRound(cluster);
  for (const [round, copies] of letters) {
    const inTime = copies.filter((copy) => !cluster.sentLate.has(`${positionKey(copy)}:${copy.offset}`));
    if (inTime.length > 1) yield `I4 dead letter: ${inTime.length} for ${round}`;
  }
  for (const { id, status, round } of database.work.values()) {
    const givenUp = status === "dead" || status === "discarded";
    // Those of earlier rounds, and of what nobody need look at, are not sent again where their topic is made anew.
    const kept = status === "dead" || !replayed;
    if (givenUp && kept && !letters.has(`${id}/${round}`)) yield `I4 dead letter: none for round ${round} of ${id}`;
    if (!givenUp && letters.has(`${id}/${round}`)) yield `I4 dead letter: round ${round} of ${id} is ${status}`;
    for (let earlier = 1; earlier < round && !replayed; earlier += 1)
      if (!letters.has(`${id}/${earlier}`)) yield `I4 dead letter: none for round ${earlier} of ${id}`;
  }
}

/** Dead letters that their topic holds, by the round of work, `id/round`. */
export function lettersByRound(cluster: World["cluster"]): Map<string, LogRecord[]> {
  return Map.groupBy(cluster.recordsOf(DEAD_LETTER_TOPIC), ({ value }) => {
    const { id, round = 1 } = jsonOf(value).original_work;
    return `${id}/${round}`;
  });
}

/** I6: a round of work begins because a person said so of the one before, however often that is read. */
function* checkRounds({ database }: World): Generator<string> {
  for (const { id, round } of database.work.values()) {
    for (let before = 1; before < round; before += 1) {
      if (!database.events.get(deterministicId(workRedriven.type, id, before)))
        yield `I6 round: nobody asked for round ${before + 1} of ${id}`;
    }
  }
}

/** I7: what the engine keeps does not grow with history. */
function* checkBookkeeping({ database, registry, cluster }: World): Generator<string> {
  const partitions = cluster.endOffsets(registry.topics.map(({ name }) => name)).size;
  if (database.positions.values().length > partitions * 2) yield "I7 flat: more positions than partitions";
}

const jsonOf = (value: Uint8Array | null) => JSON.parse(new TextDecoder().decode(value ?? new Uint8Array()));
