import type { AccessOperation, Grant } from "../engine/ports.ts";
import { grantsFor, type Prefixes, type Role } from "../pipeline/roles.ts";
import { columns, paint } from "./format.ts";

/** The same operations on several topics or groups, as one line or command. */
interface Bundle {
  readonly principal: string;
  readonly kind: Grant["kind"];
  readonly operations: readonly AccessOperation[];
  readonly names: readonly string[];
}

function bundle(grants: readonly Grant[]): Bundle[] {
  const keyOf = ({ principal, kind }: Grant, rest: unknown) => JSON.stringify([principal, kind, rest]);
  const byResource = Map.groupBy(grants, (grant) => keyOf(grant, grant.name));
  const resources = [...byResource.values()].flatMap((all) => {
    const [first] = all;
    return first ? [{ first, operations: all.map((grant) => grant.operation) }] : [];
  });
  const bundles = Map.groupBy(resources, ({ first, operations }) => keyOf(first, operations));
  return [...bundles.values()].flatMap((alike) => {
    const [one] = alike;
    const { principal = "", kind = "topic" } = one?.first ?? {};
    return [{ principal, kind, operations: one?.operations ?? [], names: alike.map(({ first }) => first.name) }];
  });
}

/** Who may do what, a line for each kind of right. */
export function accessTable(roles: readonly Role[], prefixes: Prefixes): string {
  const heads = ["login", "for", "may", "on", "named"].map((head) => paint("dim", head));
  const rows = roles.flatMap((role) =>
    bundle(grantsFor([role], prefixes)).map(({ principal, kind, operations, names }, index) => {
      const who = index === 0 ? [principal, role.commands.join(", ")] : ["", ""];
      return [...who, operations.join(", "), kind, names.join(", ")];
    }),
  );
  return columns([heads, ...rows]);
}

/** The same as commands of Kafka's own tools, for whoever administers a cluster that we may not. */
export function accessCommands(grants: readonly Grant[], brokers: string): string {
  const tool = `kafka-acls.sh --bootstrap-server ${brokers} --command-config admin.properties --add`;
  return bundle(grants)
    .map(({ principal, kind, operations, names }) => {
      const what = operations.map((operation) => `--operation ${toolName(operation)}`).join(" ");
      return `${tool} --allow-principal ${principal} ${what} ${names.map((name) => `--${kind} ${name}`).join(" ")}`;
    })
    .join("\n");
}

/** `alter_configs` as the tool spells it: `AlterConfigs`. */
function toolName(operation: AccessOperation): string {
  return operation
    .split("_")
    .map((word) => word.charAt(0).toUpperCase() + word.slice(1))
    .join("");
}
