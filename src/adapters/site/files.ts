import { randomBytes } from "node:crypto";
import type { Stats } from "node:fs";
import { open, readdir, readFile, rename, stat, unlink } from "node:fs/promises";
import { basename, dirname, join } from "node:path";

/** Says which run a temp file belongs to. The pid alone would not: in a container every run may have the same one. */
const RUN = `${process.pid}-${randomBytes(4).toString("hex")}`;
const LEFTOVER = /^\.tmp-(\d+)-[0-9a-f]{8}-/;
const FORGOTTEN_MS = 60 * 60 * 1000;
let written = 0;

const errorCode = (error: unknown): unknown => (error as NodeJS.ErrnoException | null)?.code;

/** A file's text; null if there is none. */
export async function readText(path: string): Promise<string | null> {
  return absentAsNull(readFile(path, "utf8"));
}

/** Says which state of a file this is. A rename always brings a new inode, so a change within the clock's tick is seen too. */
export function stampOf({ mtimeMs, size, ino }: Stats): string {
  return `${mtimeMs}:${size}:${ino}`;
}

/** Deletes a file; false if there was none. */
export async function removeFile(path: string): Promise<boolean> {
  return (await absentAsNull(unlink(path).then(() => true))) ?? false;
}

/** Null where the file does not exist, any other failure thrown. */
export async function absentAsNull<T>(result: Promise<T>): Promise<T | null> {
  try {
    return await result;
  } catch (error) {
    if (errorCode(error) === "ENOENT") return null;
    throw error;
  }
}

/** Brings a file to this text, whole or not at all, and leaves it alone if it says so already. Returns its stamp. */
export async function writeText(path: string, text: string): Promise<string> {
  const there = await readStamped(path);
  if (there?.text === text) return there.stamp;
  try {
    return await replaceFile(path, text);
  } catch (error) {
    if (errorCode(error) !== "ENOENT") throw error;
    // Another process took our temp file for a leftover (it cannot see our pid): once more.
    return await replaceFile(path, text);
  }
}

async function readStamped(path: string): Promise<{ text: string; stamp: string } | null> {
  const file = await absentAsNull(open(path, "r"));
  if (!file) return null;
  try {
    return { text: await file.readFile("utf8"), stamp: stampOf(await file.stat()) };
  } finally {
    await file.close();
  }
}

async function replaceFile(path: string, text: string): Promise<string> {
  written += 1;
  const temp = join(dirname(path), `.tmp-${RUN}-${written}-${basename(path)}`);
  try {
    const file = await open(temp, "wx");
    try {
      await file.writeFile(text, "utf8");
      await file.sync();
      await rename(temp, path);
      return stampOf(await file.stat());
    } finally {
      await file.close();
    }
  } catch (error) {
    await removeFile(temp).catch(() => false);
    throw error;
  }
}

/** Makes renames and deletions in a folder survive a power cut: an un-published link must not come back. */
export async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, "r");
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

/** Deletes temp files of runs that are gone. Returns how many. */
export async function removeLeftovers(folder: string, now: number): Promise<number> {
  let removed = 0;
  for (const name of await readdir(folder)) {
    const pid = LEFTOVER.exec(name)?.[1];
    if (!pid || name.startsWith(`.tmp-${RUN}-`)) continue;
    const path = join(folder, name);
    if (isAnotherLivingProcess(Number(pid)) && !(await isForgotten(path, now))) continue;
    if (await removeFile(path)) removed += 1;
  }
  return removed;
}

function isAnotherLivingProcess(pid: number): boolean {
  if (pid === process.pid) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return errorCode(error) === "EPERM";
  }
}

async function isForgotten(path: string, now: number): Promise<boolean> {
  const found = await absentAsNull(stat(path));
  return found !== null && now - found.mtimeMs > FORGOTTEN_MS;
}
