import { randomBytes } from "node:crypto";
import { applyRoles } from "../../src/adapters/postgres/roles-apply.ts";
import { type App, type AppOptions, openApp } from "../../src/app.ts";
import { rolesOfDatabase } from "../../src/database-roles.ts";
import { silentLogger } from "../../src/engine/logger.ts";
import type { TestApp } from "./test-app.ts";

/** The roles of `db:migrate --roles` under a prefix of their own, and a login for each. */
export interface DatabaseLogins extends AsyncDisposable {
  readonly prefix: string;
  readonly names: readonly string[];
  /** The environment of a command that logs in for this role. */
  env(role: string): Record<string, string>;
  /** The same program, logged in for this role; closed with the logins. */
  app(role: string): App;
}

type Same = Partial<Pick<AppOptions, "domains" | "withAgents" | "logger" | "telemetry">>;

/**
 * Roles belong to the whole server, so their prefix is nobody else's. `same`: what the world's own program was opened with.
 * Dispose before the database goes.
 */
export async function createDatabaseLogins(
  world: Pick<TestApp, "app" | "env">,
  same: Same = {},
): Promise<DatabaseLogins> {
  const { db, databaseUrl, config, transport } = world.app;
  const prefix = `t_${randomBytes(6).toString("hex")}_`;
  const roles = await rolesOfDatabase(world.app, transport.kind === "embedded");
  await applyRoles(db, roles, prefix);
  const names = roles.map(({ name }) => name);
  const password = randomBytes(12).toString("hex");
  const login = (name: string) => `${prefix}login_${name}`;
  for (const name of names) {
    await db.unsafe(`create role ${login(name)} login password '${password}' in role ${prefix}${name}`);
  }
  const urlOf = (name: string) => {
    const url = new URL(databaseUrl);
    url.username = login(name);
    url.password = password;
    return url.href;
  };
  const common = { config, kafkaBrokers: config.kafka.brokers, logger: silentLogger, withAgents: true, ...same };
  const open = async (name: string) => [name, await openApp({ ...common, databaseUrl: urlOf(name), name })] as const;
  const apps = new Map(await Promise.all(names.map(open)));
  return {
    prefix,
    names,
    env: (name) => ({ ...world.env, DATABASE_URL: urlOf(name) }),
    app(name) {
      const app = apps.get(name);
      if (!app) throw new Error(`there is no role ${name}: ${names.join(", ")}`);
      return app;
    },
    async [Symbol.asyncDispose]() {
      await Promise.all([...apps.values()].map((app) => app[Symbol.asyncDispose]()));
      for (const name of names) {
        await db.unsafe(`drop owned by ${prefix}${name}; drop role ${login(name)}; drop role ${prefix}${name}`);
      }
    },
  };
}
