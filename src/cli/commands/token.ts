import { createTokens, type Tokens } from "../../adapters/postgres/tokens.ts";
import { UserError } from "../../engine/errors.ts";
import { exactTime } from "../../engine/web/parts.ts";
import type { CommandInput } from "../command.ts";
import { openCommandApp } from "../context.ts";
import { columns, paint } from "../format.ts";

/** `token create NAME [--scope capture]`, `token list`, `token revoke NAME`. */
export async function token({ args: [action, name], options }: CommandInput): Promise<void> {
  if (action === "list" && name === undefined) return list();
  if (action === "create" && name !== undefined) return create(name, String(options.scope ?? "capture"));
  if (action === "revoke" && name !== undefined) return revoke(name);
  throw new UserError("usage: token create NAME [--scope capture|read|admin] | token list | token revoke NAME", 2);
}

async function create(name: string, scope: string): Promise<void> {
  const made = await withTokens((tokens) =>
    tokens.create(
      name,
      scope.split(",").map((one) => one.trim()),
    ),
  );
  console.log(made);
  console.error(`This is shown once. Send it as "Authorization: Bearer ${made.slice(0, 6)}…".`);
}

async function revoke(name: string): Promise<void> {
  await withTokens((tokens) => tokens.revoke(name));
  console.log(`revoked ${name}`);
}

async function list(): Promise<void> {
  const tokens = await withTokens((all) => all.list());
  if (tokens.length === 0) return console.log('no tokens: "npm run token -- create NAME" makes one');
  const heads = ["NAME", "SCOPES", "CREATED", "LAST USED"].map((head) => paint("dim", head));
  const rows = tokens.map((one) => [
    one.name,
    one.scopes.join(","),
    exactTime(one.createdAt),
    one.lastUsedAt ? exactTime(one.lastUsedAt) : "never",
  ]);
  console.log(columns([heads, ...rows]));
}

async function withTokens<T>(work: (tokens: Tokens) => Promise<T>): Promise<T> {
  await using app = await openCommandApp("token", { kafka: false });
  return await work(createTokens(app.db));
}
