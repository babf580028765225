import { expect, test } from "bun:test";
import postgres from "postgres";
import { EnvironmentError } from "../../engine/errors.ts";
import { waitingFor } from "../../engine/outage.ts";
import { classify } from "./connect.ts";

const ofServer = (code: string, message: string) => new postgres.PostgresError({ code, message } as never);
const ofNetwork = (code: string, message: string) => Object.assign(new Error(message), { code });

/** Each way that Postgres is not there for us, what of its own words stays, and what a person is told to do. */
const PROBLEMS: readonly [string, Error, RegExp, RegExp][] = [
  ["refused", ofNetwork("ECONNREFUSED", "connect ECONNREFUSED 10.0.0.5:5432"), /10\.0\.0\.5:5432/, /see that it runs/],
  ["without a name", ofNetwork("ENOTFOUND", "getaddrinfo ENOTFOUND db.lan"), /db\.lan/, /DATABASE_URL/],
  ["out of reach", ofNetwork("EHOSTUNREACH", "connect EHOSTUNREACH 10.0.0.5"), /10\.0\.0\.5/, /network/],
  ["ended", ofNetwork("CONNECTION_CLOSED", "10.0.0.5:5432 ended the connection"), /ended/, /see that it runs/],
  ["silent", ofNetwork("CONNECTION_SILENT", "10.0.0.5:5432 gave no answer within 30 s"), /no answer/, /hangs/],
  ["too slow to let us in", ofNetwork("CONNECT_TIMEOUT", "10.0.0.5:5432 is silent"), /10\.0\.0\.5/, /hangs|firewall/],
  ["full", ofServer("53100", "could not extend file"), /could not extend/, /make room on its disk/],
  ["out of memory", ofServer("53200", "out of memory"), /out of memory/, /memory/],
  ["crowded", ofServer("53300", "sorry, too many clients already"), /too many clients/, /max_connections/],
  ["read-only", ofServer("25006", "cannot execute INSERT in a read-only transaction"), /read-only/, /primary/],
  ["of another password", ofServer("28P01", 'password authentication failed for user "x"'), /user "x"/, /DATABASE_URL/],
  ["of no such role", ofServer("28000", 'role "x" does not exist'), /role "x"/, /DATABASE_URL/],
  ["of no such database", ofServer("3D000", 'database "x" does not exist'), /database "x"/, /DATABASE_URL/],
  ["without a right", ofServer("42501", "permission denied for table links"), /table links/, /db:migrate -- --roles/],
  ["without our schema", ofServer("42P01", 'relation "x" does not exist'), /relation "x"/, /run "npm run db:migrate"/],
  ["starting", ofServer("57P03", "the database system is starting up"), /starting up/, /if this lasts/],
  [
    "stopping",
    ofServer("57P01", "terminating connection due to administrator command"),
    /administrator/,
    /if this lasts/,
  ],
];

test.each(PROBLEMS)(
  "given a Postgres that is %s, when told, then what, what happens by itself and what to do are said",
  (_, error, what, todo) => {
    const problem = classify(error);
    expect(problem).toBeInstanceOf(EnvironmentError);
    const line = waitingFor(problem as EnvironmentError);
    expect(line).toMatch(/^waiting: Postgres/);
    expect(line).toMatch(what);
    expect(line).toMatch(todo);
    expect(line).toMatch(/nothing is lost, it is tried again by itself$/);
  },
);
