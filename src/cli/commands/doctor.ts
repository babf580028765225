import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseEnv } from "node:util";
import { databaseRoles } from "../../adapters/postgres/roles.ts";
import type { App } from "../../app.ts";
import type { Config } from "../../config.ts";
import { type Check, fail, type Level, type Result, runChecks } from "../../doctor/check.ts";
import { createClock } from "../../doctor/clock.ts";
import { hereChecks } from "../../doctor/here.ts";
import { kafkaChecks } from "../../doctor/kafka.ts";
import { postgresChecks } from "../../doctor/postgres.ts";
import { STALE, STALE_DNS } from "../../doctor/stale-dns.ts";
import { UserError } from "../../engine/errors.ts";
import { count } from "../../engine/web/parts.ts";
import { rolesOf } from "../../pipeline/roles.ts";
import { redactor } from "../../runtime/redact.ts";
import { secretsOf } from "../../secrets.ts";
import type { CommandInput } from "../command.ts";
import { type Context, createContext, databaseUrlOf, kafkaBrokersOf, openCommandApp } from "../context.ts";
import { paint, plain } from "../format.ts";

/** Looks at everything between here, Postgres and Kafka, and says of each what is wrong and what to do. */
export async function doctor({ options }: CommandInput): Promise<void> {
  let context: Context;
  try {
    context = createContext();
  } catch (error) {
    return report([...hereChecks(), misconfigured(told(error))], options);
  }
  const missing = missingServers(context.config);
  const servers = { postgres: missing.postgres === null, kafka: missing.kafka === null };
  await using app = await openCommandApp("doctor", { ...servers, withAgents: true }, context);
  await report(checksOf(app, missing, stageOf(options.as, app)), options);
}

function checksOf(app: App, missing: ReturnType<typeof missingServers>, as: string | null): Check[] {
  const clock = createClock();
  return [
    ...hereChecks(),
    ...postgresChecks({ app, source: sourceOf("DATABASE_URL"), problem: missing.postgres, as }, clock),
    ...kafkaChecks({ app, source: sourceOf("KAFKA_BROKERS"), problem: missing.kafka, clock, as }),
  ];
}

async function report(checks: readonly Check[], options: CommandInput["options"]): Promise<void> {
  const results: Result[] = [];
  // What servers say is repeated here, and nobody knows what a server says.
  const redact = redactor(secretsOf(process.env));
  for await (const found of runChecks(checks)) {
    const result = redact(found) as Result;
    results.push(result);
    if (!options.json) console.log(line(result));
  }
  const failed = results.filter(({ level }) => level === "fail").length;
  if (options.json) console.log(JSON.stringify({ ok: failed === 0, checks: results }, null, 2));
  else if (options.dns || results.some(({ remedy }) => remedy?.includes(STALE))) console.log(`\n${STALE_DNS}`);
  if (failed > 0) throw new UserError(`${count(failed, "check")} failed`);
}

function misconfigured(problem: string): Check {
  const remedy = "Correct it in .env or in the environment; nothing else can be looked at before.";
  return { family: "here", name: "configuration", run: async () => fail(problem, remedy) };
}

/** Why there is no server to look at, by server; null: there is one. */
function missingServers(config: Config): { postgres: string | null; kafka: string | null } {
  const problemOf = (ask: () => unknown) => {
    try {
      ask();
      return null;
    } catch (error) {
      return told(error);
    }
  };
  // No brokers: the log is in Postgres.
  const log = () => kafkaBrokersOf(config).length > 0 || databaseUrlOf(config);
  return { postgres: problemOf(() => databaseUrlOf(config)), kafka: problemOf(log) };
}

function told(error: unknown): string {
  if (error instanceof UserError) return error.message;
  throw error;
}

function stageOf(option: unknown, { registry }: App): string | null {
  if (option === undefined) return null;
  const inPostgres = databaseRoles({ registry, tables: [], embedded: false });
  const names = [...new Set([...rolesOf(registry), ...inPostgres].map(({ name }) => name))];
  if (names.includes(String(option))) return String(option);
  throw new UserError(`--as takes one of ${names.join(", ")}`, 2);
}

/** Where a setting comes from. Bun has read `.env` before us, so only its text tells the two apart. */
function sourceOf(name: string): string {
  const value = process.env[name];
  if (value) return envFile()[name] === value ? `from ${name} in .env` : `from ${name} in the environment`;
  return process.env[`${name}_FILE`] ? `from the file in ${name}_FILE` : "of the local stack that runs (stack.env)";
}

function envFile(): NodeJS.Dict<string> {
  try {
    return parseEnv(readFileSync(join(process.cwd(), ".env"), "utf8"));
  } catch {
    return {};
  }
}

const COLOURS = { ok: "green", warn: "yellow", fail: "red", skip: "dim" } as const satisfies Record<Level, string>;

function line({ family, name, level, detail, remedy, ms }: Result): string {
  const head = `${paint(COLOURS[level], level.padEnd(4))}  ${family.padEnd(8)}  ${name.padEnd(13)}`;
  const time = ms > 0 ? paint("dim", `  ${ms} ms`) : "";
  return `${head}  ${plain(detail)}${time}${remedy ? `\n      ${paint("cyan", plain(remedy))}` : ""}`;
}
