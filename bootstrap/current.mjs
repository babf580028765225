// Set-up is redone when a lockfile changed, and only then. This file runs before every command: it has to be quick.
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";

/** Where each part notes what it was made from; removing the part removes the note. */
export const packagesStamp = (root) => join(root, "node_modules", ".set-up-from");
export const kafkaStamp = (root) => join(root, ".setup", "kafka", ".set-up-from");

/** The lockfile, and the platform, since a folder may be shared with a container of another. */
export const packagesSource = (root) =>
  fingerprint(join(root, "package-lock.json"), `${process.platform}-${process.arch}`);
export const kafkaSource = (root) => fingerprint(join(root, "src", "stack", "kafka", "pom.xml"), "");

export const packagesAreCurrent = (root) => contentOf(packagesStamp(root)) === packagesSource(root);
export const kafkaIsCurrent = (root) => contentOf(kafkaStamp(root)) === kafkaSource(root);

function fingerprint(file, more) {
  return createHash("sha256").update(readFileSync(file)).update(more).digest("hex");
}

function contentOf(file) {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return undefined;
  }
}
