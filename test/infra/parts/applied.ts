import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { cpSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type AwsStandIn, type Inventory, startAws } from "../aws/stand-in.ts";
import { createHookStandIns, type HookStandIns } from "../hook-stand-ins.ts";
import type { Report } from "../report.ts";
import { inFolder, type Setting, type StackName } from "../setting.ts";
import { APPLY, DESTROY, openTerraform, type Terraform } from "../terraform.ts";

/** A stack that can be applied to the stand-in for AWS. */
export interface Applied {
  readonly report: Report;
  readonly aws: AwsStandIn;
  readonly hook: HookStandIns;
  readonly terraform: Terraform;
}

/** Starts the stand-in for AWS, gives the stack the values of its example, and leaves nothing behind. */
export async function onStandIn(stack: StackName, setting: Setting, work: (applied: Applied) => Promise<void>) {
  const { report, signal } = setting;
  const title = `${stack}: apply and destroy against a stand-in for AWS`;
  const python = await setting.python();
  if ("missing" in python) return report.skip(title, python.missing);
  await inFolder(async (folder) => {
    const hook = createHookStandIns(folder);
    await using aws = await startAws(python.bin, signal);
    const env = { ...aws.env, PATH: `${hook.bin}:${process.env.PATH}` };
    const terraform = await openTerraform(stack, folder, { signal, env });
    if ("missing" in terraform) return report.skip(title, terraform.missing);
    cpSync(join(terraform.folder, "terraform.tfvars.example"), join(terraform.folder, "terraform.tfvars"));
    await work({ report, aws, hook, terraform });
  });
}

/** Before anything is there, the plan is of the size that the stack's README tells. */
export async function plansAsTold({ report, terraform }: Applied): Promise<void> {
  await report.check("the plan is as README.md tells it", async () => {
    const readme = readFileSync(join(terraform.folder, "README.md"), "utf8");
    const { stdout } = await terraform.run("plan", "-input=false", "-no-color");
    strictEqual(sizeIn(stdout), sizeIn(readme));
  });
}

function sizeIn(text: string): string | undefined {
  return /Plan: \d+ to add, \d+ to change, \d+ to destroy/.exec(text)?.[0];
}

const HOOK = "terraform_data.kafka_reset[0]";

/** The reset fails, hangs and is mended. `args`: those of the apply that made what is there. */
export async function hookFailsWell({ report, terraform, hook }: Applied, args: readonly string[]): Promise<void> {
  hook.behave("reset fails");
  await report.must("a failing reset fails the apply, and says how to do it by hand", () =>
    terraform.fails(/npm run kafka:reset -- --if-cluster-changed --yes/, ...APPLY, ...args, `-replace=${HOOK}`),
  );
  await report.must("it taints nothing but itself", async () => deepStrictEqual(await terraform.tainted(), [HOOK]));
  hook.behave("ok");
  await report.must("the next apply repeats it alone", async () => {
    deepStrictEqual(await terraform.actions(...args), [`${HOOK}: delete+create`]);
    await terraform.apply(...args);
    deepStrictEqual(await terraform.tainted(), []);
  });
}

/** Nothing is in the state any more, and AWS has what it had before. */
export async function destroyLeavesNothing({ report, aws, terraform }: Applied, before: Inventory) {
  await report.must("terraform destroy", () => terraform.run(...DESTROY));
  await report.check("it leaves nothing", async () => {
    const { stdout } = await terraform.run("state", "list");
    strictEqual(stdout.trim(), "");
    deepStrictEqual(aws.inventory(), before);
  });
}
