import { chmodSync, chownSync, mkdirSync, mkdtempSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect } from "../../src/adapters/postgres/connect.ts";
import { removeStackHome } from "../../src/stack/index.ts";
import { startPostgres } from "../../src/stack/postgres.ts";
import { createAuthority } from "./secured-kafka/certificates.ts";
import { until } from "./test-app.ts";

/** A Postgres of one's own that offers TLS, with a certificate for `localhost` by an authority that nobody knows. */
export async function startTlsPostgres(): Promise<AsyncDisposable & { readonly url: string }> {
  const home = mkdtempSync(join(tmpdir(), "stream-tls-"));
  chmodSync(home, 0o755); // As root, Postgres runs as another user, which has to get in.
  for (const folder of ["run", "logs"]) mkdirSync(join(home, folder));
  const log = { info() {}, warn: console.warn };
  const server = await startPostgres({ home, log, signal: new AbortController().signal });
  const url = server.address;
  const db = connect({ url, name: "test", maxConnections: 1 });
  await offerTls(db, home);
  await db.end();
  return {
    url,
    async [Symbol.asyncDispose]() {
      await server.stop();
      removeStackHome(home);
    },
  };
}

async function offerTls(db: ReturnType<typeof connect>, folder: string): Promise<void> {
  const names = { commonName: "localhost", names: "DNS:localhost" };
  const { certFile, keyFile } = createAuthority(folder).issue("server", names);
  const [row] = await db<{ data: string }[]>`select current_setting('data_directory') as data`;
  const { uid, gid } = statSync(row?.data ?? "");
  for (const file of [certFile, keyFile]) {
    chmodSync(file, 0o600);
    chownSync(file, uid, gid);
  }
  await db.unsafe(`alter system set ssl_cert_file = '${certFile}'`);
  await db.unsafe(`alter system set ssl_key_file = '${keyFile}'`);
  await db.unsafe("alter system set ssl = on");
  await db`select pg_reload_conf()`;
  await until(async () => (await db`show ssl`)[0]?.ssl === "on");
}
