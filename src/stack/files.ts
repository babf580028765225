import { closeSync, fsyncSync, mkdirSync, openSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";

/** Writes a file so that a reader, or the next start after a power cut, sees all of it or the one before. */
export function writeWhole(file: string, content: string, mode = 0o600): void {
  const temporary = `${file}.${process.pid}.tmp`;
  writeFileSync(temporary, content, { mode, flush: true });
  renameSync(temporary, file);
  sync(dirname(file));
}

/** A place to build `folder` in, so that only a finished one ever has its name; what earlier tries left is removed. */
export function buildingPlace(folder: string): string {
  const prefix = `${basename(folder)}.new-`;
  for (const name of readdirSync(dirname(folder))) {
    if (name.startsWith(prefix)) rmSync(join(dirname(folder), name), { recursive: true, force: true, maxRetries: 3 });
  }
  const place = join(dirname(folder), `${prefix}${process.pid}-${Date.now()}`);
  mkdirSync(place, { mode: 0o700 });
  return place;
}

/** Gives a finished folder its name, for good: its files reach the disk before the name does. */
export function publishFolder(place: string, folder: string): void {
  for (const entry of readdirSync(place, { recursive: true, withFileTypes: true })) {
    if (entry.isFile()) sync(join(entry.parentPath, entry.name));
  }
  sync(place);
  renameSync(place, folder);
  sync(dirname(folder));
}

function sync(path: string): void {
  const file = openSync(path, "r");
  try {
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}
