import { join } from "node:path";
import { cached, lastLine } from "./cached.ts";
import { find, run } from "./programs.ts";
import { type Python, ROOT } from "./setting.ts";

const OLDEST_PYTHON = [3, 10] as const;
const REQUIREMENTS = join(ROOT, "test", "infra", "requirements.txt");

/** Python with what requirements.txt names: moto and the linters. */
export async function preparePython(signal: AbortSignal): Promise<Python> {
  const python = find("python3");
  if (!python) return { missing: "python3 is not here" };
  const here = { cwd: ROOT, signal };
  const version = (await run([python, "-c", "import sys; print(*sys.version_info[:2])"], here)).stdout.trim();
  const [major = 0, minor = 0] = version.split(" ").map(Number);
  if (major < OLDEST_PYTHON[0] || (major === OLDEST_PYTHON[0] && minor < OLDEST_PYTHON[1]))
    return { missing: `Python ${major}.${minor} is older than ${OLDEST_PYTHON.join(".")}` };
  const venv = await cached("infra-venv", REQUIREMENTS, async (folder) => {
    const made = await run([python, "-m", "venv", folder], here);
    if (made.code !== 0) return `python3 -m venv failed: ${lastLine(made.output)}`;
    const install = [
      join(folder, "bin", "pip"),
      "install",
      "--quiet",
      "--disable-pip-version-check",
      "--require-hashes",
    ];
    const installed = await run([...install, "-r", REQUIREMENTS], here);
    return installed.code === 0 ? null : `pip install failed: ${lastLine(installed.output)}`;
  });
  return "missing" in venv ? venv : { bin: join(venv.folder, "bin") };
}
