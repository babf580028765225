import { classify } from "../../adapters/postgres/connect.ts";
import type { App } from "../../app.ts";
import { UserError } from "../../engine/errors.ts";
import type { Projection } from "../../engine/projection.ts";
import { type RebuildOptions, type RebuildReport, rebuild } from "../../rebuild/rebuild.ts";
import { verify } from "../../rebuild/verify.ts";
import type { CommandInput } from "../command.ts";
import { openCommandApp } from "../context.ts";
import { plural } from "../format.ts";
import { progressOf, tableLines } from "../rebuild-report.ts";

/** `rebuild PROJECTION|--all [--dry-run]`. */
export async function runRebuild({ args, options }: CommandInput): Promise<void> {
  await using app = await openCommandApp("rebuild", { kafka: false });
  const projections = chosen(app, args, options.all === true);
  const report = await (options.dryRun ? verify : rebuild)(foldOptions(app, projections)).catch(rethrow);
  console.log(tableLines(report.tables));
  console.log(summary(report, options.dryRun === true));
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

function summary({ events, tables, unreadable }: RebuildReport, dryRun: boolean): string {
  const differing = tables.reduce((sum, table) => sum + table.differing, 0);
  const what = differing === 0 ? "every row was as the ledger gives it" : plural(differing, "row");
  const did = differing === 0 ? "" : dryRun ? " would change" : " brought to what the ledger gives";
  const passed = unreadable.total > 0 ? `; ${plural(unreadable.total, "event")} say nothing to this program` : "";
  return `${plural(events, "event")} folded: ${what}${did}${passed}`;
}

export function rethrow(error: unknown): never {
  throw classify(error);
}
