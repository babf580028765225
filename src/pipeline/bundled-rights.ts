import type { AccessOperation, Right } from "../engine/log.ts";

/** The same operations on several topics or groups, as one line or command. */
export interface Bundle {
  readonly kind: Right["kind"];
  readonly operations: readonly AccessOperation[];
  readonly names: readonly string[];
}

/** Puts together what a person reads as one: rights to the same thing, then things with the same rights. */
export function bundled(rights: readonly Right[]): Bundle[] {
  const byThing = Map.groupBy(rights, ({ kind, name }) => JSON.stringify([kind, name]));
  const things = [...byThing.values()].flatMap((all) => {
    const operations = all.map(({ operation }) => operation);
    return all.slice(0, 1).map(({ kind, name }) => ({ kind, name, operations }));
  });
  const alike = Map.groupBy(things, ({ kind, operations }) => JSON.stringify([kind, operations]));
  return [...alike.values()].flatMap((all) => {
    const names = all.map(({ name }) => name);
    return all.slice(0, 1).map(({ kind, operations }) => ({ kind, operations, names }));
  });
}
