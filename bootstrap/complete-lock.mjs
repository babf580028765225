// npm writes only those optional packages into package-lock.json that the registry in use has, and `npm ci` then refuses
// the file where another registry has more. Run after each change of dependencies: node bootstrap/complete-lock.mjs
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const SYSTEMS = ["android", "darwin", "freebsd", "linux", "netbsd", "openbsd", "sunos", "win32"];
const PROCESSORS = ["arm", "arm64", "ia32", "ppc64", "riscv64", "s390x", "x64"];

/** Adds an entry for each optional package that the lockfile names as a dependency but does not hold; returns their names. */
export function complete(lock) {
  const added = [];
  for (const parent of Object.values({ ...lock.packages })) {
    for (const [name, version] of Object.entries(parent.optionalDependencies ?? {})) {
      if (Object.keys(lock.packages).some((path) => path.endsWith(`node_modules/${name}`))) continue;
      lock.packages[`node_modules/${name}`] = entry(name, version, parent);
      added.push(name);
    }
  }
  lock.packages = Object.fromEntries(Object.entries(lock.packages).sort(([a], [b]) => (a < b ? -1 : 1)));
  return added;
}

/** What npm would have written, but for the checksum; the name of such a package says where it runs. */
function entry(name, version, { dev }) {
  const words = name.split(/[/-]/);
  const [os, cpu] = [SYSTEMS, PROCESSORS].map((known) => words.filter((word) => known.includes(word)));
  const libc = words.includes("musl") ? ["musl"] : words.includes("gnu") ? ["glibc"] : [];
  return {
    version,
    ...(cpu.length > 0 && { cpu }),
    ...(dev && { dev }),
    ...(libc.length > 0 && { libc }),
    optional: true,
    ...(os.length > 0 && { os }),
  };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const file = new URL("../package-lock.json", import.meta.url);
  const lock = JSON.parse(readFileSync(file, "utf8"));
  console.log(`Added to package-lock.json: ${complete(lock).join(", ") || "nothing"}`);
  writeFileSync(file, `${JSON.stringify(lock, null, 2)}\n`);
}
