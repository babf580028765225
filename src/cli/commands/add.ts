import { createInterface } from "node:readline";
import type { Capture } from "../../engine/domain.ts";
import { DataError, messageOf, UserError } from "../../engine/errors.ts";
import type { NewEvent } from "../../engine/event.ts";
import { openObservability } from "../../observability.ts";
import { ingest } from "../../pipeline/ingest.ts";
import type { CommandInput } from "../command.ts";
import { createContext, openCommandApp } from "../context.ts";

/** Lines appended in one transaction. */
const BATCH = 500;

export async function add({ args: [kind, ...words] }: CommandInput): Promise<void> {
  const context = createContext();
  await using observed = await openObservability({ ...context, program: "add", asked: false });
  await using app = await openCommandApp("add", { kafka: false, telemetry: observed.telemetry }, context);
  const { store, registry, telemetry } = app;
  const capture = registry.captures.get(kind ?? "");
  if (!capture)
    throw new UserError(`"${kind}" is nothing that can be added: ${[...registry.captures.keys()].join(", ")}`, 2);
  const save = async (events: readonly NewEvent[]) => {
    for (const { subjectId } of await ingest(events, { store, registry, now: () => new Date(), telemetry }))
      console.log(subjectId);
  };
  const flags = words.filter((word) => word.startsWith("--"));
  if (words.length > flags.length || process.stdin.isTTY) await save([parseWords(capture, words)]);
  else await addLines(capture, flags, save);
}

function parseWords(capture: Capture, words: readonly string[]): NewEvent {
  return capture.parse(words, { now: new Date(), source: "cli" });
}

/** One per line from standard input. A wrong line is named and skipped, and the command ends with exit code 1. */
async function addLines(
  capture: Capture,
  flags: readonly string[],
  save: (events: readonly NewEvent[]) => Promise<void>,
): Promise<void> {
  let batch: NewEvent[] = [];
  let number = 0;
  let given = 0;
  let wrong = 0;
  for await (const line of createInterface({ input: process.stdin, crlfDelay: Number.POSITIVE_INFINITY })) {
    number += 1;
    const words = line.trim().split(/\s+/).filter(Boolean);
    if (words.length === 0) continue;
    given += 1;
    try {
      batch.push(parseWords(capture, [...words, ...flags]));
    } catch (error) {
      if (!(error instanceof UserError || error instanceof DataError)) throw error;
      wrong += 1;
      console.error(`line ${number}: ${messageOf(error)}`);
    }
    if (batch.length >= BATCH) {
      await save(batch);
      batch = [];
    }
  }
  await save(batch);
  if (given === 0) throw new UserError(`nothing to add: give ${capture.usage}, or lines on standard input`, 2);
  if (wrong > 0) throw new UserError(`${wrong} of ${given} lines were not added`);
}
