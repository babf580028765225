import type { AccessOperation, Grant } from "../engine/log.ts";
import { type Bundle, bundled } from "../pipeline/bundled-rights.ts";
import { grantsFor, type Prefixes, type Role } from "../pipeline/roles.ts";
import { columns, paint } from "./format.ts";

/** Who may do what, a line for each kind of right. */
export function accessTable(roles: readonly Role[], prefixes: Prefixes): string {
  const heads = ["login", "for", "may", "on", "named"].map((head) => paint("dim", head));
  const rows = roles.flatMap((role) =>
    byPrincipal(grantsFor([role], prefixes)).map(({ principal, kind, operations, names }, index) => {
      const who = index === 0 ? [principal, role.commands.join(", ")] : ["", ""];
      return [...who, operations.join(", "), kind, names.join(", ")];
    }),
  );
  return columns([heads, ...rows]);
}

/** The same as commands of Kafka's own tools, for whoever administers a cluster that we may not. */
export function accessCommands(grants: readonly Grant[], brokers: string): string {
  const tool = `kafka-acls.sh --bootstrap-server ${brokers} --command-config admin.properties --add`;
  return byPrincipal(grants)
    .map(({ principal, kind, operations, names }) => {
      const what = operations.map((operation) => `--operation ${toolName(operation)}`).join(" ");
      return `${tool} --allow-principal ${principal} ${what} ${names.map((name) => `--${kind} ${name}`).join(" ")}`;
    })
    .join("\n");
}

function byPrincipal(grants: readonly Grant[]): (Bundle & { readonly principal: string })[] {
  const principals = Map.groupBy(grants, ({ principal }) => principal);
  return [...principals].flatMap(([principal, own]) => bundled(own).map((bundle) => ({ principal, ...bundle })));
}

/** `alter_configs` as the tool spells it: `AlterConfigs`. */
function toolName(operation: AccessOperation): string {
  return operation
    .split("_")
    .map((word) => word.charAt(0).toUpperCase() + word.slice(1))
    .join("");
}
