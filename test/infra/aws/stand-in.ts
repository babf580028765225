/** AWS on loopback (aws.py), for Terraform and for questions of our own. */
import { spawn } from "node:child_process";
import { join } from "node:path";
import { cleanEnvironment } from "../programs.ts";
import { ROOT } from "../setting.ts";

export interface AwsStandIn extends AsyncDisposable {
  /** What programs need to ask it instead of AWS. */
  readonly env: Readonly<Record<string, string>>;
  /** Makes a public hosted zone, which the machine's stack expects to find. */
  createZone(name: string): void;
  /** Names of all that exists in it, by kind. */
  inventory(): Inventory;
}

/** Names of what exists, by kind. */
export type Inventory = Readonly<Record<string, readonly string[]>>;

const READY_MS = 60_000;
export const REGION = "us-west-2";

export async function startAws(bin: string, signal: AbortSignal): Promise<AwsStandIn> {
  const python = join(bin, "python");
  const child = spawn(python, ["-B", join(ROOT, "test", "infra", "aws", "aws.py")], {
    env: cleanEnvironment(),
    stdio: ["pipe", "pipe", "pipe"],
    signal,
  });
  child.on("error", () => {}); // Aborted; whoever waits for it hears of it below.
  let said = "";
  child.stderr.setEncoding("utf8").on("data", (text) => {
    said = `${said}${text}`.slice(-4_000);
  });
  const port = await new Promise<string>((resolve, reject) => {
    const late = setTimeout(() => reject(new Error("the stand-in for AWS did not start in time")), READY_MS);
    child.once("exit", (code) => reject(new Error(`the stand-in for AWS ended (${code})\n${said}`)));
    child.stdout.setEncoding("utf8").on("data", (text) => {
      const port = /listening on (\d+)/.exec(text)?.[1];
      if (!port) return;
      clearTimeout(late);
      resolve(port);
    });
  });
  const env = {
    AWS_ENDPOINT_URL: `http://127.0.0.1:${port}`,
    AWS_ACCESS_KEY_ID: "test",
    AWS_SECRET_ACCESS_KEY: "test",
    AWS_REGION: REGION,
    AWS_DEFAULT_REGION: REGION,
  };
  const ask = (args: readonly string[]) => {
    const inherited = { ...cleanEnvironment(), ...env };
    const { stdout, stderr, exitCode } = Bun.spawnSync([python, "-B", ...args], { env: inherited });
    if (exitCode !== 0) throw new Error(stderr.toString());
    return stdout.toString();
  };
  return {
    env,
    createZone(name) {
      const client = 'import boto3; boto3.client("route53")';
      ask(["-c", `${client}.create_hosted_zone(Name="${name}", CallerReference="1")`]);
    },
    inventory: () => JSON.parse(ask([join(ROOT, "test", "infra", "aws", "inventory.py")])),
    async [Symbol.asyncDispose]() {
      const ended = new Promise((resolve) => child.once("exit", resolve));
      child.stdin.end();
      if (child.exitCode === null && child.signalCode === null) await ended;
    },
  };
}
