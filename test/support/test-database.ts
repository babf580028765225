import { connect } from "../../src/adapters/postgres/connect.ts";
import { coreMigrations, migrate } from "../../src/adapters/postgres/migrate.ts";
import { testServers } from "./servers.ts";

/** A migrated database of one's own; disposing drops it. */
export async function createTestDatabase(): Promise<AsyncDisposable & { readonly url: string; readonly name: string }> {
  const { databaseUrl } = await testServers();
  const name = `t_${crypto.randomUUID().replaceAll("-", "").slice(0, 16)}`;
  await onServer(databaseUrl, `create database ${name}`);
  const url = new URL(databaseUrl);
  url.pathname = `/${name}`;
  const db = connect({ url: url.href, name: "test", maxConnections: 1 });
  await migrate(db, await coreMigrations());
  await db.end();
  return {
    url: url.href,
    name,
    [Symbol.asyncDispose]: () => onServer(databaseUrl, `drop database ${name} with (force)`),
  };
}

async function onServer(databaseUrl: string, statement: string): Promise<void> {
  const db = connect({ url: databaseUrl, name: "test admin", maxConnections: 1 });
  await db.unsafe(statement);
  await db.end();
}
