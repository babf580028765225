import type { DatabaseRole, Privilege, TableRights } from "./roles.ts";

/** One right of one role, as the catalog knows it. */
export interface Right {
  readonly role: string;
  readonly kind: "schema" | "table" | "sequence";
  readonly name: string;
  readonly privilege: Privilege | "usage" | string;
  /** Null: the whole of it. */
  readonly column: string | null;
}

export interface RightsPlan {
  readonly grant: readonly Right[];
  readonly revoke: readonly Right[];
}

/** The rights of roles under the names they have in the cluster. */
export function rightsOf(roles: readonly DatabaseRole[], prefix: string): Right[] {
  return roles.flatMap(({ name, tables, sequences }) => {
    const role = prefix + name;
    return [
      { role, kind: "schema", name: SCHEMA, privilege: "usage", column: null } as const,
      ...addedUp(tables).map((right) => ({ role, kind: "table" as const, ...right })),
      ...sequences.map((sequence) => ({
        role,
        kind: "sequence" as const,
        name: sequence,
        privilege: "usage",
        column: null,
      })),
    ];
  });
}

const SCHEMA = "lifestream";

/** Each right once; what may be done with the whole table is not said of its columns. */
function addedUp(tables: readonly TableRights[]): Pick<Right, "name" | "privilege" | "column">[] {
  const columns = new Map<string, Set<string> | true>();
  for (const { table, may } of tables) {
    for (const [privilege, which] of Object.entries(may)) {
      const key = `${table} ${privilege}`;
      const before = columns.get(key) ?? new Set();
      columns.set(key, which === true || before === true ? true : new Set([...before, ...which]));
    }
  }
  return [...columns].flatMap(([key, which]) => {
    const [name = "", privilege = ""] = key.split(" ");
    return (which === true ? [null] : [...which]).map((column) => ({ name, privilege, column }));
  });
}

/** What to grant and what to revoke so that exactly the wanted rights are there. Revoking comes first. */
export function planRights(wanted: readonly Right[], actual: readonly Right[]): RightsPlan {
  const [wantedKeys, actualKeys] = [new Set(wanted.map(keyOf)), new Set(actual.map(keyOf))];
  const revoke = actual.filter((right) => !wantedKeys.has(keyOf(right)));
  const revoked = new Set(revoke.map(keyOf));
  // Revoked on a table, a right goes on all its columns too.
  const goesWith = (right: Right) => revoked.has(keyOf({ ...right, column: null }));
  return { revoke, grant: wanted.filter((right) => !actualKeys.has(keyOf(right)) || goesWith(right)) };
}

function keyOf({ role, kind, name, privilege, column }: Right): string {
  return JSON.stringify([role, kind, name, privilege, column]);
}

/** The plan as SQL, one statement for each role and table. */
export function statementsOf({ grant, revoke }: RightsPlan): string[] {
  return [...statements("revoke", "from", revoke), ...statements("grant", "to", grant)];
}

function statements(verb: string, preposition: string, rights: readonly Right[]): string[] {
  const byObject = Map.groupBy(rights, ({ role, kind, name }) => JSON.stringify([role, kind, name]));
  return [...byObject.values()].map((same) => {
    const [first] = same as [Right, ...Right[]];
    const object = first.kind === "schema" ? first.name : `${SCHEMA}.${quoted(first.name)}`;
    return `${verb} ${inWords(same, quotedList)} on ${first.kind} ${object} ${preposition} ${quoted(first.role)};`;
  });
}

/** `select, update (position, kafka_offset)`: the privileges of one role on one table. */
export function inWords(
  rights: readonly Right[],
  list: (columns: readonly string[]) => string = (columns) => columns.join(", "),
): string {
  return [...Map.groupBy(rights, ({ privilege }) => privilege)]
    .map(([privilege, same]) => {
      const columns = same.flatMap(({ column }) => (column === null ? [] : [column]));
      return columns.length < same.length ? privilege : `${privilege} (${list(columns)})`;
    })
    .join(", ");
}

/** Columns as SQL takes them. */
function quotedList(columns: readonly string[]): string {
  return columns.map(quoted).join(", ");
}

/** A name as SQL takes it, whatever it holds. */
export function quoted(name: string): string {
  return /^[a-z_][a-z0-9_]*$/.test(name) ? name : `"${name.replaceAll('"', '""')}"`;
}
