import { cpSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { find, succeed } from "../programs.ts";
import { INFRASTRUCTURE } from "../setting.ts";

/** What the machine is told: the file of `user_data`, rendered as Terraform renders it. */
export async function renderUserData(
  work: string,
  signal: AbortSignal,
): Promise<string | { readonly missing: string }> {
  const program = find("terraform");
  if (!program) return { missing: "terraform is not here to render it" };
  const folder = join(work, "render"); // without a provider, so it needs no init
  mkdirSync(folder, { recursive: true });
  cpSync(join(INFRASTRUCTURE, "ec2-kafka", "user_data.sh.tftpl"), join(folder, "user_data.sh.tftpl"));
  const values =
    '{ fqdn = "localhost", volume_id = "vol-0123", image = "apache/kafka", parameter = "/stream-agents/kafka/scram", region = "us-west-2", email = "a@example.com" }';
  const input = `base64encode(templatefile("user_data.sh.tftpl", ${values}))\n`;
  const { stdout } = await succeed([program, "console"], { cwd: folder, signal, input });
  const rendered = join(work, "user_data.sh");
  writeFileSync(rendered, Buffer.from(stdout.trim().replaceAll('"', ""), "base64"));
  return rendered;
}
