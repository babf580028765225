/** What can go wrong between us and Postgres: one table from its codes to what a person can do about it. */
import { messageOf } from "../../engine/errors.ts";

/** The first row that matches the code counts. */
const TO_DO: readonly (readonly [code: RegExp, toDo: string])[] = [
  // Of the network.
  [/^(ENOTFOUND|EAI_)/, "check the name in DATABASE_URL and this machine's DNS"],
  [/^(EHOST|ENET)/, "check this machine's network, VPN and routes"],
  [/^(CONNECT_TIMEOUT|CONNECTION_SILENT|ETIMEDOUT)/, "look whether it hangs, or a firewall stands before it"],
  [/^(CONNECT|ECONN|EPIPE|ENOENT)/, "see that it runs there, or correct DATABASE_URL"],
  // Of the server: SQLSTATE.
  [/^53100$/, "make room on its disk"],
  [/^53200$/, "give it more memory, or run less beside it"],
  [/^53300$/, "raise max_connections, or end programs that hold connections"],
  [/^25006$/, "let DATABASE_URL name the primary, or take default_transaction_read_only off"],
  [/^28/, "check user and password in DATABASE_URL"],
  [/^3D000$/, "create that database, or correct DATABASE_URL"],
  [/^42501$/, 'grant the right, as "npm run db:migrate -- --roles" does for ours'],
  [/^(3F000|42P01|42703)$/, 'is the schema up to date? run "npm run db:migrate"'],
  [/^(40|55)/, "others hold what it needs; if this lasts, look for a transaction that was left open"],
  [/^57/, "it stops, starts or recovers; if this lasts, see that it runs"],
  [/^(58|XX)/, "look at the server's own log"],
];

/** One sentence: what happened, in the words of the driver or the server, and what to do where that is known. */
export function sentenceOf(error: Error & { readonly code?: unknown }, what: string): string {
  const row = TO_DO.find(([code]) => code.test(String(error.code)));
  return row ? `${what} (${messageOf(error)}): ${row[1]}` : `${what}: ${messageOf(error)}`;
}
