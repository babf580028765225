import { COLUMN_LISTS, type DatabaseRole } from "../adapters/postgres/roles.ts";
import type { RolesPlan } from "../adapters/postgres/roles-apply.ts";
import { inWords, type Right, rightsOf } from "../adapters/postgres/roles-plan.ts";
import { columns, paint } from "./format.ts";

/** Who may do what in Postgres, a line for each kind of right; then what lists of columns stand for. */
export function rolesTable(roles: readonly DatabaseRole[], prefix: string): string {
  const heads = ["role", "for", "may", "on"].map((head) => paint("dim", head));
  const rows = roles.flatMap((role) =>
    bundles(rightsOf([role], prefix)).map(([may, names], index) => {
      const who = index === 0 ? [prefix + role.name, role.commands.join(", ")] : ["", ""];
      return [...who, may, names.join(", ")];
    }),
  );
  const lists = Object.entries(COLUMN_LISTS).map(([name, list]) => `${name}: ${list.join(", ")}`);
  return [columns([heads, ...rows]), "", ...lists].join("\n");
}

/** The same rights on several tables together: what may be done, and with which. */
function bundles(rights: readonly Right[]): [may: string, names: string[]][] {
  const tables = Map.groupBy(
    rights.filter(({ kind }) => kind !== "schema"),
    ({ name }) => name,
  );
  const alike = Map.groupBy([...tables], ([, same]) => inWords(same, listed));
  return [...alike].map(([may, same]) => [may, same.map(([name]) => name)]);
}

/** A list of columns by its name, where it has one. */
function listed(these: readonly string[]): string {
  const known = Object.entries(COLUMN_LISTS).find(
    ([, list]) => list.length === these.length && list.every((column) => these.includes(column)),
  );
  return known?.[0] ?? these.join(", ");
}

/** What was done, or would be, a line for each role and each thing that deserves one. */
export function planLines({ create, grant, revoke, kept, policies }: RolesPlan, names: readonly string[]): string[] {
  const width = Math.max(...names.map((name) => name.length));
  const counted = (role: string, rights: readonly Right[]) => rights.filter((right) => right.role === role).length;
  return [
    ...names.map((role) => {
      const taken = counted(role, revoke);
      const what = [
        ...(create.includes(role) ? ["created"] : []),
        `${counted(role, grant)} granted`,
        ...(taken > 0 ? [`${taken} revoked`] : []),
        `${counted(role, kept)} there before`,
      ];
      return `${role.padEnd(width)}  ${what.join(", ")}`;
    }),
    ...revokedLines(revoke),
    ...policies.map(({ table, roles }) =>
      roles.length === 0
        ? `row-level security of ${table}: the policy is not needed any more`
        : `row-level security of ${table}: a policy for ${roles.join(", ")}`,
    ),
  ];
}

function revokedLines(revoke: readonly Right[]): string[] {
  const byTable = Map.groupBy(revoke, ({ role, name }) => `${role} on ${name}`);
  return [...byTable.values()].map((same) => `revoked: ${inWords(same)} on ${same[0]?.name} from ${same[0]?.role}`);
}
