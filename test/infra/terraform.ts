import { cpSync } from "node:fs";
import { basename, join } from "node:path";
import { type Ended, fail, find, type RunOptions, run, succeed } from "./programs.ts";
import { INFRASTRUCTURE, type StackName } from "./setting.ts";

/** A stack in a folder of its own: the project's files, without anybody's state, values or providers. */
export interface Terraform {
  readonly folder: string;
  /** Must succeed. */
  run(...args: readonly string[]): Promise<Ended>;
  fails(says: RegExp, ...args: readonly string[]): Promise<Ended>;
  apply(...args: readonly string[]): Promise<Ended>;
  /** What a plan would do, as "address: action" without what stays, sorted. */
  actions(...args: readonly string[]): Promise<string[]>;
  unchanged(...args: readonly string[]): Promise<void>;
  output(name: string): Promise<string>;
  /** Addresses that the next apply makes anew. */
  tainted(): Promise<string[]>;
}

const NO_QUESTIONS = ["-auto-approve", "-input=false", "-no-color"];
const PRIVATE = /^(\.terraform|terraform\.tfvars|.*\.tfstate.*|.*\.tfplan)$/;
const NO_PROVIDER =
  /Failed to query available provider packages|Could not retrieve the list of available versions|could not connect to/;

/** Copies a stack and its hook below `work`, as `work/infrastructure/STACK`. */
export function copyStack(stack: StackName, work: string): string {
  const folder = join(work, "infrastructure", stack);
  const filter = (source: string) => !PRIVATE.test(basename(source));
  cpSync(join(INFRASTRUCTURE, stack), folder, { recursive: true, filter });
  cpSync(join(INFRASTRUCTURE, "reset-hook.sh"), join(work, "infrastructure", "reset-hook.sh"));
  return folder;
}

/** Initializes a copy of the stack; a sentence where Terraform or the provider cannot be had. */
export async function openTerraform(
  stack: StackName,
  work: string,
  options: Pick<RunOptions, "signal" | "env">,
): Promise<Terraform | { readonly missing: string }> {
  const program = find("terraform");
  if (!program) return { missing: "terraform is not here" };
  const folder = copyStack(stack, work);
  const inStack = { ...options, cwd: folder, env: { TF_IN_AUTOMATION: "1", ...options.env } };
  const plugins = process.env.TF_PLUGIN_DIR;
  const init = [program, "init", "-input=false", "-no-color", "-lockfile=readonly"];
  const ended = await run([...init, ...(plugins ? [`-plugin-dir=${plugins}`] : [])], inStack);
  if (ended.code !== 0 && NO_PROVIDER.test(ended.output))
    return {
      missing: "the AWS provider cannot be had: let terraform reach its registry, or name its folder in TF_PLUGIN_DIR",
    };
  if (ended.code !== 0) throw new Error(`terraform init\n${ended.output}`);

  const json = async (...args: readonly string[]) =>
    JSON.parse((await succeed([program, "show", "-json", ...args], inStack)).stdout);
  const terraform: Terraform = {
    folder,
    run: (...args) => succeed([program, ...args], inStack),
    fails: (says, ...args) => fail([program, ...args], inStack, says),
    apply: (...args) => terraform.run("apply", ...NO_QUESTIONS, ...args),
    async actions(...args) {
      await terraform.run("plan", "-input=false", "-no-color", "-out=plan.tfplan", ...args);
      return actionsOf(await json("plan.tfplan"));
    },
    async unchanged(...args) {
      await terraform.run("plan", "-input=false", "-no-color", "-detailed-exitcode", ...args);
    },
    output: async (name) => (await terraform.run("output", "-raw", name)).stdout,
    async tainted() {
      const { values } = (await json()) as { values: { root_module: { resources: Resource[] } } };
      return values.root_module.resources.filter((one) => one.tainted).map((one) => one.address);
    },
  };
  return terraform;
}

/** Arguments for `run` and `fails` that apply without asking. */
export const APPLY = ["apply", ...NO_QUESTIONS] as const;
export const DESTROY = ["destroy", ...NO_QUESTIONS] as const;

interface Resource {
  readonly address: string;
  readonly tainted?: boolean;
}

interface Plan {
  readonly resource_changes: readonly { readonly address: string; readonly change: { readonly actions: string[] } }[];
}

function actionsOf({ resource_changes }: Plan): string[] {
  return resource_changes
    .map(({ address, change }) => ({ address, action: change.actions.join("+") }))
    .filter(({ action }) => action !== "no-op" && action !== "read")
    .map(({ address, action }) => `${address}: ${action}`)
    .sort();
}
