import { run } from "../programs.ts";
import { INFRASTRUCTURE, inFolder, type Setting, type StackName } from "../setting.ts";
import { openTerraform } from "../terraform.ts";

/** Form, validity, and the stack's own tests with a mocked provider. */
export async function staticChecks(stack: StackName, { report, signal }: Setting): Promise<void> {
  await inFolder(async (work) => {
    const terraform = await openTerraform(stack, work, { signal });
    if ("missing" in terraform) {
      report.skip(`${stack}: fmt, validate, terraform test`, terraform.missing);
      return;
    }
    await report.check("terraform fmt", async () => {
      const fmt = ["terraform", "fmt", "-check", "-diff", "-recursive", INFRASTRUCTURE];
      const { code, output } = await run(fmt, { cwd: work, signal });
      if (code !== 0) throw new Error(output);
    });
    await report.must("terraform validate", () => terraform.run("validate", "-no-color"));
    await report.check("terraform test", async () => {
      const { output } = await terraform.run("test", "-no-color");
      if (!/^Success! [1-9]\d* passed, 0 failed/m.test(output)) throw new Error(output);
    });
  });
}
