import { spawn } from "node:child_process";
import { chmodSync, existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect } from "../../src/adapters/postgres/connect.ts";
import { until } from "./test-app.ts";

const PROGRAM = ["/usr/sbin/pgbouncer", "/usr/bin/pgbouncer", "/opt/homebrew/bin/pgbouncer"].find((path) =>
  existsSync(path),
);

/** Whether a PgBouncer is installed here. */
export const hasPgBouncer = PROGRAM !== undefined;

/** A PgBouncer in transaction mode before this database; `url` goes through it and says so. */
export async function startPgBouncer(databaseUrl: string): Promise<AsyncDisposable & { readonly url: string }> {
  const target = new URL(databaseUrl);
  const folder = mkdtempSync(join(tmpdir(), "pgbouncer-"));
  chmodSync(folder, 0o755);
  const port = await freePort();
  const login = `user=${target.username} password=${decodeURIComponent(target.password)}`;
  writeFileSync(join(folder, "users.txt"), `"${target.username}" ""\n`);
  writeFileSync(
    join(folder, "pgbouncer.ini"),
    `[databases]
* = host=${target.hostname} port=${target.port} ${login}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
auth_type = trust
auth_file = ${join(folder, "users.txt")}
pool_mode = transaction
default_pool_size = 8
ignore_startup_parameters = extra_float_digits
`,
  );
  const asUser = process.getuid?.() === 0 ? ["-u", "nobody"] : [];
  const child = spawn(PROGRAM ?? "", [...asUser, "-q", join(folder, "pgbouncer.ini")], { stdio: "ignore" });
  const url = new URL(databaseUrl);
  url.hostname = "127.0.0.1";
  url.port = String(port);
  url.searchParams.set("pgbouncer", "true");
  await until(() => answers(url.href), 10_000);
  return {
    url: url.href,
    async [Symbol.asyncDispose]() {
      const ended = new Promise((resolve) => child.once("exit", resolve));
      child.kill("SIGKILL");
      await ended;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function answers(url: string): Promise<boolean> {
  const db = connect({ url, name: "test", maxConnections: 1 });
  try {
    await db`select 1`;
    return true;
  } catch {
    return false;
  } finally {
    await db.end();
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer();
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address ? address.port : 0));
    });
  });
}
