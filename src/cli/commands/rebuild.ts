import { classify } from "../../adapters/postgres/connect.ts";
import type { App } from "../../app.ts";
import { UserError } from "../../engine/errors.ts";
import type { Projection } from "../../engine/projection.ts";
import { type RebuildOptions, type RebuildReport, rebuild } from "../../rebuild/rebuild.ts";
import { isComplete, verify } from "../../rebuild/verify.ts";
import type { CommandInput } from "../command.ts";
import { openCommandApp } from "../context.ts";
import { plural } from "../format.ts";
import { notCompared, progressOf, tableLines } from "../rebuild-report.ts";

/** `rebuild PROJECTION|--all [--dry-run]`: a dry run ends with 1 where rows would change. */
export async function runRebuild({ args, options }: CommandInput): Promise<void> {
  await using app = await openCommandApp("rebuild", { kafka: false });
  const projections = chosen(app, args, options.all === true);
  const folding = foldOptions(app, projections);
  // Awaited here: what is returned as a promise would go on without a database.
  if (options.dryRun) return await dryRun(folding);
  const report = await rebuild(folding).catch(rethrow);
  console.log(tableLines(report.tables));
  console.log(summary(report, "brought to what the ledger gives"));
}

const WAIT_MS = 10_000;

async function dryRun(folding: RebuildOptions): Promise<void> {
  const report = await verify({ ...folding, waitMs: WAIT_MS }).catch(rethrow);
  console.log(tableLines(report.tables));
  if (report.tables.some(({ differing }) => differing > 0)) throw new UserError(summary(report, "would change"));
  console.log(summary(report, ""));
  if (!isComplete(report)) throw new UserError(notCompared(report));
}

/** How a command folds: it may be interrupted, and says how far it is. */
export function foldOptions(app: App, projections: readonly Projection[]): RebuildOptions {
  const { db, registry, clock, random } = app;
  const signal = new AbortController().signal;
  return { db, registry, projections, clock, random, signal, onProgress: progressOf("events folded") };
}

function chosen({ registry }: App, names: readonly string[], all: boolean): readonly Projection[] {
  if (all && names.length === 0) return registry.projections;
  const known = registry.projections.map(({ name }) => name);
  const unknown = names.filter((name) => !known.includes(name));
  if (unknown.length > 0) {
    throw new UserError(`there is no projection "${unknown.join(", ")}": there are ${known.join(", ")}`, 2);
  }
  if (all || names.length === 0) throw new UserError(`name a projection (${known.join(", ")}), or say --all`, 2);
  return registry.projections.filter(({ name }) => names.includes(name));
}

function summary({ events, tables, leftByAdoption, unreadable }: RebuildReport, did: string): string {
  const differing = tables.reduce((sum, table) => sum + table.differing, 0);
  const what = differing === 0 ? "every row is as the ledger gives it" : `${plural(differing, "row")} ${did}`;
  const left = leftByAdoption > 0 ? `; ${plural(leftByAdoption, "row")} of before the adoption left as they are` : "";
  const passed = unreadable.total > 0 ? `; ${plural(unreadable.total, "event")} say nothing to this program` : "";
  return `${plural(events, "event")} folded: ${what}${left}${passed}`;
}

export function rethrow(error: unknown): never {
  throw classify(error);
}
