import { classify, type Database, isTransactionPooler } from "../adapters/postgres/connect.ts";
import { pendingMigrations } from "../adapters/postgres/migrate.ts";
import { type App, allMigrations } from "../app.ts";
import { messageOf } from "../engine/errors.ts";
import { within } from "../engine/patience.ts";
import { addressOf } from "../server.ts";
import { type Check, fail, type Outcome, ok, warn } from "./check.ts";
import type { Clock } from "./clock.ts";
import { addressesOf, connectTime, describeCertificate, postgresCertificateOf } from "./network.ts";
import { checkRights } from "./postgres-rights.ts";
import { mayBeStale, STALE } from "./stale-dns.ts";

/** A server to look at, and where its address came from; `problem`: there is none. */
export interface Target {
  readonly app: App;
  readonly source: string;
  readonly problem: string | null;
}

const DEFAULT_PORT = 5432;
/** gen_random_uuid() without an extension. */
const OLDEST = 13;

export interface PostgresTarget extends Target {
  /** The stage that this login is for; null: told by its role, or all. */
  readonly as: string | null;
}

export function postgresChecks(target: PostgresTarget, clock: Clock): Check[] {
  const { app, source, problem, as } = target;
  const check = (name: string, needs: readonly string[], run: Check["run"]): Check => ({
    family: "Postgres",
    name,
    needs,
    run,
  });
  if (problem) return [check("address", [], async () => fail(problem, "See .env.example for the form of an address."))];
  const url = new URL(app.databaseUrl);
  const host = url.hostname.replace(/^\[|\]$/g, "");
  const port = Number(url.port || DEFAULT_PORT);
  const asked = <T>(question: Promise<T>) =>
    question.catch((error) => {
      throw classify(error);
    });
  return [
    check("address", [], async () => ok(`${addressOf(app.databaseUrl)} as ${url.username || "nobody"}, ${source}`)),
    check("DNS", ["address"], () => checkName(host)),
    check("TCP", ["DNS"], () => checkPort(host, port)),
    check("TLS", ["TCP"], () => checkTls(host, port, url)),
    check("login", ["TCP"], () => checkLogin(app.db)),
    check("version", ["login"], () => asked(checkVersion(app.db))),
    check("notifications", ["login"], () => asked(checkListen(app))),
    check("clock", ["login"], () => asked(clock.check(app.db))),
    check("schema", ["login"], () => asked(checkSchema(app))),
    check("rights", ["login", "schema"], () => asked(checkRights(app, as))),
  ];
}

async function checkName(host: string): Promise<Outcome> {
  try {
    return ok((await addressesOf(host)).join(", "));
  } catch (error) {
    return fail(messageOf(error), `The name ${host} has no address: check DATABASE_URL and this machine's DNS.`);
  }
}

async function checkPort(host: string, port: number): Promise<Outcome> {
  try {
    return ok("open", { ms: await connectTime(host, port) });
  } catch (error) {
    const remedy = "Start Postgres there, correct DATABASE_URL, or open the port for this machine.";
    return fail(`${host}:${port}: ${messageOf(error)}`, mayBeStale(host) ? `${remedy} ${STALE}` : remedy);
  }
}

const LOOPBACK = /^(127\.|localhost$|::1$)/;

async function checkTls(host: string, port: number, url: URL): Promise<Outcome> {
  const certificate = await postgresCertificateOf(host, port);
  const asked = url.searchParams.get("sslmode") ?? url.searchParams.get("ssl") ?? "disable";
  const used = asked !== "disable" && asked !== "false";
  if (!used && LOOPBACK.test(host)) return ok("not used, nor needed on this machine");
  if (!certificate) return used ? fail("the server offers none", "Remove sslmode from DATABASE_URL.") : inTheClear();
  const { text, isSoon } = describeCertificate(certificate, new Date());
  if (!used) return inTheClear(`; the server offers TLS (${text})`);
  return isSoon ? warn(text, "Renew the server's certificate.") : ok(text);
}

function inTheClear(more = ""): Outcome {
  return warn(`password and data travel in the clear${more}`, "Add ?sslmode=require to DATABASE_URL.");
}

async function checkLogin(db: Database): Promise<Outcome> {
  try {
    const [row] = await db<{ who: string }[]>`select current_user || ' in ' || current_database() as who`;
    return ok(row?.who ?? "");
  } catch (error) {
    const code = String((error as { code?: unknown }).code);
    return fail(messageOf(classify(error)), REMEDIES[code] ?? "Check DATABASE_URL.");
  }
}

/** By SQLSTATE. */
const REMEDIES: Readonly<Record<string, string>> = {
  "28P01": "The password is wrong, or there is no such user: check DATABASE_URL.",
  "28000":
    "The server does not let this user in: check DATABASE_URL, pg_hba.conf, and whether it wants sslmode=require.",
  "3D000": 'There is no such database: create it ("createdb NAME"), or correct DATABASE_URL.',
  "53300": "All connections are taken: stop what holds them, raise max_connections, or use a pooler.",
};

async function checkVersion(db: Database): Promise<Outcome> {
  const [row] = await db<{ version: string; number: number }[]>`
    select current_setting('server_version') as version, current_setting('server_version_num')::int as number`;
  const major = Math.floor((row?.number ?? 0) / 10_000);
  const detail = `Postgres ${row?.version}`;
  return major >= OLDEST ? ok(detail) : fail(detail, `Upgrade it: ${OLDEST} is the oldest that works.`);
}

const LISTEN_MS = 2_000;

async function checkListen({ db, databaseUrl }: App): Promise<Outcome> {
  const slower = "the relay and the dispatcher poll once a second instead of being woken";
  if (isTransactionPooler(databaseUrl)) return warn(`a transaction pooler, no LISTEN: ${slower}`, DIRECT);
  const heard = Promise.withResolvers<boolean>();
  // A pooler that its address does not give away takes LISTEN, and then nothing ever comes.
  const listening = db.listen(
    CHANNEL,
    () => heard.resolve(true),
    () => void db.notify(CHANNEL, "").catch(() => heard.resolve(false)),
  );
  listening.catch(() => heard.resolve(false));
  const works = await within(LISTEN_MS, heard.promise, () => false);
  await listening.then(({ unlisten }) => unlisten()).catch(() => {});
  return works ? ok("LISTEN works") : warn(`LISTEN does not work: ${slower}`, DIRECT);
}

const CHANNEL = "lifestream_doctor";
const DIRECT = "Everything works, only slower; use the database's direct address for less delay.";

async function checkSchema({ db, registry }: App): Promise<Outcome> {
  const pending = await pendingMigrations(db, await allMigrations(registry));
  if (pending.length === 0) return ok("up to date");
  return fail(`lacks ${pending.join(", ")}`, 'Run "npm run db:migrate".');
}
