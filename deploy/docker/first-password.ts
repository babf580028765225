/** Makes the database's password the first time: a file for Postgres, and one with the whole address for our programs. */
import { randomBytes } from "node:crypto";
import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const folder = process.argv[2] ?? "/secrets";
const passwordFile = join(folder, "postgres-password");

if (!existsSync(passwordFile)) write(passwordFile, randomBytes(24).toString("base64url"));
const password = readFileSync(passwordFile, "utf8").trim();
write(join(folder, "database-url"), `postgres://stream:${encodeURIComponent(password)}@postgres:5432/stream`);

/** Whole or not at all. Readable by all: only the containers that mount the volume see it, under users of their own. */
function write(file: string, content: string): void {
  writeFileSync(`${file}.new`, `${content}\n`, { mode: 0o444 });
  renameSync(`${file}.new`, file);
}
