import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { renderUserData } from "../machine/render.ts";
import { find, succeed } from "../programs.ts";
import { INFRASTRUCTURE, inFolder, ROOT, type Setting } from "../setting.ts";

const ACTIONLINT = "github.com/rhysd/actionlint/cmd/actionlint@v1.7.12";
const STUBS = join(ROOT, "test", "infra", "machine", "bin");

/** What the linters of shell, Dockerfiles, workflows and alert rules say. */
export async function lint(setting: Setting): Promise<void> {
  await inFolder(async (work) => {
    await shell(setting, work);
    await dockerfile(setting);
    await workflows(setting, work);
    await alertRules(setting);
  });
}

async function shell({ report, signal, python }: Setting, work: string): Promise<void> {
  const scripts = [join(INFRASTRUCTURE, "reset-hook.sh"), ...readdirSync(STUBS).map((name) => join(STUBS, name))];
  const rendered = await renderUserData(work, signal);
  if (typeof rendered === "string") scripts.push(rendered);
  else report.skip("user_data: bash -n, shellcheck", rendered.missing);
  await report.check("bash -n", async () => {
    for (const script of scripts) await succeed(["bash", "-n", script], { cwd: work, signal });
  });
  const venv = await python();
  if ("missing" in venv) return report.skip("shellcheck", venv.missing);
  await report.check("shellcheck", () =>
    succeed([join(venv.bin, "shellcheck"), "-x", "-P", "SCRIPTDIR", ...scripts], { cwd: work, signal }),
  );
}

async function dockerfile({ report, signal, python }: Setting): Promise<void> {
  if (!existsSync(join(ROOT, "Dockerfile"))) return report.skip("hadolint", "there is no Dockerfile");
  const venv = await python();
  if ("missing" in venv) return report.skip("hadolint", venv.missing);
  await report.check("hadolint", () => succeed([join(venv.bin, "hadolint"), "Dockerfile"], { cwd: ROOT, signal }));
}

/** By Go, since no registry of ours has its binary; outside of the project, which is no Go module. */
async function workflows({ report, signal, python }: Setting, work: string): Promise<void> {
  const files = filesIn(join(ROOT, ".github", "workflows"), /\.ya?ml$/);
  if (files.length === 0) return report.skip("actionlint", "there are no workflows");
  const actionlint = find("actionlint");
  if (!actionlint && !find("go")) return report.skip("actionlint", "neither actionlint nor go is here");
  const command = actionlint ? [actionlint] : ["go", "run", ACTIONLINT];
  const venv = await python();
  const PATH = "bin" in venv ? `${venv.bin}:${process.env.PATH}` : process.env.PATH; // it asks shellcheck too
  await report.check("actionlint", () => succeed([...command, ...files], { cwd: work, signal, env: { PATH } }));
}

async function alertRules({ report, signal }: Setting): Promise<void> {
  const all = filesIn(join(ROOT, "deploy", "prometheus"), /\.ya?ml$/);
  const tests = all.filter((file) => /[._-]test\.ya?ml$/.test(file));
  const rules = all.filter((file) => !tests.includes(file) && !/prometheus\.ya?ml$/.test(file));
  if (rules.length === 0) return report.skip("promtool", "there are no alert rules");
  if (!find("promtool")) return report.skip("promtool", "promtool is not here");
  await report.check("promtool check rules", () =>
    succeed(["promtool", "check", "rules", ...rules], { cwd: ROOT, signal }),
  );
  if (tests.length > 0)
    await report.check("promtool test rules", () =>
      succeed(["promtool", "test", "rules", ...tests], { cwd: ROOT, signal }),
    );
}

function filesIn(folder: string, pattern: RegExp): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((name) => pattern.test(name))
    .map((name) => join(folder, name));
}
